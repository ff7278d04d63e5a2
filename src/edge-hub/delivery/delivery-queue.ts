import { EntryChunk } from './entry-chunk.ts';
import type { QueueEntry } from './queue-entry.ts';

/**
 * Entries of a chunk: few in a short queue, so that many queues cost little. V8 keeps columns of up
 * to 64 bytes in its own heap, where they cost next to nothing: queues of one message come and go.
 */
const smallestChunk = 8;
const largestChunk = 4096;

/** Entries of one priority: first in, first out; what was taken can be put back in front. */
export class DeliveryQueue {
	readonly priority: number;
	/** The first in front; none of them empty. */
	#chunks: EntryChunk[] = [];
	#length = 0;

	constructor(priority: number) {
		this.priority = priority;
	}

	get length(): number {
		return this.#length;
	}

	/** Offset of the first entry; infinite where there is none. */
	get firstOffset(): number {
		return this.#chunks[0]?.firstOffset ?? Number.POSITIVE_INFINITY;
	}

	push(entry: QueueEntry): void {
		this.#length += 1;
		const last = this.#chunks.at(-1);
		if (last?.add(entry)) return;
		const capacity = Math.min(largestChunk, (last?.capacity ?? smallestChunk / 2) * 2);
		this.#chunks.push(chunkOf([entry], capacity));
	}

	peek(): QueueEntry | undefined {
		return this.#chunks[0]?.peek(this.priority);
	}

	/** Leaves out what `peek` gave. */
	skip(): void {
		const [chunk] = this.#chunks;
		if (chunk === undefined) return;
		chunk.skip();
		this.#length -= 1;
		if (chunk.length === 0) this.#chunks.shift();
	}

	take(): QueueEntry | undefined {
		const entry = this.peek();
		if (entry !== undefined) this.skip();
		return entry;
	}

	/** Puts entries back in front, in their order. */
	putBack(entries: readonly QueueEntry[]): void {
		if (entries.length === 0) return;
		this.#chunks.unshift(...chunksOf(entries));
		this.#length += entries.length;
	}

	/** Takes out what has expired, wherever it stands. */
	*takeExpired(now: number): Generator<QueueEntry> {
		for (const chunk of [...this.#chunks]) {
			if (now < chunk.soonest) continue;
			const kept: QueueEntry[] = [];
			const expired: QueueEntry[] = [];
			for (const entry of chunk.entries(this.priority)) {
				(entry.expiresAt <= now ? expired : kept).push(entry);
			}
			this.#chunks.splice(this.#chunks.indexOf(chunk), 1, ...chunksOf(kept));
			this.#length -= expired.length;
			yield* expired;
		}
	}

	/** Takes everything, while it is iterated. */
	*takeAll(): Generator<QueueEntry> {
		for (let entry = this.take(); entry !== undefined; entry = this.take()) yield entry;
	}
}

/** One chunk, or more where entries are too different for one. */
function chunksOf(entries: readonly QueueEntry[]): EntryChunk[] {
	const chunks: EntryChunk[] = [];
	for (const [index, entry] of entries.entries()) {
		if (!chunks.at(-1)?.add(entry)) chunks.push(chunkOf([entry], entries.length - index));
	}
	return chunks;
}

function chunkOf([first]: readonly [QueueEntry], capacity: number): EntryChunk {
	const chunk = new EntryChunk(first.offset, capacity);
	chunk.add(first);
	return chunk;
}
