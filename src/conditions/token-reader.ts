import { foreignWordHint } from './foreign-words.ts';
import type { Keyword, RouteLexer, Token } from './route-lexer.ts';
import type { RouteProblems } from './route-problem.ts';

/** Characters of a token that a problem shows. */
const maxShown = 40;

/** The text breaks the grammar; the problem is recorded already. */
export class SyntaxFault extends Error {
	override readonly name = 'SyntaxFault';
}

/** Reads tokens one after the other, and records where they are not what the grammar expects. */
export class TokenReader {
	readonly #lexer: RouteLexer;
	readonly #problems: RouteProblems;
	#comments = true;
	/** Where the last token that was taken ends. */
	#end = 0;
	#token: Token;

	constructor(lexer: RouteLexer, problems: RouteProblems) {
		this.#lexer = lexer;
		this.#problems = problems;
		this.#token = lexer.tokenAt(0, true);
	}

	/** The token that comes next. */
	get token(): Token {
		return this.#token;
	}

	/** Decides whether comments are skipped from here on, the coming token included. */
	set comments(skipped: boolean) {
		this.#comments = skipped;
		this.#token = this.#lexer.tokenAt(this.#end, skipped);
	}

	/** @returns the token that came next, and goes on behind it. */
	take(): Token {
		const token = this.#token;
		this.#end = token.end;
		this.#token = this.#lexer.tokenAt(token.end, this.#comments);
		return token;
	}

	get atEnd(): boolean {
		return this.#token.kind === 'end';
	}

	isKeyword(keyword: Keyword): boolean {
		return this.#token.kind === 'keyword' && this.#token.keyword === keyword;
	}

	isOperator(operator: string): boolean {
		return this.#token.kind === 'operator' && this.#token.operator === operator;
	}

	isPunctuation(text: string): boolean {
		return this.#token.kind === 'punctuation' && this.#token.text === text;
	}

	/** Takes a keyword. @throws SyntaxFault when something else comes next. */
	keyword(keyword: Keyword): void {
		if (!this.isKeyword(keyword)) this.fail(keyword.toUpperCase());
		this.take();
	}

	/** Takes a parenthesis or comma. @throws SyntaxFault when something else comes next. */
	punctuation(text: '(' | ')' | ','): void {
		if (!this.isPunctuation(text)) this.fail(`'${text}'`);
		this.take();
	}

	/** @throws SyntaxFault always: the coming token is not what was expected. */
	fail(expected: string): never {
		const token = this.#token;
		if (token.kind === 'invalid') this.#problems.add('syntax', token, token.reason);
		else if (token.kind === 'end') {
			this.#problems.add('syntax', token, `Expected ${expected}, but the text ends.`);
		} else {
			const found = this.#problems.textAt(token);
			const shown = found.length > maxShown ? `${found.slice(0, maxShown)}…` : found;
			const hint = foreignWordHint(found);
			this.#problems.add('syntax', token, `Expected ${expected}, not ${shown}.${hint}`);
		}
		throw new SyntaxFault('The text breaks the grammar.');
	}
}
