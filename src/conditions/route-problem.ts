/** A stretch of a route's or condition's text, in UTF-16 units from its beginning; `end` is exclusive. */
export interface TextRange {
	readonly start: number;
	readonly end: number;
}

/**
 * Something wrong with the text of a route: it breaks the grammar, joins types that do not go
 * together, or leads nowhere.
 */
export interface RouteProblem {
	readonly kind: 'syntax' | 'type' | 'sink';
	/** One sentence: what is there, and what was expected. */
	readonly message: string;
	/** Line and column of the first character, from 1. */
	readonly line: number;
	readonly column: number;
	/** Line and column behind the last character. */
	readonly endLine: number;
	readonly endColumn: number;
}

/** Collects the problems of one text. */
export class RouteProblems {
	readonly #text: string;
	readonly #found: RouteProblem[] = [];

	constructor(text: string) {
		this.#text = text;
	}

	get found(): readonly RouteProblem[] {
		return this.#found;
	}

	/** What stands in a range. */
	textAt({ start, end }: TextRange): string {
		return this.#text.slice(start, end);
	}

	add(kind: RouteProblem['kind'], range: TextRange, message: string): void {
		const [line, column] = this.#place(range.start);
		const [endLine, endColumn] = this.#place(range.end);
		this.#found.push({ kind, message, line, column, endLine, endColumn });
	}

	#place(position: number): readonly [line: number, column: number] {
		const before = this.#text.slice(0, position);
		const lines = before.split('\n');
		return [lines.length, (lines.at(-1)?.length ?? 0) + 1];
	}
}

/** `line 1, column 14: …`; several problems are joined by a blank. */
export function describeProblems(problems: readonly RouteProblem[]): string {
	return problems
		.map(({ line, column, message }) => `line ${line}, column ${column}: ${message}`)
		.join(' ');
}
