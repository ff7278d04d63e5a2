import { Backoff, type BackoffOptions } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { Lifecycle } from './lifecycle.ts';

/** What is to be done, and how often it is tried. */
export interface RetryingTaskOptions {
	/** Brings the outside in line with the inside. Must bear being repeated. */
	readonly action: (signal: AbortSignal) => Promise<void>;
	/** Told of every failure before the wait. */
	readonly onFailure?: (error: unknown) => void;
	readonly backoff: BackoffOptions;
	/** Milliseconds from the start of one run to the next at least. Default 0. */
	readonly minInterval?: number;
	readonly clock: Clock;
}

/**
 * An action that runs when asked, never twice at once: asked while it runs, it runs once more; when
 * it fails, it is repeated with back-off until it succeeds. What it does depends on the state it
 * finds, not on who asked or how often.
 */
export class RetryingTask implements Lifecycle {
	readonly #options: RetryingTaskOptions;
	readonly #backoff: Backoff;
	readonly #abort = new AbortController();
	#wanted = false;
	#running: Promise<void> | undefined;
	#wake: AbortController | undefined;
	#lastStart = Number.NEGATIVE_INFINITY;

	constructor(options: RetryingTaskOptions) {
		this.#options = options;
		this.#backoff = new Backoff(options.backoff);
	}

	/** Nothing runs before it is asked for. */
	async start(): Promise<void> {}

	/** Asks for a run. One that waits after a failure begins at once. */
	trigger(): void {
		if (this.#abort.signal.aborted) return;
		this.#wanted = true;
		this.#wake?.abort();
		this.#running ??= this.#run().finally(() => {
			this.#running = undefined;
			if (this.#wanted) this.trigger();
		});
	}

	/** Resolves when nothing is wanted or running any more. */
	async idle(): Promise<void> {
		while (this.#running !== undefined) await this.#running;
	}

	/** Cancels the action; nothing runs after it resolves. */
	async stop(): Promise<void> {
		this.#abort.abort();
		await this.idle();
	}

	async #run(): Promise<void> {
		const { clock, action, onFailure, minInterval = 0 } = this.#options;
		const { signal } = this.#abort;
		while (this.#wanted && !signal.aborted) {
			if (!(await this.#sleep(this.#lastStart + minInterval - clock.monotonic()))) return;
			this.#wanted = false;
			this.#lastStart = clock.monotonic();
			try {
				await action(signal);
				this.#backoff.reset();
			} catch (error) {
				if (signal.aborted) return;
				onFailure?.(error);
				await this.#waitToRetry();
				this.#wanted = true;
			}
		}
	}

	async #waitToRetry(): Promise<void> {
		if (this.#wanted) return;
		this.#wake = new AbortController();
		const signal = AbortSignal.any([this.#wake.signal, this.#abort.signal]);
		await this.#options.clock.sleep(this.#backoff.next(), signal).catch(() => {});
		this.#wake = undefined;
	}

	/** @returns false when stopped meanwhile. */
	async #sleep(ms: number): Promise<boolean> {
		const { signal } = this.#abort;
		if (ms > 0) await this.#options.clock.sleep(ms, signal).catch(() => {});
		return !signal.aborted;
	}
}
