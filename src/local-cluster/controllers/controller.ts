import { Backoff } from '../../runtime/backoff.ts';
import type { Clock, Timer } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';
import { statusOf } from './kind-cache.ts';

/** What one controller does. It is told which object to look at, never what has happened. */
export interface Reconciler {
	readonly name: string;
	/** Subscribes to the caches; `enqueue` takes the key `namespace/name` of a primary object. */
	watch(enqueue: (key: string) => void): void;
	/**
	 * Brings one object a step closer to what it declares.
	 *
	 * @returns milliseconds after which to look again, or nothing.
	 */
	reconcile(key: string): Promise<number | undefined>;
}

/** What the loop needs besides its reconciler. */
export interface ControllerSettings {
	readonly clock: Clock;
	readonly logger: Logger;
}

/** Keys that one controller works on at the same time. */
const parallel = 8;

/** The loop of one controller: a queue of keys, each worked on by one run at a time. */
export class Controller implements Lifecycle {
	readonly #reconciler: Reconciler;
	readonly #clock: Clock;
	readonly #logger: Logger;
	readonly #queue = new Set<string>();
	readonly #running = new Map<string, Promise<void>>();
	readonly #later = new Map<string, { readonly at: number; readonly timer: Timer }>();
	readonly #backoffs = new Map<string, Backoff>();
	#open = false;

	constructor(reconciler: Reconciler, settings: ControllerSettings) {
		this.#reconciler = reconciler;
		this.#clock = settings.clock;
		this.#logger = settings.logger.child({ controller: reconciler.name });
		reconciler.watch((key) => this.enqueue(key));
	}

	/** Begins with everything that was enqueued since construction. */
	async start(): Promise<void> {
		this.#open = true;
		this.#pump();
	}

	async stop(): Promise<void> {
		this.#open = false;
		this.#queue.clear();
		for (const { timer } of this.#later.values()) timer[Symbol.dispose]();
		this.#later.clear();
		await Promise.all(this.#running.values());
	}

	enqueue(key: string): void {
		this.#queue.add(key);
		this.#pump();
	}

	#pump(): void {
		if (!this.#open) return;
		for (const key of this.#queue) {
			if (this.#running.size >= parallel) return;
			if (this.#running.has(key)) continue;
			this.#queue.delete(key);
			this.#running.set(key, this.#run(key));
		}
	}

	async #run(key: string): Promise<void> {
		try {
			const again = await this.#reconciler.reconcile(key);
			this.#backoffs.delete(key);
			if (again !== undefined) this.#enqueueLater(key, again);
		} catch (error) {
			this.#retry(key, error);
		}
		this.#running.delete(key);
		this.#pump();
	}

	#retry(key: string, error: unknown): void {
		const backoff = this.#backoffs.get(key) ?? new Backoff({ initial: 50, max: 30_000 });
		this.#backoffs.set(key, backoff);
		const delay = backoff.next();
		// A conflict or a missing object means that the cache was behind: the next try knows more.
		const expected = [404, 409].includes(statusOf(error) ?? 0);
		if (this.#open && (!expected || backoff.failures > 3)) {
			this.#logger.warn('cannot reconcile', { key, error: messageOf(error), retryInMs: delay });
		}
		this.#enqueueLater(key, delay);
	}

	#enqueueLater(key: string, delay: number): void {
		if (!this.#open) return;
		const at = this.#clock.monotonic() + delay;
		const pending = this.#later.get(key);
		if (pending !== undefined && pending.at <= at) return;
		pending?.timer[Symbol.dispose]();
		const timer = this.#clock.after(delay, () => {
			this.#later.delete(key);
			this.enqueue(key);
		});
		this.#later.set(key, { at, timer });
	}
}
