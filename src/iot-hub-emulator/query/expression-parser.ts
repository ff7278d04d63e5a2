import { requireFunction } from './query-functions.ts';
import { invalidQuery } from './query-lexer.ts';
import type { BinaryOperator, Expression } from './query-syntax.ts';
import type { TokenReader } from './token-reader.ts';

/** Words that cannot begin a path; in double square brackets they can. */
const reserved = new Set(
	'select top as from where group by and or not in nin order having join union'.split(' '),
);

const literals = new Map<string, boolean | null>([
	['true', true],
	['false', false],
	['null', null],
]);

/** Operators from the loosest to the tightest; NOT and comparisons stand between. */
const arithmetic = [
	['+', '-'],
	['*', '/', '%'],
] as const satisfies readonly (readonly BinaryOperator[])[];

const comparisons: ReadonlyMap<string, BinaryOperator> = new Map([
	['=', '='],
	['!=', '!='],
	['<>', '!='],
	['<', '<'],
	['<=', '<='],
	['>', '>'],
	['>=', '>='],
]);

/** Reads an expression with every operator. @throws IotHubError ArgumentInvalid */
export function parseExpression(reader: TokenReader): Expression {
	return reader.nested(() => {
		let left = parseAnd(reader);
		while (reader.word('or')) left = binary('or', left, parseAnd(reader));
		return left;
	});
}

function parseAnd(reader: TokenReader): Expression {
	let left = parseNot(reader);
	while (reader.word('and')) left = binary('and', left, parseNot(reader));
	return left;
}

function parseNot(reader: TokenReader): Expression {
	if (!reader.word('not')) return parseComparison(reader);
	return { kind: 'not', operand: reader.nested(() => parseNot(reader)) };
}

function parseComparison(reader: TokenReader): Expression {
	const left = parseArithmetic(reader, 0);
	const operator = reader.token.kind === 'symbol' ? comparisons.get(reader.token.text) : undefined;
	if (operator !== undefined) {
		reader.take();
		return binary(operator, left, parseArithmetic(reader, 0));
	}
	if (reader.word('in')) return { kind: 'in', operand: left, list: parseList(reader) };
	const negated = reader.word('nin');
	if (!negated && !reader.word('not')) return left;
	if (!negated) reader.expectWord('in');
	return { kind: 'not', operand: { kind: 'in', operand: left, list: parseList(reader) } };
}

function parseList(reader: TokenReader): Expression[] {
	const close = reader.symbol('(') ? ')' : ']';
	if (close === ']') reader.expectSymbol('[');
	return parseUntil(reader, close);
}

function parseUntil(reader: TokenReader, close: string): Expression[] {
	const items: Expression[] = [];
	if (reader.symbol(close)) return items;
	do items.push(parseExpression(reader));
	while (reader.symbol(','));
	reader.expectSymbol(close);
	return items;
}

function parseArithmetic(reader: TokenReader, level: number): Expression {
	const operators: readonly BinaryOperator[] | undefined = arithmetic[level];
	if (operators === undefined) return parseUnary(reader);
	let left = parseArithmetic(reader, level + 1);
	for (;;) {
		const operator = operators.find((symbol) => reader.isSymbol(symbol));
		if (operator === undefined) return left;
		reader.take();
		left = binary(operator, left, parseArithmetic(reader, level + 1));
	}
}

function parseUnary(reader: TokenReader): Expression {
	if (!reader.symbol('-')) return parsePrimary(reader);
	return { kind: 'minus', operand: reader.nested(() => parseUnary(reader)) };
}

function parsePrimary(reader: TokenReader): Expression {
	const { kind, text } = reader.token;
	if (kind === 'string' || kind === 'number') {
		reader.take();
		return { kind: 'literal', value: kind === 'number' ? Number(text) : text };
	}
	if (reader.symbol('(')) {
		const inner = parseExpression(reader);
		reader.expectSymbol(')');
		return inner;
	}
	const literal = kind === 'word' ? literals.get(text.toLowerCase()) : undefined;
	if (literal !== undefined) {
		reader.take();
		return { kind: 'literal', value: literal };
	}
	return parsePathOrCall(reader);
}

function parsePathOrCall(reader: TokenReader): Expression {
	const first = reader.token;
	if (first.kind === 'word' && reserved.has(first.text.toLowerCase())) reader.fail('a value');
	if (first.kind !== 'word' && first.kind !== 'name') reader.fail('a value');
	reader.take();
	if (first.kind === 'word' && reader.symbol('(')) {
		const name = first.text.toLowerCase().replaceAll('_', '');
		const operands = parseUntil(reader, ')');
		requireFunction(name, first.text, operands.length);
		return { kind: 'call', name, operands };
	}
	return { kind: 'path', segments: [first.text, ...parseSteps(reader)] };
}

/** Reads what follows the first name of a path: `.name`, `.[[name]]`, `[[name]]`, `['name']`, `[0]`. */
export function parseSteps(reader: TokenReader): (string | number)[] {
	const steps: (string | number)[] = [];
	for (;;) {
		if (reader.symbol('.')) {
			const { kind } = reader.token;
			if (kind !== 'word' && kind !== 'name') reader.fail('a name');
			steps.push(reader.take().text);
		} else if (reader.token.kind === 'name') {
			steps.push(reader.take().text);
		} else if (reader.symbol('[')) {
			steps.push(parseIndex(reader));
		} else return steps;
	}
}

function parseIndex(reader: TokenReader): string | number {
	const { kind, text } = reader.take();
	reader.expectSymbol(']');
	if (kind === 'string') return text;
	if (kind === 'number' && /^\d+$/.test(text)) return Number(text);
	throw invalidQuery(`${text} is no index`);
}

function binary(operator: BinaryOperator, left: Expression, right: Expression): Expression {
	return { kind: 'binary', operator, left, right };
}
