/** Records for which there is room at first. */
const initialCapacity = 64;

/**
 * Where the records of a segment lie, in columns: nine bytes for a record. Two columns are rarely
 * as wide as they may get: deltas need no column while they have no gaps, which only compaction and
 * damage leave; pending parts fit into a byte while no record has more than eight.
 */
export class RecordIndex {
	#positions = new Uint32Array(initialCapacity);
	#lengths = new Uint32Array(initialCapacity);
	#pending: Uint8Array | Uint32Array = new Uint8Array(initialCapacity);
	/** Undefined while a record's delta is its place in the index. */
	#deltas: Uint32Array | undefined;
	#count = 0;

	get count(): number {
		return this.#count;
	}

	/** Adds a record. Deltas (its offset, less the base of the segment) must come in order. */
	add(delta: number, position: number, length: number, pending: number): void {
		const entry = this.#count;
		if (entry === this.#positions.length) this.#resize(entry * 2);
		this.#positions[entry] = position;
		this.#lengths[entry] = length;
		this.#count += 1;
		this.#setDelta(entry, delta);
		this.setPending(entry, pending);
	}

	/** Gives memory back that no record needs. */
	trim(): void {
		if (this.#count < this.#positions.length) this.#resize(Math.max(1, this.#count));
	}

	/** Entry of a delta, or -1. */
	find(delta: number): number {
		const deltas = this.#deltas;
		if (deltas === undefined) return delta >= 0 && delta < this.#count ? delta : -1;
		let low = 0;
		let high = this.#count - 1;
		while (low <= high) {
			const middle = (low + high) >> 1;
			const found = deltas[middle] ?? 0;
			if (found === delta) return middle;
			if (found < delta) low = middle + 1;
			else high = middle - 1;
		}
		return -1;
	}

	delta(entry: number): number {
		return this.#deltas === undefined ? entry : (this.#deltas[entry] ?? 0);
	}

	position(entry: number): number {
		return this.#positions[entry] ?? 0;
	}

	length(entry: number): number {
		return this.#lengths[entry] ?? 0;
	}

	/** A bit for every part that has not been released. */
	pending(entry: number): number {
		return this.#pending[entry] ?? 0;
	}

	setPending(entry: number, pending: number): void {
		if (pending > 0xff && this.#pending instanceof Uint8Array) {
			this.#pending = new Uint32Array(this.#pending);
		}
		this.#pending[entry] = pending;
	}

	#setDelta(entry: number, delta: number): void {
		if (this.#deltas === undefined) {
			if (delta === entry) return;
			this.#deltas = new Uint32Array(this.#positions.length).map((_, index) => index);
		}
		this.#deltas[entry] = delta;
	}

	#resize(capacity: number): void {
		this.#positions = resized(this.#positions, new Uint32Array(capacity));
		this.#lengths = resized(this.#lengths, new Uint32Array(capacity));
		this.#pending =
			this.#pending instanceof Uint8Array
				? resized(this.#pending, new Uint8Array(capacity))
				: resized(this.#pending, new Uint32Array(capacity));
		if (this.#deltas !== undefined) this.#deltas = resized(this.#deltas, new Uint32Array(capacity));
	}
}

function resized<Column extends Uint8Array | Uint32Array>(from: Column, to: Column): Column {
	to.set(from.subarray(0, to.length));
	return to;
}
