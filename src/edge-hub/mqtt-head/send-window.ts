import { Fifo } from '../../mqtt/fifo.ts';

/** Lets so many sends be under way at once; others begin in the order of their calls. */
export class SendWindow<Item> {
	readonly #max: number;
	readonly #send: (item: Item) => void;
	readonly #waiting = new Fifo<Item>();
	#underway = 0;

	/** @param send begins to send; whoever does calls `settled` at the end, maybe at once */
	constructor(max: number, send: (item: Item) => void) {
		this.#max = max;
		this.#send = send;
	}

	/** Sends an item, at once where there is room. */
	add(item: Item): void {
		if (this.#underway >= this.#max) {
			this.#waiting.push(item);
			return;
		}
		this.#underway += 1;
		this.#send(item);
	}

	/** An item is not under way any more. */
	settled(): void {
		this.#underway -= 1;
		const next = this.#waiting.shift();
		if (next !== undefined) this.add(next);
	}
}
