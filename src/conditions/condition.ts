import type { Message } from '../protocol/message.ts';
import type { Compatibility } from './compatibility.ts';
import { ConditionCompiler, type Dialect } from './condition-compiler.ts';
import { parseExpression } from './expression-parser.ts';
import type { MessageRead } from './message-read.ts';
import { MessageScope } from './message-scope.ts';
import { RouteLexer } from './route-lexer.ts';
import { type RouteProblem, RouteProblems } from './route-problem.ts';
import type { StaticType, Typed, Value } from './static-type.ts';
import { SyntaxFault, TokenReader } from './token-reader.ts';

/** A condition that is ready to be asked about messages. */
export interface Condition {
	/** Type of the expression; only a `bool` or `dynamic` one can ever be true. */
	readonly type: StaticType;
	/** What the expression gives for a message: NaN for an undefined number. */
	readonly value: (scope: MessageScope) => Value;
	/** Only true routes a message; undefined where the message lacks what the condition asks for. */
	readonly test: (scope: MessageScope) => boolean | undefined;
	/** What it looks at; nothing where its value is the same for every message. */
	readonly reads: readonly MessageRead[];
}

/** Why a text could not be compiled. */
export interface Rejection {
	/** At least one. */
	readonly problems: readonly RouteProblem[];
}

export interface ConditionOptions {
	readonly compatibility?: Compatibility;
	/** Whose conditions they are; the edge hub's by default. */
	readonly dialect?: Dialect;
	/** Whether it is for changes of twins only, whose conditions know one function more. */
	readonly twinChanges?: boolean;
}

/** Longest text of a route or condition, in characters; `$edgeHub`'s twin holds 4096 bytes. */
export const maxRouteLength = 65_536;

/**
 * Compiles a condition, the part of a route behind WHERE. A blank one is never true.
 *
 * @returns the condition, or all its problems: the first fault of grammar, else every type error.
 */
export function compileCondition(
	text: string,
	options: ConditionOptions = {},
): Condition | Rejection {
	const { compatibility = 'standard', dialect = 'edge-hub', twinChanges = false } = options;
	const problems = new RouteProblems(text);
	if (text.length > maxRouteLength) {
		problems.add(
			'syntax',
			{ start: 0, end: 0 },
			`A condition has ${maxRouteLength} characters at most.`,
		);
		return { problems: problems.found };
	}
	const lexer = new RouteLexer(text, { bareExponent: compatibility === 'azure' });
	const reader = new TokenReader(lexer, problems);
	if (reader.atEnd) return never;
	try {
		const expression = parseExpression(reader);
		if (reader.token.kind === 'invalid') reader.fail('an operator or the end of the condition');
		const compiler = new ConditionCompiler(problems, { compatibility, dialect, twinChanges });
		const compiled = compiler.compile(expression);
		// Azure IoT Edge ignores words that follow a complete condition.
		if (compatibility === 'standard' && !reader.atEnd) {
			reader.fail('an operator or the end of the condition');
		}
		return finishCondition(compiled, problems, compiler.reads);
	} catch (error) {
		if (error instanceof SyntaxFault) return { problems: problems.found };
		throw error;
	}
}

/** The outcome for one message on its own; `RouteSet` shares one scope between all routes. */
export function evaluate(condition: Condition, message: Message): boolean | undefined {
	return condition.test(new MessageScope(message));
}

const never: Condition = {
	type: 'undefined',
	value: () => undefined,
	test: () => undefined,
	reads: [],
};

/** The condition of a route without WHERE. */
export const always: Condition = {
	type: 'bool',
	value: () => true,
	test: () => true,
	reads: [],
};

export function finishCondition(
	{ type, evaluate: value }: Typed,
	problems: RouteProblems,
	reads: readonly MessageRead[],
): Condition | Rejection {
	if (problems.found.length > 0) return { problems: problems.found };
	if (type === 'bool') return { type, value, test: value as Condition['test'], reads };
	if (type === 'null') return { type, value, test: () => false, reads };
	if (type !== 'dynamic') return { type, value, test: () => undefined, reads };
	const test = (scope: MessageScope) => {
		const result = value(scope);
		return typeof result === 'boolean' ? result : undefined;
	};
	return { type, value, test, reads };
}
