import type { TextRange } from './route-problem.ts';

/** Words that cannot be names, in any case. */
export type Keyword = 'select' | 'from' | 'where' | 'into' | 'and' | 'or' | 'not';

export type Operator =
	| '+'
	| '-'
	| '*'
	| '/'
	| '%'
	| '||'
	| '<'
	| '<='
	| '>'
	| '>='
	| '='
	| '!='
	| '<>'
	| '??';

/** A word of the route language. */
export type Token = TextRange &
	(
		| { readonly kind: 'number'; readonly value: number }
		| { readonly kind: 'string'; readonly value: string; readonly raw: string }
		| { readonly kind: 'literal'; readonly value: boolean | null | undefined }
		/** An application property. */
		| { readonly kind: 'name'; readonly name: string }
		/** `$name`, or `{$name}` which skips application properties; the name is without `$`. */
		| { readonly kind: 'system'; readonly name: string; readonly escaped: boolean }
		| { readonly kind: 'keyword'; readonly keyword: Keyword }
		| { readonly kind: 'operator'; readonly operator: Operator }
		| { readonly kind: 'punctuation'; readonly text: '(' | ')' | ',' }
		| { readonly kind: 'invalid'; readonly reason: string }
		| { readonly kind: 'end' }
	);

const keywords: ReadonlySet<string> = new Set([
	'select',
	'from',
	'where',
	'into',
	'and',
	'or',
	'not',
]);

const literals: ReadonlyMap<string, boolean | null | undefined> = new Map([
	['true', true],
	['false', false],
	['null', null],
	['undefined', undefined],
]);

/** Operators, longest first, of characters that cannot be part of a name. */
const symbols: readonly Operator[] = ['<=', '>=', '<>', '??', '<', '>', '=', '/'];

/** Operators of characters that can: they count only where they stand alone. */
const wordOperators: ReadonlySet<string> = new Set(['+', '-', '*', '%', '||']);

const space = new Set(' \t\r\n');
const notInNames = new Set('()<>@,;:\\"/[]?={} \t\r\n');

