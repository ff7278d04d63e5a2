import type { Clock, Timer } from '../runtime/clock.ts';

/** Milliseconds of the shortest pause: at high rates a timer for every message would cost too much. */
const shortestPause = 10;

export interface PublishRateOptions {
	/** Messages a second, at least 1; as many may come at once after a quiet second. */
	readonly perSecond: number;
	readonly clock: Clock;
}

/**
 * How fast a client may send: a token bucket. A message that finds it empty has to wait, and with it
 * everything behind it, so that the client is slowed down by TCP and loses nothing.
 */
export class PublishRate {
	readonly #perSecond: number;
	readonly #clock: Clock;
	#tokens: number;
	/** When the tokens were counted, on the monotonic clock. */
	#countedAt: number;
	#heldUntil: number | undefined;
	#timer: Timer | undefined;
	#release: (() => void) | undefined;

	constructor({ perSecond, clock }: PublishRateOptions) {
		this.#perSecond = perSecond;
		this.#clock = clock;
		this.#tokens = perSecond;
		this.#countedAt = clock.monotonic();
	}

	/** When the latest pause ends or ended, on the monotonic clock; undefined when there was none. */
	get heldUntil(): number | undefined {
		return this.#heldUntil;
	}

	/** Takes the token of a message. @returns milliseconds that the message has to wait; 0 for none */
	take(): number {
		const now = this.#clock.monotonic();
		const refilled = this.#tokens + ((now - this.#countedAt) * this.#perSecond) / 1000;
		this.#tokens = Math.min(this.#perSecond, refilled) - 1;
		this.#countedAt = now;
		if (this.#tokens >= 0) return 0;
		return Math.max(shortestPause, (-this.#tokens * 1000) / this.#perSecond);
	}

	/** Resolves after a pause, or when the connection ends. Nothing is taken meanwhile. */
	pause(milliseconds: number): Promise<void> {
		this.#heldUntil = this.#clock.monotonic() + milliseconds;
		return new Promise((resolve) => {
			this.#release = resolve;
			this.#timer = this.#clock.after(milliseconds, resolve);
		});
	}

	/** Ends a pause. */
	close(): void {
		this.#timer?.[Symbol.dispose]();
		this.#release?.();
	}
}
