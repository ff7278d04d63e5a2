import type { MessageOrigin } from './delivery-metrics.ts';
import type { QueueEntry, QueueKind } from './queue-entry.ts';

/** A record has up to 32 parts: five bits beside the size. */
const partBits = 5;
const partMask = 2 ** partBits - 1;
const maxOrigins = 256;

/**
 * A few neighbouring entries of a queue, in columns: 17 bytes for an entry, where an object takes a
 * hundred. Millions of messages wait in a long outage. All entries are of one kind.
 */
export class EntryChunk {
	readonly #base: number;
	/** Offsets less the base. */
	readonly #offsets: Uint32Array;
	readonly #expiries: Float64Array;
	readonly #sizesAndParts: Uint32Array;
	readonly #originIndexes: Uint8Array;
	readonly #origins: MessageOrigin[] = [];
	#first = 0;
	#end = 0;
	/** No entry expires before. */
	#soonest = Number.POSITIVE_INFINITY;

	/** @param base no entry has a smaller offset */
	constructor(base: number, capacity: number) {
		this.#base = base;
		this.#offsets = new Uint32Array(capacity);
		this.#expiries = new Float64Array(capacity);
		this.#sizesAndParts = new Uint32Array(capacity);
		this.#originIndexes = new Uint8Array(capacity);
	}

	get length(): number {
		return this.#end - this.#first;
	}

	get capacity(): number {
		return this.#offsets.length;
	}

	get soonest(): number {
		return this.#soonest;
	}

	/** @returns whether there was room for the entry. */
	add({ offset, origin, size, part, expiresAt }: QueueEntry): boolean {
		const delta = offset - this.#base;
		if (this.#end === this.capacity || delta < 0 || delta >= 2 ** 32) return false;
		const originIndex = this.#indexOf(origin);
		if (originIndex === maxOrigins) return false;
		this.#offsets[this.#end] = delta;
		this.#expiries[this.#end] = expiresAt;
		this.#sizesAndParts[this.#end] = (size << partBits) | part;
		this.#originIndexes[this.#end] = originIndex;
		this.#end += 1;
		if (expiresAt < this.#soonest) this.#soonest = expiresAt;
		return true;
	}

	/** The first entry, or undefined where none is left. */
	peek(kind: QueueKind): QueueEntry | undefined {
		return this.#first < this.#end ? this.#at(this.#first, kind) : undefined;
	}

	/** Offset of the first entry. The chunk must not be empty. */
	get firstOffset(): number {
		return this.#base + (this.#offsets[this.#first] ?? 0);
	}

	/** The last entry, or undefined where none is left. */
	peekLast(kind: QueueKind): QueueEntry | undefined {
		return this.#first < this.#end ? this.#at(this.#end - 1, kind) : undefined;
	}

	/** Leaves the last entry out. */
	skipLast(): void {
		this.#end -= 1;
	}

	/** Leaves the first entry out. */
	skip(): void {
		this.#first += 1;
	}

	*entries(kind: QueueKind): Generator<QueueEntry> {
		for (let index = this.#first; index < this.#end; index += 1) yield this.#at(index, kind);
	}

	#at(index: number, { priority, newestFirst }: QueueKind): QueueEntry {
		const sizeAndPart = this.#sizesAndParts[index] ?? 0;
		return {
			offset: this.#base + (this.#offsets[index] ?? 0),
			part: sizeAndPart & partMask,
			priority,
			newestFirst,
			origin: this.#origins[this.#originIndexes[index] ?? 0] as MessageOrigin,
			size: sizeAndPart >>> partBits,
			expiresAt: this.#expiries[index] ?? 0,
		};
	}

	/** Most entries have the origin of the one before them; a lane seldom has more than a few. */
	#indexOf(origin: MessageOrigin): number {
		const previous = this.#end === 0 ? 0 : (this.#originIndexes[this.#end - 1] ?? 0);
		if (this.#origins[previous] === origin) return previous;
		const known = this.#origins.indexOf(origin);
		if (known >= 0) return known;
		if (this.#origins.length === maxOrigins) return maxOrigins;
		return this.#origins.push(origin) - 1;
	}
}