/** Numbers are whole words. A bare exponent, `e5`, is one for Azure only. */
const decimal = /^-?(?:[0-9]+|[0-9]*\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const hexadecimal = /^0[xX][0-9a-fA-F]+$/;
const bareExponent = /^-?[eE][+-]?[0-9]+$/;

const escapes: ReadonlyMap<string, string> = new Map([
	['"', '"'],
	["'", "'"],
	['\\', '\\'],
]);

export interface LexerOptions {
	/** Whether a bare exponent such as `e5` is a number, and not a name. */
	readonly bareExponent: boolean;
}

/**
 * Cuts the text of a route into words. The longest match wins, so that `a-1`, `3+4` and `'it''s'` are
 * names; one pass, no backtracking.
 */
export class RouteLexer {
	readonly #text: string;
	readonly #options: LexerOptions;

	constructor(text: string, options: LexerOptions) {
		this.#text = text;
		this.#options = options;
	}

	/**
	 * The token at or behind a position.
	 * @param comments whether comments are skipped; inside of a source their beginning is a wildcard.
	 */
	tokenAt(position: number, comments: boolean): Token {
		const start = this.#skip(position, comments);
		const text = this.#text;
		const first = text[start];
		if (first === undefined) return { kind: 'end', start, end: start };
		if (first === '(' || first === ')' || first === ',') {
			return { kind: 'punctuation', text: first, start, end: start + 1 };
		}
		const word = start + this.#wordLength(start, first === '$');
		if (first === '"' || first === "'") return this.#quoted(start, first, word);
		if (first === '{') return this.#escapedProperty(start);
		if (text.startsWith('!=', start) && word === start + 1) {
			return { kind: 'operator', operator: '!=', start, end: start + 2 };
		}
		if (word > start) return this.#word(start, word);
		const symbol = symbols.find((candidate) => text.startsWith(candidate, start));
		if (symbol !== undefined) {
			return { kind: 'operator', operator: symbol, start, end: start + symbol.length };
		}
		const character = String.fromCodePoint(text.codePointAt(start) ?? 0);
		return {
			kind: 'invalid',
			reason: `'${character}' has no meaning here.`,
			start,
			end: start + character.length,
		};
	}

	#skip(position: number, comments: boolean): number {
		let next = position;
		for (;;) {
			while (space.has(this.#text[next] ?? '')) next += 1;
			if (!comments || !this.#text.startsWith('/*', next)) return next;
			const end = this.#text.indexOf('*/', next + 2);
			if (end < 0) return next;
			next = end + 2;
		}
	}

	#wordLength(start: number, brackets: boolean): number {
		let end = start;
		for (; end < this.#text.length; end += 1) {
			const character = this.#text[end] ?? '';
			const bracket = character === '[' || character === ']';
			if (notInNames.has(character) && !(brackets && bracket)) break;
		}
		return end - start;
	}

	#word(start: number, end: number): Token {
		const text = this.#text.slice(start, end);
		if (wordOperators.has(text)) {
			return { kind: 'operator', operator: text as Operator, start, end };
		}
		if (decimal.test(text) || hexadecimal.test(text)) {
			return { kind: 'number', value: Number(text), start, end };
		}
		if (this.#options.bareExponent && bareExponent.test(text)) {
			return { kind: 'literal', value: undefined, start, end };
		}
		const keyword = text.toLowerCase();
		if (keywords.has(keyword)) return { kind: 'keyword', keyword: keyword as Keyword, start, end };
		if (literals.has(text)) return { kind: 'literal', value: literals.get(text), start, end };
		if (text.startsWith('$') && text.length > 1) {
			return { kind: 'system', name: text.slice(1), escaped: false, start, end };
		}
		return { kind: 'name', name: text, start, end };
	}

	/** `{$name}`, with blanks anywhere inside. */
	#escapedProperty(start: number): Token {
		const dollar = this.#skip(start + 1, false);
		const end = dollar + this.#wordLength(dollar, true);
		const brace = this.#skip(end, false);
		if (this.#text[dollar] !== '$' || end === dollar + 1 || this.#text[brace] !== '}') {
			return {
				kind: 'invalid',
				reason: 'Braces enclose a system property: {$name}.',
				start,
				end: start + 1,
			};
		}
		const name = this.#text.slice(dollar + 1, end);
		return { kind: 'system', name, escaped: true, start, end: brace + 1 };
	}

	/** A string, unless a longer name begins with the quote. */
	#quoted(start: number, quote: string, word: number): Token {
		let value = '';
		for (let position = start + 1; position < this.#text.length; position += 1) {
			const character = this.#text[position] ?? '';
			if (character === quote) {
				const end = position + 1;
				if (word > end)
					return { kind: 'name', name: this.#text.slice(start, word), start, end: word };
				return { kind: 'string', value, raw: this.#text.slice(start + 1, position), start, end };
			}
			if (character !== '\\') {
				value += character;
				continue;
			}
			const escaped = this.#escape(position);
			if (escaped === undefined) {
				const reason = 'A backslash in a string is followed by a quote, a backslash or uXXXX.';
				return { kind: 'invalid', reason, start: position, end: position + 1 };
			}
			value += escaped.value;
			position += escaped.length - 1;
		}
		const reason = `A string lacks its closing ${quote}.`;
		return { kind: 'invalid', reason, start, end: this.#text.length };
	}

	#escape(position: number): { readonly value: string; readonly length: number } | undefined {
		const next = this.#text[position + 1] ?? '';
		const simple = escapes.get(next);
		if (simple !== undefined) return { value: simple, length: 2 };
		const digits = this.#text.slice(position + 2, position + 6);
		if (next !== 'u' || !/^[0-9a-fA-F]{4}$/.test(digits)) return undefined;
		return { value: String.fromCharCode(Number.parseInt(digits, 16)), length: 6 };
	}
}
