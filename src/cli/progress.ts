import { systemClock } from '../runtime/clock.ts';
import type { Terminal } from './terminal.ts';

/** Work that is done sooner is not worth a line. Milliseconds. */
const patience = 2000;

/** One line on a terminal that says how far a long command is. Nothing in a file or a pipe. */
export class Progress {
	readonly #total: number;
	readonly #terminal: Terminal;
	readonly #began = systemClock.monotonic();
	#done = 0;
	#shown = false;

	constructor(total: number, terminal: Terminal) {
		this.#total = total;
		this.#terminal = terminal;
	}

	/** One more is done. */
	step(what: string): void {
		this.#done += 1;
		if (this.#terminal.columns === undefined) return;
		if (systemClock.monotonic() - this.#began < patience) return;
		this.#shown = true;
		const line = `${this.#done} of ${this.#total}  ${what}`.slice(0, this.#terminal.columns - 1);
		this.#terminal.note(`\r\u001b[K${line}`);
	}

	/** Takes the line away. */
	done(): void {
		if (this.#shown) this.#terminal.note('\r\u001b[K');
	}
}
