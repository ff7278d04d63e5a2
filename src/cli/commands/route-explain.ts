import { type Condition, compileCondition, type Rejection } from '../../conditions/condition.ts';
import { doubtsOf } from '../../conditions/doubtful-reads.ts';
import type { MessageRead } from '../../conditions/message-read.ts';
import type { RouteProblem } from '../../conditions/route-problem.ts';
import { type CompiledRoute, compileRoute } from '../../edge-hub/routing/route.ts';
import type { Sink } from '../../edge-hub/routing/sink.ts';
import { exitCode } from '../exit-code.ts';
import type { OutputForm } from '../output-form.ts';
import type { Terminal } from '../terminal.ts';
import { routeParts } from './route-parts.ts';

/** Options of `route explain`. */
export interface RouteExplainOptions {
	readonly compatibility: 'none' | 'azure';
	readonly output: OutputForm;
}

/**
 * Says what a route does: which messages it is about, what its condition looks at, and where they go.
 * A text that does not begin like a route is taken as a condition.
 *
 * @returns 2 when the text is neither; its problems are shown under the text
 */
export function explainRoute(
	text: string,
	options: RouteExplainOptions,
	terminal: Terminal,
): number {
	const compatibility = options.compatibility === 'azure' ? 'azure' : 'standard';
	const isRoute = /^\s*(?:select|from)\b/i.test(text);
	const compiled = isRoute
		? compileRoute('route', text, { compatibility })
		: compileCondition(text, { compatibility });
	if (options.output === 'json') {
		terminal.write(`${JSON.stringify(documentOf(compiled), undefined, 2)}\n`);
	} else if ('problems' in compiled) {
		for (const problem of compiled.problems) terminal.note(pointedAt(text, problem));
	} else {
		terminal.write(describe(compiled));
	}
	return 'problems' in compiled ? exitCode.badInput : exitCode.ok;
}

function documentOf(compiled: CompiledRoute | Condition | Rejection): object {
	if ('problems' in compiled) return { problems: compiled.problems };
	if (!('sink' in compiled)) return { reads: compiled.reads };
	return { ...routeParts(compiled), reads: compiled.condition.reads };
}

/** The line of the text, with marks under the place, and what is wrong with it. */
function pointedAt(text: string, problem: RouteProblem): string {
	const line = (text.split('\n')[problem.line - 1] ?? '').replaceAll('\t', ' ').trimEnd();
	const same = problem.endLine === problem.line;
	const length = same ? Math.max(1, problem.endColumn - problem.column) : 1;
	return `${line}\n${' '.repeat(problem.column - 1)}${'^'.repeat(length)} ${problem.message}\n`;
}

function describe(compiled: CompiledRoute | Condition): string {
	if (!('sink' in compiled)) return lines([['reads', readsOf(compiled)], ...hintOf(compiled)]);
	const { source, conditionText, condition, sink } = compiled;
	const always = conditionText === 'true';
	return lines([
		['from', `${source}: ${sourceMeaning(source)}`],
		['where', always ? 'always' : conditionText],
		...(always ? [] : [['reads', readsOf(condition)] as const, ...hintOf(condition)]),
		['into', sinkMeaning(sink)],
	]);
}

function lines(rows: readonly (readonly [string, string])[]): string {
	return rows.map(([name, text]) => `${name.padEnd(7)}${text}\n`).join('');
}

/** A path of a source begins with these, whatever its case; the first that fits counts. */
const sources: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
	[/^$/, () => 'every message, changes of twins included'],
	[/^\/messages$/i, () => 'every message of modules and leaf devices'],
	[
		/^\/messages\/modules\/([^/]+)\/outputs\/([^/]+)$/i,
		([, module, output]) => `messages of module ${module} on output ${output}`,
	],
	[/^\/messages\/modules\/([^/]+)(?:\/outputs)?$/i, ([, module]) => `messages of module ${module}`],
	[/^\/messages\/modules$/i, () => 'messages of modules'],
	[/^\/twinChangeNotifications$/i, () => 'changes of reported properties'],
];

function sourceMeaning(source: string): string {
	const path = source.replace(/\*+$/, '').replace(/\/+$/, '');
	for (const [pattern, meaning] of sources) {
		const match = path.includes('*') ? null : pattern.exec(path);
		if (match !== null) return meaning(match);
	}
	return 'no message has such a source';
}

function sinkMeaning(sink: Sink): string {
	return sink.kind === 'upstream' ? 'IoT Hub' : `input ${sink.input} of module ${sink.moduleId}`;
}

const nouns: Readonly<Record<MessageRead['kind'], string>> = {
	property: 'application property',
	'system-property': 'system property',
	body: 'body',
	twin: 'twin of the sender',
};

function readsOf({ reads }: Condition): string {
	const all = reads.map(({ kind, name }) => `${nouns[kind]} ${name}`);
	return all.length === 0 ? 'nothing: it is the same for every message' : all.join(', ');
}

function hintOf({ reads, type }: Condition): [string, string][] {
	const hints: [string, string][] = [];
	if (reads.some(({ kind }) => kind === 'body')) {
		hints.push([
			'needs',
			'content type application/json and content encoding utf-8, utf-16 or utf-32',
		]);
	}
	for (const doubt of doubtsOf(reads)) hints.push(['note', doubt]);
	if (type !== 'bool' && type !== 'dynamic') {
		hints.push(['note', `It is never true: it gives ${type}, and only true routes a message.`]);
	}
	return hints;
}
