import { Backoff } from '../../runtime/backoff.ts';
import type { Timer } from '../../runtime/clock.ts';
import { DeliveryQueue } from './delivery-queue.ts';
import type { BatchLimits } from './endpoint.ts';
import type { QueueEntry } from './queue-entry.ts';

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
	/** By priority, the smallest first; never empty queues. */
	readonly #queues: { readonly priority: number; readonly queue: DeliveryQueue }[] = [];

	constructor(key: string, random: () => number) {
		this.key = key;
		this.backoff = new Backoff({ ...backoffOptions, random });
	}

	/** Priority of what comes next; undefined where nothing waits. */
	get priority(): number | undefined {
		return this.#queues[0]?.priority;
	}

	add(entry: QueueEntry): void {
		this.#queueOf(entry.priority).push(entry);
	}

	/**
	 * Takes the next batch, all of the smallest priority number. Expired entries come apart; there may
	 * be no batch yet where they are many.
	 */
	take(limits: BatchLimits, now: number): { batch: QueueEntry[]; expired: QueueEntry[] } {
		const batch: QueueEntry[] = [];
		const expired: QueueEntry[] = [];
		const queue = this.#queues[0]?.queue;
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
		return { batch, expired };
	}

	/** Puts entries of one priority back in front. */
	putBack(entries: readonly QueueEntry[]): void {
		const [first] = entries;
		if (first !== undefined) this.#queueOf(first.priority).putBack(entries);
	}

	/** Queues by priority; whoever empties one calls `tidy`. */
	queues(): DeliveryQueue[] {
		return this.#queues.map(({ queue }) => queue);
	}

	/** Forgets queues that are empty. */
	tidy(): void {
		this.#dropEmpty();
	}

	/** Takes out what has expired, while it is iterated. */
	*takeExpired(now: number): Generator<QueueEntry> {
		for (const { queue } of this.#queues) yield* queue.takeExpired(now);
		this.#dropEmpty();
	}

	/** Takes everything, while it is iterated. */
	*takeAll(): Generator<QueueEntry> {
		for (const { queue } of this.#queues) yield* queue.takeAll();
		this.#dropEmpty();
	}

	#queueOf(priority: number): DeliveryQueue {
		const index = this.#queues.findIndex((candidate) => candidate.priority >= priority);
		const found = this.#queues[index];
		if (found?.priority === priority) return found.queue;
		const queue = new DeliveryQueue(priority);
		this.#queues.splice(index < 0 ? this.#queues.length : index, 0, { priority, queue });
		return queue;
	}

	#dropEmpty(): void {
		for (let index = this.#queues.length - 1; index >= 0; index -= 1) {
			if (this.#queues[index]?.queue.length === 0) this.#queues.splice(index, 1);
		}
	}
}
