import { stripVTControlCharacters } from 'node:util';
import type { Terminal } from '../terminal.ts';

const moveUp = (lines: number) => `\u001b[${lines}A`;
const clearBelow = '\r\u001b[J';

/**
 * A block of lines at the bottom of a terminal that is drawn again in place, with other lines
 * scrolling by above it.
 */
export class LiveScreen {
	readonly #terminal: Terminal;
	#drawn = 0;
	#block: readonly string[] = [];

	constructor(terminal: Terminal) {
		this.#terminal = terminal;
	}

	/** Replaces the block. */
	draw(lines: readonly string[]): void {
		this.#block = lines;
		this.#redraw([]);
	}

	/** Prints a line above the block. */
	print(line: string): void {
		this.#redraw([line]);
	}

	#redraw(above: readonly string[]): void {
		const erase = this.#drawn === 0 ? '' : `${moveUp(this.#drawn)}${clearBelow}`;
		const block = this.#block.slice(0, (this.#terminal.rows ?? 24) - 1);
		const lines = [...above, ...block].map((line) => this.#fit(line));
		this.#terminal.write(`${erase}${lines.map((line) => `${line}\n`).join('')}`);
		this.#drawn = block.length;
	}

	/** A line that wraps would break the count of lines. */
	#fit(line: string): string {
		const columns = this.#terminal.columns ?? 80;
		const plain = stripVTControlCharacters(line);
		return plain.length < columns ? line : `${plain.slice(0, columns - 2)}…`;
	}
}
