import type { Readable } from 'node:stream';
import { type Condition, compileCondition, type Rejection } from '../../conditions/condition.ts';
import { MessageScope } from '../../conditions/message-scope.ts';
import type { RouteProblem } from '../../conditions/route-problem.ts';
import type { Value } from '../../conditions/static-type.ts';
import { readsTwinChanges } from '../../edge-hub/routing/message-source.ts';
import { type CompiledRoute, compileRoute } from '../../edge-hub/routing/route.ts';
import type { Message } from '../../protocol/message.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';
import { exitCode } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import { textLines } from '../text-lines.ts';
import { type RouteParts, routeParts } from './route-parts.ts';

/** Options of `route evaluate`. */
export interface RouteEvaluateOptions {
	readonly compatibility: 'none' | 'azure';
}

/** What a line comes to. */
type Result = boolean | 'undefined' | 'valid' | { readonly value: Value } | RouteParts;

/** One line of the answer. */
type Answer =
	| { readonly result: Result }
	| { readonly result: string; readonly problems: readonly RouteProblem[] }
	| { readonly error: string; readonly line: number };

/**
 * Reads JSON lines `{route | condition, message}` and answers each with a line: whether the message
 * takes the route, or why the text is no route. Without a message: the parts of a route; of a condition
 * that is the same for every message what it gives, and of another one that it is valid.
 *
 * @returns 2 when a line of the input could not be read; it is answered with `{"error", "line"}`.
 */
export async function evaluateRoutes(
	input: Readable,
	options: RouteEvaluateOptions,
	terminal: Terminal,
): Promise<number> {
	const compatibility = options.compatibility === 'azure' ? 'azure' : 'standard';
	let code: number = exitCode.ok;
	let number = 0;
	for await (const line of textLines(input)) {
		number += 1;
		if (line.trim() === '') continue;
		const answer = answerLine(line, number, compatibility);
		if ('error' in answer) code = exitCode.badInput;
		terminal.write(`${JSON.stringify(answer)}\n`);
	}
	return code;
}

function answerLine(text: string, line: number, compatibility: 'standard' | 'azure'): Answer {
	try {
		const question: unknown = JSON.parse(text);
		if (!isJsonObject(question)) return { error: 'The line is not a JSON object.', line };
		const { route, condition, message } = question;
		if (typeof route === 'string') {
			return answerRoute(compileRoute('route', route, { compatibility }), message);
		}
		if (typeof condition !== 'string') {
			return { error: 'There is neither route nor condition.', line };
		}
		const source = sourceOf(message);
		return answerCondition(
			compileCondition(condition, {
				compatibility,
				twinChanges: source !== undefined && readsTwinChanges(source),
			}),
			message,
		);
	} catch (error) {
		return { error: messageOf(error), line };
	}
}

function answerRoute(route: CompiledRoute | Rejection, message: JsonValue | undefined): Answer {
	if ('problems' in route) return rejection(route);
	if (!isJsonObject(message)) return { result: routeParts(route) };
	if (!route.matchesSource(sourceOf(message))) return { result: false };
	return { result: resultOf(route.condition, messageFrom(message)) };
}

function answerCondition(condition: Condition | Rejection, message: JsonValue | undefined): Answer {
	if ('problems' in condition) return rejection(condition);
	if (isJsonObject(message)) return { result: resultOf(condition, messageFrom(message)) };
	if (condition.reads.length > 0) return { result: 'valid' };
	const value = condition.value(new MessageScope(messageFrom({})));
	if (typeof value !== 'number' && typeof value !== 'string') {
		return { result: resultOf(condition, messageFrom({})) };
	}
	// JSON has no word for these.
	return { result: { value: Number.isFinite(value) ? value : String(value) } };
}

function resultOf(condition: Condition, message: Message): boolean | 'undefined' {
	return condition.test(new MessageScope(message)) ?? 'undefined';
}

function sourceOf(message: JsonValue | undefined): string {
	return String((isJsonObject(message) ? message['source'] : undefined) ?? '/messages');
}

const results = { syntax: 'syntax-error', type: 'type-error', sink: 'sink-error' } as const;

function rejection({ problems }: Rejection): Answer {
	return { result: results[problems[0]?.kind ?? 'syntax'], problems };
}

/** `{body, bodyEncoding, properties, systemProperties}`; a body that is a text is taken as it stands. */
function messageFrom(message: JsonObject): Message {
	const { body = '', bodyEncoding, properties, systemProperties } = message;
	const text = typeof body === 'string' ? body : JSON.stringify(body);
	return {
		body: encode(text, String(bodyEncoding ?? 'utf-8').toLowerCase()),
		properties: new Map(entries(properties)),
		systemProperties: new Map(
			entries(systemProperties).flatMap(([name, value]) => (value === null ? [] : [[name, value]])),
		),
	};
}

function entries(members: JsonValue | undefined): [string, string | null][] {
	if (!isJsonObject(members)) return [];
	return Object.entries(members).map(([name, value]) => [
		name,
		value === null || value === undefined ? null : String(value),
	]);
}

function encode(text: string, encoding: string): Uint8Array {
	if (encoding === 'base64') return Buffer.from(text, 'base64');
	if (encoding === 'utf-16') return Buffer.from(text, 'utf16le');
	if (encoding !== 'utf-32') return Buffer.from(text);
	const points = Uint32Array.from(text, (character) => character.codePointAt(0) ?? 0);
	return new Uint8Array(points.buffer);
}
