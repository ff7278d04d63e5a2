import { Fifo } from '../../mqtt/fifo.ts';

/** Lets so many sends be under way at once; others begin in the order of their calls. */
export class SendWindow {
	readonly #max: number;
	readonly #waiting = new Fifo<() => void>();
	#underway = 0;

	constructor(max: number) {
		this.#max = max;
	}

	/** @returns what `send` returns, which is called at once where there is room */
	run(send: () => Promise<void>): Promise<void> {
		if (this.#underway < this.#max) return this.#begin(send);
		return new Promise((resolve, reject) => {
			this.#waiting.push(() => this.#begin(send).then(resolve, reject));
		});
	}

	#begin(send: () => Promise<void>): Promise<void> {
		this.#underway += 1;
		const sent = send();
		const done = () => {
			this.#underway -= 1;
			this.#waiting.shift()?.();
		};
		sent.then(done, done);
		return sent;
	}
}
