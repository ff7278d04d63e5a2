import type { MessageOrigin } from './delivery-metrics.ts';

/** A message that waits for an endpoint; the message itself is in the log. */
export interface QueueEntry {
	readonly offset: number;
	/** The record's part that stands for the endpoint. */
	readonly part: number;
	readonly priority: number;
	readonly origin: MessageOrigin;
	/** Bytes as `messageSize` counts. */
	readonly size: number;
	/** Milliseconds since the epoch; infinite for no end. */
	readonly expiresAt: number;
}

/** Places in front of the first entry after which the memory is given back. */
const slack = 1024;

/** First in, first out; what was taken can be put back in front. */
export class DeliveryQueue {
	#entries: (QueueEntry | undefined)[] = [];
	#first = 0;
	/** No entry expires before. */
	#soonest = Number.POSITIVE_INFINITY;

	get length(): number {
		return this.#entries.length - this.#first;
	}

	push(entry: QueueEntry): void {
		this.#entries.push(entry);
		if (entry.expiresAt < this.#soonest) this.#soonest = entry.expiresAt;
	}

	peek(): QueueEntry | undefined {
		return this.#entries[this.#first];
	}

	take(): QueueEntry | undefined {
		const entry = this.#entries[this.#first];
		if (entry === undefined) return undefined;
		this.#entries[this.#first] = undefined;
		this.#first += 1;
		if (this.#first > slack && this.#first * 2 > this.#entries.length) {
			this.#entries = this.#entries.slice(this.#first);
			this.#first = 0;
		}
		return entry;
	}

	/** Puts entries back in front, in their order. */
	putBack(entries: readonly QueueEntry[]): void {
		if (entries.length > this.#first) {
			this.#entries = [...entries, ...this.#entries.slice(this.#first)];
			this.#first = 0;
			return;
		}
		this.#first -= entries.length;
		for (const [index, entry] of entries.entries()) this.#entries[this.#first + index] = entry;
	}

	/** Takes out what has expired, wherever it stands. */
	takeExpired(now: number): QueueEntry[] {
		if (now < this.#soonest) return [];
		const expired: QueueEntry[] = [];
		const kept: QueueEntry[] = [];
		let soonest = Number.POSITIVE_INFINITY;
		for (const entry of this.#entries) {
			if (entry === undefined) continue;
			if (entry.expiresAt <= now) expired.push(entry);
			else {
				kept.push(entry);
				soonest = Math.min(soonest, entry.expiresAt);
			}
		}
		this.#entries = kept;
		this.#first = 0;
		this.#soonest = soonest;
		return expired;
	}

	takeAll(): QueueEntry[] {
		const all = this.#entries.slice(this.#first) as QueueEntry[];
		this.#entries = [];
		this.#first = 0;
		return all;
	}
}
