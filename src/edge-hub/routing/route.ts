import type { Compatibility } from '../../conditions/compatibility.ts';
import {
	always,
	type Condition,
	finishCondition,
	maxRouteLength,
	type Rejection,
} from '../../conditions/condition.ts';
import { ConditionCompiler } from '../../conditions/condition-compiler.ts';
import type { Expression } from '../../conditions/expression.ts';
import { parseExpression } from '../../conditions/expression-parser.ts';
import { RouteLexer } from '../../conditions/route-lexer.ts';
import { RouteProblems, type TextRange } from '../../conditions/route-problem.ts';
import { SyntaxFault, TokenReader } from '../../conditions/token-reader.ts';
import { readsTwinChanges } from './message-source.ts';
import { functionSink, type Sink, type SinkFault, type SinkText, systemSink } from './sink.ts';
import { compileSourcePattern } from './source-pattern.ts';

/** Priority of a route that names none: after all others. */
export const defaultPriority = 2_000_000_000;

export interface RouteOptions {
	/** 0 (first) to 9. Default: after those. */
	readonly priority?: number;
	/** Whether, of messages that wait, the newest go first. Default: in the order of arrival. */
	readonly newestFirst?: boolean;
	/** Seconds that a message may wait; 0 (default) for the configuration's. */
	readonly timeToLiveSecs?: number;
	readonly compatibility?: Compatibility;
}

/** A route of `$edgeHub`, ready for messages. */
export interface CompiledRoute {
	readonly name: string;
	/** As written. */
	readonly text: string;
	/** FROM, without blanks. */
	readonly source: string;
	/** WHERE as written; `true` where there is none. */
	readonly conditionText: string;
	readonly matchesSource: (source: string) => boolean;
	readonly condition: Condition;
	readonly sink: Sink;
	readonly sinkText: SinkText;
	readonly priority: number;
	readonly newestFirst: boolean;
	readonly timeToLiveSecs: number;
}

/**
 * Compiles `[SELECT *] FROM source [WHERE condition] INTO sink`.
 *
 * @returns the route, or all its problems: the first fault of grammar, else every type error and an
 * unknown sink.
 */
export function compileRoute(
	name: string,
	text: string,
	options: RouteOptions = {},
): CompiledRoute | Rejection {
	const { compatibility = 'standard' } = options;
	const problems = new RouteProblems(text);
	if (text.length > maxRouteLength) {
		problems.add(
			'syntax',
			{ start: 0, end: 0 },
			`A route has ${maxRouteLength} characters at most.`,
		);
		return { problems: problems.found };
	}
	const syntax = parse(text, compatibility, problems);
	if (syntax === undefined) return { problems: problems.found };
	const condition = compileWhere(syntax, compatibility, problems);
	if ('fault' in syntax.sink) problems.add('sink', syntax.sinkRange, syntax.sink.fault);
	if ('problems' in condition || 'fault' in syntax.sink) return { problems: problems.found };
	return {
		name,
		text,
		source: syntax.source,
		conditionText: text.slice(syntax.whereStart, syntax.whereEnd).trim() || 'true',
		matchesSource: compileSourcePattern(syntax.source),
		condition,
		sink: syntax.sink,
		sinkText: syntax.sinkText,
		priority: options.priority ?? defaultPriority,
		newestFirst: options.newestFirst ?? false,
		timeToLiveSecs: options.timeToLiveSecs ?? 0,
	};
}

interface RouteSyntax {
	readonly source: string;
	readonly where: Expression | undefined;
	/** What stands between WHERE and INTO. */
	readonly whereStart: number;
	readonly whereEnd: number;
	readonly sink: Sink | SinkFault;
	readonly sinkText: SinkText;
	readonly sinkRange: TextRange;
}

function parse(
	text: string,
	compatibility: Compatibility,
	problems: RouteProblems,
): RouteSyntax | undefined {
	const lexer = new RouteLexer(text, { bareExponent: compatibility === 'azure' });
	const reader = new TokenReader(lexer, problems);
	try {
		return parseRoute(reader, compatibility);
	} catch (error) {
		if (error instanceof SyntaxFault) return undefined;
		throw error;
	}
}

function parseRoute(reader: TokenReader, compatibility: Compatibility): RouteSyntax {
	if (reader.isKeyword('select')) {
		reader.take();
		if (!reader.isOperator('*')) reader.fail("'*'");
		reader.take();
	}
	reader.keyword('from');
	reader.comments = compatibility === 'azure';
	const source = parseSource(reader);
	reader.comments = true;
	const { where, start: whereStart } = parseWhere(reader);
	const whereEnd = reader.token.start;
	reader.keyword('into');
	const { start } = reader.token;
	const { sink, sinkText, end } = parseSink(reader);
	if (compatibility === 'standard' && !reader.atEnd) {
		reader.fail('the end of the route');
	}
	return { source, where, whereStart, whereEnd, sink, sinkText, sinkRange: { start, end } };
}

/** One or more of `/name` or `/*`. */
function parseSource(reader: TokenReader): string {
	let source = '';
	do {
		if (!reader.isOperator('/')) reader.fail("'/' and a source such as /messages/*");
		reader.take();
		const { token } = reader;
		if (token.kind === 'name') source += `/${token.name}`;
		else if (reader.isOperator('*')) source += '/*';
		else reader.fail("a name or '*'");
		reader.take();
	} while (reader.isOperator('/'));
	return source;
}

function parseWhere(reader: TokenReader): {
	readonly where: Expression | undefined;
	readonly start: number;
} {
	if (reader.isKeyword('into')) return { where: undefined, start: reader.token.start };
	if (!reader.isKeyword('where')) reader.fail("'/', WHERE or INTO");
	reader.take();
	const { start } = reader.token;
	const where = parseExpression(reader);
	if (!reader.isKeyword('into')) reader.fail('an operator or INTO');
	return { where, start };
}

/** `$upstream`, or a function with one string, which is taken as it stands, without escapes. */
function parseSink(
	reader: TokenReader,
): Pick<RouteSyntax, 'sink' | 'sinkText'> & { readonly end: number } {
	const first = reader.token;
	if (first.kind === 'system' && !first.escaped) {
		reader.take();
		const system = `$${first.name}`;
		return { sink: systemSink(system), sinkText: { system }, end: first.end };
	}
	if (first.kind !== 'name') reader.fail('$upstream or BrokeredEndpoint("…")');
	if (first.name.toLowerCase() === 'upstream') reader.fail('$upstream or BrokeredEndpoint("…")');
	reader.take();
	reader.punctuation('(');
	const parameter = reader.token;
	if (parameter.kind !== 'string') reader.fail('"/modules/{module}/inputs/{input}"');
	reader.take();
	const { end } = reader.token;
	reader.punctuation(')');
	const { name } = first;
	const sinkText = { function: name, parameter: parameter.raw };
	return { sink: functionSink(name, parameter.raw), sinkText, end };
}

function compileWhere(
	{ where, source }: RouteSyntax,
	compatibility: Compatibility,
	problems: RouteProblems,
): Condition | Rejection {
	if (where === undefined) return always;
	const compiler = new ConditionCompiler(problems, {
		compatibility,
		twinChanges: readsTwinChanges(source),
	});
	return finishCondition(compiler.compile(where), problems, compiler.reads);
}
