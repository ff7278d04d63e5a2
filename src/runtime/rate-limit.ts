import type { Clock, Timer } from './clock.ts';

/** Milliseconds of the shortest pause: at high rates a timer for every turn would cost too much. */
const shortestPause = 10;

export interface RateLimitOptions {
	/** At least 1; as many may go on at once after a quiet second. */
	readonly perSecond: number;
	readonly clock: Clock;
	/** Nobody gets a turn for so many milliseconds. */
	readonly held?: (milliseconds: number) => void;
}

/**
 * So many a second: a token bucket. Whoever finds it empty either waits for a turn, in line with all
 * that come behind, or is told when to come again.
 */
export class RateLimit {
	readonly #options: RateLimitOptions;
	readonly #line: (() => void)[] = [];
	#tokens: number;
	/** When the tokens were counted, on the monotonic clock. */
	#countedAt: number;
	#heldUntil: number | undefined;
	#timer: Timer | undefined;
	#lifted = false;

	constructor(options: RateLimitOptions) {
		this.#options = options;
		this.#tokens = options.perSecond;
		this.#countedAt = options.clock.monotonic();
	}

	/** When the latest pause ends or ended, on the monotonic clock; undefined when there was none. */
	get heldUntil(): number | undefined {
		return this.#heldUntil;
	}

	/** Whether it remembers nothing: after a quiet second. */
	get isFull(): boolean {
		this.#refill();
		return this.#tokens >= this.#options.perSecond;
	}

	/** @returns what to wait for, in the order of the calls; undefined for who may go on at once */
	turn(): Promise<void> | undefined {
		if (this.#lifted) return undefined;
		if (this.#line.length === 0) {
			const wait = this.#take();
			if (wait === 0) return undefined;
			this.#pause(wait);
		}
		return new Promise((resolve) => this.#line.push(resolve));
	}

	/**
	 * Takes several at once, as soon as there is one: of more than a second allows, later ones pay.
	 *
	 * @param patience milliseconds; where the wait is longer, nothing is taken
	 * @returns milliseconds to wait
	 */
	take(count: number, patience: number): number {
		this.#refill();
		const wait = this.#tokens >= 1 ? 0 : this.#timeFor(1 - this.#tokens);
		if (wait <= patience) this.#tokens -= count;
		if (wait > 0) this.#holdUntil(this.#options.clock.monotonic() + wait);
		return wait;
	}

	/** Lets everybody go on, from now on. */
	lift(): void {
		this.#lifted = true;
		this.#timer?.[Symbol.dispose]();
		for (const goOn of this.#line.splice(0)) goOn();
	}

	/** Takes one. @returns milliseconds that it has to wait */
	#take(): number {
		this.#refill();
		this.#tokens -= 1;
		return this.#tokens >= 0 ? 0 : Math.max(shortestPause, this.#timeFor(-this.#tokens));
	}

	#pause(wait: number): void {
		const { clock } = this.#options;
		this.#holdUntil(clock.monotonic() + wait);
		this.#timer = clock.after(wait, () => this.#goOn());
	}

	/** Times of several that overlap count once. */
	#holdUntil(time: number): void {
		const counted = Math.max(this.#heldUntil ?? 0, this.#options.clock.monotonic());
		this.#heldUntil = Math.max(this.#heldUntil ?? 0, time);
		if (time > counted) this.#options.held?.(time - counted);
	}

	#goOn(): void {
		// The first one has taken its token before the pause.
		this.#line.shift()?.();
		while (this.#line.length > 0) {
			const wait = this.#take();
			if (wait > 0) {
				this.#pause(wait);
				return;
			}
			this.#line.shift()?.();
		}
	}

	#refill(): void {
		const { clock, perSecond } = this.#options;
		const now = clock.monotonic();
		const refilled = this.#tokens + ((now - this.#countedAt) * perSecond) / 1000;
		this.#tokens = Math.min(perSecond, refilled);
		this.#countedAt = now;
	}

	/** Milliseconds in which so many tokens come. */
	#timeFor(tokens: number): number {
		return (tokens * 1000) / this.#options.perSecond;
	}
}
