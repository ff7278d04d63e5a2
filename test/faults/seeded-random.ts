/** Numbers from 0 up to 1 that a seed determines (mulberry32), so that a run can be repeated. */
export class SeededRandom {
	#state: number;

	constructor(seed: number) {
		this.#state = seed >>> 0;
	}

	next(): number {
		this.#state = (this.#state + 0x6d2b79f5) >>> 0;
		let mixed = this.#state;
		mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	}

	/** A number from `min` up to `max`. */
	between(min: number, max: number): number {
		return min + this.next() * (max - min);
	}

	/** An integer from 0 up to, not including, `end`. */
	below(end: number): number {
		return Math.floor(this.next() * end);
	}

	pick<Item>(items: readonly Item[]): Item {
		if (items.length === 0) throw new RangeError('Nothing to pick from.');
		return items[this.below(items.length)] as Item;
	}

	chance(probability: number): boolean {
		return this.next() < probability;
	}
}
