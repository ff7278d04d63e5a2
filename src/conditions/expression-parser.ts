import type { BinaryOperator, Expression } from './expression.ts';
import type { TextRange } from './route-problem.ts';
import type { TokenReader } from './token-reader.ts';

/** Binary operators by how tightly they bind; all are left associative. */
const precedence: ReadonlyMap<BinaryOperator, number> = new Map([
	['??', 1],
	['or', 2],
	['and', 3],
	['=', 4],
	['!=', 4],
	['<>', 4],
	['<', 5],
	['<=', 5],
	['>', 5],
	['>=', 5],
	['+', 6],
	['-', 6],
	['||', 6],
	['*', 7],
	['/', 7],
	['%', 7],
]);

/** Parentheses, calls and unary operators inside each other; more could exhaust the stack. */
const maxNesting = 200;

/** Operators on the way from the root of a condition to its deepest operand. */
const maxDepth = 1000;

/**
 * Reads an expression up to the first token that cannot continue it.
 * @throws SyntaxFault at the first fault of grammar, which is recorded.
 */
export function parseExpression(reader: TokenReader): Expression {
	return new ExpressionParser(reader).parse();
}

class ExpressionParser {
	readonly #reader: TokenReader;
	#nesting = 0;

	constructor(reader: TokenReader) {
		this.#reader = reader;
	}

	parse(): Expression {
		return this.#binary(1).expression;
	}

	/** An operand, and operators behind it that bind at least so tightly. */
	#binary(tightness: number): Parsed {
		let left = this.#unary();
		for (;;) {
			const operator = this.#binaryOperator();
			const tight = operator === undefined ? 0 : (precedence.get(operator) ?? 0);
			if (operator === undefined || tight < tightness) return left;
			const at = this.#reader.take();
			const right = this.#binary(tight + 1);
			const depth = Math.max(left.depth, right.depth) + 1;
			if (depth > maxDepth) this.#tooDeep();
			const range = { start: left.expression.start, end: right.expression.end };
			left = {
				expression: {
					kind: 'binary',
					operator,
					left: left.expression,
					right: right.expression,
					at,
					...range,
				},
				depth,
			};
		}
	}

	#binaryOperator(): BinaryOperator | undefined {
		const { token } = this.#reader;
		if (token.kind === 'operator') return token.operator;
		if (token.kind === 'keyword' && (token.keyword === 'and' || token.keyword === 'or')) {
			return token.keyword;
		}
		return undefined;
	}

	#unary(): Parsed {
		const { token } = this.#reader;
		const not = token.kind === 'keyword' && token.keyword === 'not';
		if (!not && !(token.kind === 'operator' && token.operator === '-')) return this.#primary();
		const at = this.#reader.take();
		return this.#nested(() => {
			const { expression, depth } = this.#unary();
			const operator = not ? 'not' : '-';
			const range = { start: at.start, end: expression.end };
			return {
				expression: { kind: 'unary', operator, operand: expression, at, ...range },
				depth: depth + 1,
			};
		});
	}

	#primary(): Parsed {
		const { token } = this.#reader;
		const { start, end } = token;
		switch (token.kind) {
			case 'number':
			case 'string':
			case 'literal':
				this.#reader.take();
				return leaf({ kind: 'literal', value: token.value, start, end });
			case 'system': {
				this.#reader.take();
				const { name, escaped } = token;
				return leaf({ kind: 'system-property', name, escaped, start, end });
			}
			case 'name':
				this.#reader.take();
				if (this.#reader.isPunctuation('(')) return this.#call(token.name, token);
				return leaf({ kind: 'property', name: token.name, start, end });
			default:
				if (this.#reader.isPunctuation('(')) return this.#parenthesised();
				return this.#reader.fail('a value, a property or a function');
		}
	}

	#parenthesised(): Parsed {
		this.#reader.take();
		return this.#nested(() => {
			const inner = this.#binary(1);
			if (!this.#reader.isPunctuation(')')) this.#reader.fail("an operator or ')'");
			this.#reader.take();
			return inner;
		});
	}

	#call(name: string, at: TextRange): Parsed {
		this.#reader.take();
		return this.#nested(() => {
			const parsed: Parsed[] = [];
			while (!this.#reader.isPunctuation(')')) {
				if (parsed.length > 0) this.#reader.punctuation(',');
				parsed.push(this.#binary(1));
				const goesOn = this.#reader.isPunctuation(',') || this.#reader.isPunctuation(')');
				if (!goesOn) this.#reader.fail("an operator, ',' or ')'");
			}
			const { end } = this.#reader.take();
			return {
				expression: {
					kind: 'call',
					name,
					arguments: parsed.map(({ expression }) => expression),
					at,
					start: at.start,
					end,
				},
				depth: parsed.reduce((deepest, { depth }) => Math.max(deepest, depth), 0) + 1,
			};
		});
	}

	#nested(parse: () => Parsed): Parsed {
		this.#nesting += 1;
		if (this.#nesting > maxNesting) this.#tooDeep();
		const parsed = parse();
		this.#nesting -= 1;
		return parsed;
	}

	#tooDeep(): never {
		return this.#reader.fail('a simpler condition: this one is nested too deeply');
	}
}

interface Parsed {
	readonly expression: Expression;
	/** Operators between the root and the deepest operand. */
	readonly depth: number;
}

function leaf(expression: Expression): Parsed {
	return { expression, depth: 0 };
}
