import type { JsonObject, JsonValue } from './json.ts';

/** Objects and arrays inside each other. */
const maxNesting = 64;

const escapes: ReadonlyMap<string, string> = new Map([
	['b', '\b'],
	['f', '\f'],
	['n', '\n'],
	['r', '\r'],
	['t', '\t'],
]);

const words: ReadonlyMap<string, JsonValue> = new Map<string, JsonValue>([
	['true', true],
	['false', false],
	['null', null],
	['NaN', Number.NaN],
	['Infinity', Number.POSITIVE_INFINITY],
	['-Infinity', Number.NEGATIVE_INFINITY],
]);

/**
 * Reads JSON as loosely as Azure IoT Edge does, where devices write it by hand: comments, single
 * quotes, names without quotes, trailing commas, hexadecimal numbers, NaN. Of a name that occurs
 * twice the last counts. Time grows with the length of the text only.
 *
 * @returns undefined for anything else, text behind the value included.
 */
export function parseLenientJson(text: string): JsonValue | undefined {
	try {
		return new LenientReader(text).read();
	} catch (error) {
		if (error instanceof NotJson) return undefined;
		throw error;
	}
}

class NotJson extends Error {
	override readonly name = 'NotJson';
}

class LenientReader {
	readonly #text: string;
	#position = 0;
	#nesting = 0;

	constructor(text: string) {
		this.#text = text;
	}

	read(): JsonValue {
		const value = this.#value();
		this.#skip();
		if (this.#position < this.#text.length) throw new NotJson('text behind the value');
		return value;
	}

	#value(): JsonValue {
		this.#skip();
		const next = this.#text[this.#position];
		if (next === '{') return this.#nested(() => this.#object());
		if (next === '[') return this.#nested(() => this.#array());
		if (next === '"' || next === "'") return this.#string(next);
		const word = this.#word();
		const known = words.get(word);
		if (known !== undefined) return known;
		// Decimal, hexadecimal or octal; `Number` alone would also take an empty text.
		if (!/^-?[0-9.]/.test(word)) throw new NotJson('no value');
		const number = Number(word);
		if (Number.isNaN(number)) throw new NotJson('no number');
		return number;
	}

	#nested<Result>(read: () => Result): Result {
		this.#nesting += 1;
		if (this.#nesting > maxNesting) throw new NotJson('nested too deeply');
		this.#position += 1;
		const result = read();
		this.#nesting -= 1;
		return result;
	}

	#object(): JsonObject {
		const entries = new Map<string, JsonValue>();
		while (!this.#ends('}')) {
			const name = this.#name();
			this.#skip();
			if (this.#text[this.#position] !== ':') throw new NotJson('no colon');
			this.#position += 1;
			entries.set(name, this.#value());
			this.#separator('}');
		}
		// Unlike assignment, this makes `__proto__` a member like any other.
		return Object.fromEntries(entries);
	}

	#array(): JsonValue[] {
		const values: JsonValue[] = [];
		while (!this.#ends(']')) {
			values.push(this.#value());
			this.#separator(']');
		}
		return values;
	}

	#name(): string {
		const next = this.#text[this.#position];
		if (next === '"' || next === "'") return this.#string(next);
		const name = this.#word();
		if (name === '') throw new NotJson('no name');
		return name;
	}

	#ends(bracket: string): boolean {
		this.#skip();
		if (this.#text[this.#position] !== bracket) return false;
		this.#position += 1;
		return true;
	}

	/** A comma, or the coming end, which `#ends` then takes. */
	#separator(bracket: string): void {
		this.#skip();
		const next = this.#text[this.#position];
		if (next === ',') this.#position += 1;
		else if (next !== bracket) throw new NotJson('no separator');
	}

	#string(quote: string): string {
		const parts: string[] = [];
		let start = this.#position + 1;
		for (let position = start; position < this.#text.length; position += 1) {
			const character = this.#text[position];
			if (character === quote) {
				this.#position = position + 1;
				parts.push(this.#text.slice(start, position));
				return parts.join('');
			}
			if (character !== '\\') continue;
			parts.push(this.#text.slice(start, position));
			const [value, length] = this.#escape(position + 1);
			parts.push(value);
			position += length;
			start = position + 1;
		}
		throw new NotJson('no closing quote');
	}

	#escape(position: number): readonly [value: string, length: number] {
		const character = this.#text[position] ?? '';
		if (character !== 'u') return [escapes.get(character) ?? character, 1];
		const digits = this.#text.slice(position + 1, position + 5);
		if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw new NotJson('no character code');
		return [String.fromCharCode(Number.parseInt(digits, 16)), 5];
	}

	#word(): string {
		const start = this.#position;
		while (/[^\s,:{}[\]"'/]/.test(this.#text[this.#position] ?? ' ')) this.#position += 1;
		return this.#text.slice(start, this.#position);
	}

	/** Steps over white space and comments. */
	#skip(): void {
		for (;;) {
			while (/[ \t\r\n]/.test(this.#text[this.#position] ?? '')) this.#position += 1;
			if (this.#text.startsWith('//', this.#position)) this.#skipTo('\n');
			else if (this.#text.startsWith('/*', this.#position)) this.#skipTo('*/');
			else return;
		}
	}

	#skipTo(end: string): void {
		const found = this.#text.indexOf(end, this.#position + 2);
		this.#position = found < 0 ? this.#text.length : found + end.length;
	}
}
