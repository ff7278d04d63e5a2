import jsonc, { type Node, type ParseError } from 'jsonc-parser';
import type { JsonValue } from '../runtime/json.ts';
import { itemPath, memberPath } from './json-path.ts';
import { nestingDepth } from './nesting-depth.ts';
import type { Problem } from './problem.ts';

/** The longest text that is parsed, in UTF-16 units. IoT Hub takes 128 KB of a manifest. */
export const maxTextLength = 4 * 1024 * 1024;
/** The deepest nesting that is parsed. */
export const maxDepth = 100;
const maxReported = 20;

/** A text's value, unless it has errors. */
export interface ParsedText {
	readonly value?: JsonValue;
	readonly problems: readonly Problem[];
}

/**
 * Parses JSON as people and the tools of Azure IoT Edge write it: with a byte order mark, comments
 * and trailing commas. Size and depth are limited before anything else, members named `__proto__`
 * are members like others, and members that occur twice are reported.
 *
 * @param path JSON path that the text's root has in problems.
 */
export function parseJsonText(text: string, path = '$'): ParsedText {
	const excess = excessOf(text);
	if (excess !== undefined) {
		return { problems: [problem('EDGE_MANIFEST_TOO_LARGE', path, excess)] };
	}
	const body = text.startsWith('\uFEFF') ? text.slice(1) : text;
	if (body.trim() === '') {
		return { problems: [problem('EDGE_MANIFEST_SYNTAX', path, 'The text is empty.')] };
	}
	const errors: ParseError[] = [];
	const root = jsonc.parseTree(body, errors, { allowTrailingComma: true });
	if (root === undefined || errors.length > 0) {
		return { problems: syntaxProblems(errors, body, path) };
	}
	const problems: Problem[] = [];
	return { value: jsonOf(root, path, problems), problems };
}

function excessOf(text: string): string | undefined {
	if (text.length > maxTextLength) {
		return `The text has ${text.length} characters; ${maxTextLength} are allowed.`;
	}
	return nestingDepth(text, maxDepth) > maxDepth
		? `The document nests deeper than ${maxDepth} levels.`
		: undefined;
}

function jsonOf(node: Node, path: string, problems: Problem[]): JsonValue {
	const children = node.children ?? [];
	if (node.type === 'array') {
		return children.map((child, index) => jsonOf(child, itemPath(path, index), problems));
	}
	if (node.type !== 'object') return node.value as JsonValue;
	const members = new Map<string, JsonValue>();
	for (const { children: [key, value] = [] } of children) {
		if (key === undefined || value === undefined) continue;
		const name = String(key.value);
		const place = memberPath(path, name);
		if (members.has(name)) {
			problems.push({
				severity: 'warning',
				code: 'EDGE_MANIFEST_MEMBER_REPEATED',
				path: place,
				message: `"${name}" occurs more than once; the last one counts.`,
				remedy: 'Remove or rename the others.',
			});
		}
		members.set(name, jsonOf(value, place, problems));
	}
	return Object.fromEntries(members);
}

/** The first fault of each line that has any: what follows on the same line are guesses. */
function syntaxProblems(errors: readonly ParseError[], text: string, path: string): Problem[] {
	const problems: Problem[] = [];
	let lineEnd = -1;
	for (const error of errors) {
		if (error.offset <= lineEnd && problems.length > 0) continue;
		problems.push(syntax(error, text, path));
		if (problems.length === maxReported) break;
		const end = text.indexOf('\n', error.offset);
		lineEnd = end < 0 ? text.length : end;
	}
	return problems;
}

function syntax(error: ParseError, text: string, path: string): Problem {
	const lines = text.slice(0, error.offset).split('\n');
	const reason = jsonc.printParseErrorCode(error.error).replace(/(?<!^)[A-Z]/g, (letter) => {
		return ` ${letter.toLowerCase()}`;
	});
	const place = `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
	return problem('EDGE_MANIFEST_SYNTAX', path, `${reason} at ${place}.`);
}

function problem(code: string, path: string, message: string): Problem {
	return { severity: 'error', code, path, message };
}
