import { EntryChunk } from './entry-chunk.ts';
import type { QueueEntry, QueueKind } from './queue-entry.ts';

/**
 * Entries of a chunk: few in a short queue, so that many queues cost little. V8 keeps columns of up
 * to 64 bytes in its own heap, where they cost next to nothing: queues of one message come and go.
 */
const smallestChunk = 8;
const largestChunk = 4096;

/**
 * Entries of one priority: first in, first out, or the newest first; what was taken can be put back.
 */
export class DeliveryQueue implements QueueKind {
	readonly priority: number;
	readonly newestFirst: boolean;
	/** The first in front; none of them empty. */
	#chunks: EntryChunk[] = [];
	#length = 0;

	constructor({ priority, newestFirst }: QueueKind) {
		this.priority = priority;
		this.newestFirst = newestFirst;
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

	/** What is sent next. */
	peek(): QueueEntry | undefined {
		if (this.newestFirst) return this.#chunks.at(-1)?.peekLast(this);
		return this.#chunks[0]?.peek(this);
	}

	/** Leaves out what `peek` gave. */
	skip(): void {
		if (!this.newestFirst) {
			this.#skipOldest();
			return;
		}
		const chunk = this.#chunks.at(-1);
		if (chunk === undefined) return;
		chunk.skipLast();
		this.#length -= 1;
		if (chunk.length === 0) this.#chunks.pop();
	}

	/** Takes the oldest entry, whatever is sent next. */
	take(): QueueEntry | undefined {
		const entry = this.#chunks[0]?.peek(this);
		if (entry !== undefined) this.#skipOldest();
		return entry;
	}

	/** Puts entries back where they were, in their order. */
	putBack(entries: readonly QueueEntry[]): void {
		const last = entries.at(-1);
		if (last === undefined) return;
		if (this.newestFirst) {
			const newer = this.#takeNewerThan(last.offset);
			for (const entry of [...entries, ...newer]) this.push(entry);
			return;
		}
		this.#chunks.unshift(...chunksOf(entries));
		this.#length += entries.length;
	}

	/** Takes out what has expired, wherever it stands. */
	*takeExpired(now: number): Generator<QueueEntry> {
		for (const chunk of [...this.#chunks]) {
			if (now < chunk.soonest) continue;
			const kept: QueueEntry[] = [];
			const expired: QueueEntry[] = [];
			for (const entry of chunk.entries(this)) {
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

	#skipOldest(): void {
		const [chunk] = this.#chunks;
		if (chunk === undefined) return;
		chunk.skip();
		this.#length -= 1;
		if (chunk.length === 0) this.#chunks.shift();
	}

	/** What has come in since an entry was taken, the oldest first. */
	#takeNewerThan(offset: number): QueueEntry[] {
		const newer: QueueEntry[] = [];
		for (
			let entry = this.peek();
			entry !== undefined && entry.offset > offset;
			entry = this.peek()
		) {
			newer.push(entry);
			this.skip();
		}
		return newer.reverse();
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
