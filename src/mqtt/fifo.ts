/** Places in front of the first entry after which the memory is given back. */
const slack = 256;

/** First in, first out, at the same small cost however many wait. */
export class Fifo<Entry> {
	#entries: (Entry | undefined)[] = [];
	#first = 0;

	get length(): number {
		return this.#entries.length - this.#first;
	}

	push(entry: Entry): void {
		this.#entries.push(entry);
	}

	peek(): Entry | undefined {
		return this.#entries[this.#first];
	}

	/** The entry so many places behind the first one. */
	at(place: number): Entry | undefined {
		return this.#entries[this.#first + place];
	}

	shift(): Entry | undefined {
		const entry = this.#entries[this.#first];
		if (this.length === 0) return undefined;
		this.#entries[this.#first] = undefined;
		this.#first += 1;
		if (this.length === 0) {
			this.#entries.length = 0;
			this.#first = 0;
		} else if (this.#first > slack && this.#first * 2 > this.#entries.length) {
			this.#entries = this.#entries.slice(this.#first);
			this.#first = 0;
		}
		return entry;
	}

	takeAll(): Entry[] {
		const all = this.#entries.slice(this.#first) as Entry[];
		this.#entries = [];
		this.#first = 0;
		return all;
	}
}
