/** How long to wait before the next try. All times in milliseconds. */
export interface BackoffOptions {
	/** The first delay. */
	readonly initial: number;
	/** No delay is longer than this, jitter included. */
	readonly max: number;
	/** What each failure multiplies the delay by. Default 2. */
	readonly factor?: number;
	/** The part of a delay, 0 to 1, that is random, so that many clients do not return at once. Default 0.2. */
	readonly jitter?: number;
	/** A source of numbers from 0 up to 1, for tests. Default `Math.random`. */
	readonly random?: () => number;
}

/** Exponential back-off with jitter: `next()` after a failure, `reset()` after a success. */
export class Backoff {
	#failures = 0;
	readonly #options: Required<BackoffOptions>;

	constructor(options: BackoffOptions) {
		this.#options = { factor: 2, jitter: 0.2, random: Math.random, ...options };
	}

	/** Failures since the last reset. */
	get failures(): number {
		return this.#failures;
	}

	/** Counts a failure and returns the milliseconds to wait. */
	next(): number {
		const { initial, max, factor, jitter, random } = this.#options;
		const full = Math.min(max, initial * factor ** this.#failures);
		this.#failures += 1;
		return full * (1 - jitter * random());
	}

	reset(): void {
		this.#failures = 0;
	}
}
