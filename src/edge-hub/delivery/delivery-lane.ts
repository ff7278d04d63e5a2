import { Backoff } from '../../runtime/backoff.ts';
import type { Timer } from '../../runtime/clock.ts';
import { DeliveryQueue } from './delivery-queue.ts';
import type { BatchLimits } from './endpoint.ts';
import type { QueueEntry, QueueKind } from './queue-entry.ts';

/** Milliseconds between tries of what an endpoint has not taken. */
const backoffOptions = { initial: 1000, max: 60_000 };

/** Expired entries that come with one batch. */
const maxExpired = 1024;

/** Messages to one endpoint that keep their order: one queue for every priority, one batch at a time. */
export class DeliveryLane {
	/** Sender's identity key, or empty where all senders share the lane. */
	readonly key: string;
	/** A batch is under way. */
	busy = false;
	/** Set while the lane waits after a failure. */
	retryTimer: Timer | undefined;
	/** Priority that failed last; a smaller one need not wait. */
	failedPriority = Number.POSITIVE_INFINITY;
	/** Under which priority the lane is listed as ready. */
	listedUnder: number | undefined;
	readonly backoff: Backoff;
	/** By priority, the smallest first; of one priority, what goes newest first; never empty queues. */
	readonly #queues: DeliveryQueue[] = [];

	constructor(key: string, random: () => number) {
		this.key = key;
		this.backoff = new Backoff({ ...backoffOptions, random });
	}

	/** Priority of what comes next; undefined where nothing waits. */
	get priority(): number | undefined {
		return this.#queues[0]?.priority;
	}

	add(entry: QueueEntry): void {
		this.#queueOf(entry).push(entry);
	}

	/**
	 * Takes the next batch, all of the smallest priority number, in the order in which they came in:
	 * of what goes newest first the newest ones. Expired entries come apart; there may be no batch yet
	 * where they are many.
	 */
	take(limits: BatchLimits, now: number): { batch: QueueEntry[]; expired: QueueEntry[] } {
		const batch: QueueEntry[] = [];
		const expired: QueueEntry[] = [];
		const [queue] = this.#queues;
		let bytes = 0;
		for (let next = queue?.peek(); next !== undefined; next = queue?.peek()) {
			if (next.expiresAt <= now) {
				if (expired.length === maxExpired) break;
				expired.push(next);
			} else {
				bytes += next.size;
				const full = batch.length >= limits.messages || bytes > limits.bytes;
				if (batch.length > 0 && full) break;
				batch.push(next);
			}
			queue?.skip();
		}
		this.#dropEmpty();
		if (queue?.newestFirst) batch.reverse();
		return { batch, expired };
	}

	/** Puts entries of one batch back where they were. */
	putBack(entries: readonly QueueEntry[]): void {
		const [first] = entries;
		if (first !== undefined) this.#queueOf(first).putBack(entries);
	}

	/** Queues by priority; whoever empties one calls `tidy`. */
	queues(): readonly DeliveryQueue[] {
		return [...this.#queues];
	}

	/** Forgets queues that are empty. */
	tidy(): void {
		this.#dropEmpty();
	}

	/** Takes out what has expired, while it is iterated. */
	*takeExpired(now: number): Generator<QueueEntry> {
		for (const queue of this.#queues) yield* queue.takeExpired(now);
		this.#dropEmpty();
	}

	/** Takes everything, while it is iterated. */
	*takeAll(): Generator<QueueEntry> {
		for (const queue of this.#queues) yield* queue.takeAll();
		this.#dropEmpty();
	}

	#queueOf(kind: QueueKind): DeliveryQueue {
		const index = this.#queues.findIndex((queue) => !goesBefore(queue, kind));
		const found = this.#queues[index];
		if (found !== undefined && !goesBefore(kind, found)) return found;
		const queue = new DeliveryQueue(kind);
		this.#queues.splice(index < 0 ? this.#queues.length : index, 0, queue);
		return queue;
	}

	#dropEmpty(): void {
		for (let index = this.#queues.length - 1; index >= 0; index -= 1) {
			if (this.#queues[index]?.length === 0) this.#queues.splice(index, 1);
		}
	}
}

function goesBefore(one: QueueKind, other: QueueKind): boolean {
	if (one.priority !== other.priority) return one.priority < other.priority;
	return one.newestFirst && !other.newestFirst;
}
