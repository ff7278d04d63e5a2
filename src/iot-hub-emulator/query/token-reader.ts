import { invalidQuery, type Token, tokensOf } from './query-lexer.ts';

/** Nesting of an expression at most. */
const maxDepth = 64;
/** Words and signs of a query at most: a chain of operators becomes a tree as deep as it is long. */
const maxTokens = 2000;

/** Goes through the tokens of a query. */
export class TokenReader {
	readonly #tokens: readonly Token[];
	#next = 0;
	#depth = 0;

	/** @throws IotHubError ArgumentInvalid */
	constructor(query: string) {
		this.#tokens = tokensOf(query);
		if (this.#tokens.length > maxTokens) {
			throw invalidQuery(`it has more than ${maxTokens} words and signs`);
		}
	}

	get token(): Token {
		return this.#tokens[this.#next] as Token;
	}

	/** The current token, with the next one becoming current. */
	take(): Token {
		const { token } = this;
		if (token.kind !== 'end') this.#next += 1;
		return token;
	}

	isWord(word: string): boolean {
		return this.token.kind === 'word' && this.token.text.toLowerCase() === word;
	}

	/** Steps over a word if it is there, in any case. */
	word(word: string): boolean {
		return this.isWord(word) && Boolean(this.take());
	}

	isSymbol(symbol: string): boolean {
		return this.token.kind === 'symbol' && this.token.text === symbol;
	}

	/** Steps over a symbol if it is there. */
	symbol(symbol: string): boolean {
		return this.isSymbol(symbol) && Boolean(this.take());
	}

	/** @throws IotHubError ArgumentInvalid */
	expectWord(word: string): void {
		if (!this.word(word)) this.fail(word.toUpperCase());
	}

	/** @throws IotHubError ArgumentInvalid */
	expectSymbol(symbol: string): void {
		if (!this.symbol(symbol)) this.fail(symbol);
	}

	/** @throws IotHubError ArgumentInvalid */
	fail(expected: string): never {
		const { text, at } = this.token;
		throw invalidQuery(`${expected} is expected at position ${at}, there is ${text}`);
	}

	/** Runs a rule one level deeper. @throws IotHubError ArgumentInvalid when it goes too deep */
	nested<T>(rule: () => T): T {
		this.#depth += 1;
		if (this.#depth > maxDepth) throw invalidQuery(`it is nested deeper than ${maxDepth} levels`);
		try {
			return rule();
		} finally {
			this.#depth -= 1;
		}
	}
}
