/** Characters around a number that are skipped: tab to carriage return, and blank. */
const isSpace = (character: string) =>
	character === ' ' || (character >= '\t' && character <= '\r' && character !== '');

/** Words for numbers, whatever their case. */
const words: ReadonlyMap<string, number> = new Map([
	['nan', Number.NaN],
	['infinity', Number.POSITIVE_INFINITY],
	['+infinity', Number.POSITIVE_INFINITY],
	['-infinity', Number.NEGATIVE_INFINITY],
]);

/**
 * Reads a number as the route function `as_number` does: white space around it, a sign before or
 * behind it or parentheses for a negative number, commas between digits, a fraction, an exponent, the
 * currency sign. NaN for anything else, hexadecimal and empty texts included (.NET documentation,
 * `NumberStyles.Any` with the invariant culture).
 */
export function numberOfText(text: string): number {
	const reader = new NumberReader(text);
	return reader.read() ?? words.get(text.trim().toLowerCase()) ?? Number.NaN;
}

class NumberReader {
	readonly #text: string;
	#position = 0;
	#sign = '';
	#currency = false;

	constructor(text: string) {
		this.#text = text;
	}

	/** @returns undefined where the text is no number. */
	read(): number | undefined {
		this.#decoration('(', false);
		const open = this.#sign === '(';
		const digits = this.#number();
		if (digits === undefined) return undefined;
		this.#decoration(open ? ')' : '', true);
		const closed = this.#sign === ')';
		if (open !== closed || this.#position < this.#text.length) return undefined;
		const value = Number(digits);
		return closed || this.#sign === '-' ? -value : value;
	}

	/** White space, and at most one sign and one currency sign altogether. */
	#decoration(parenthesis: string, behind: boolean): void {
		for (; this.#position < this.#text.length; this.#position += 1) {
			const character = this.#text[this.#position] ?? '';
			if (this.#skips(character, behind)) continue;
			if (character === '¤' && !this.#currency) this.#currency = true;
			else if ((character === '-' || character === '+') && this.#sign === '')
				this.#sign = character;
			else if (character === parenthesis && this.#parenthesisFits(parenthesis))
				this.#sign = character;
			else return;
		}
	}

	/** Between a sign and its number white space needs a currency sign: `-¤ 5` is a number, `- 5` is none. */
	#skips(character: string, behind: boolean): boolean {
		return isSpace(character) && (behind || this.#sign === '' || this.#currency);
	}

	#parenthesisFits(parenthesis: string): boolean {
		return parenthesis === '(' ? this.#sign === '' : this.#sign === '(';
	}

	/** Digits in the form that `Number` takes. */
	#number(): string | undefined {
		const whole = this.#digits(true);
		let fraction = '';
		if (this.#text[this.#position] === '.') {
			this.#position += 1;
			fraction = this.#digits(false);
		}
		if (whole === '' && fraction === '') return undefined;
		return `${whole || '0'}.${fraction || '0'}${this.#exponent()}`;
	}

	#digits(commas: boolean): string {
		let digits = '';
		for (; this.#position < this.#text.length; this.#position += 1) {
			const character = this.#text[this.#position] ?? '';
			if (character >= '0' && character <= '9') digits += character;
			else if (!(commas && character === ',' && digits !== '')) break;
		}
		return digits;
	}

	#exponent(): string {
		const match = /^[eE][+-]?[0-9]+/.exec(this.#text.slice(this.#position, this.#position + 20));
		if (match === null) return '';
		this.#position += match[0].length;
		return match[0];
	}
}
