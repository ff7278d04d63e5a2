import { type Clock, systemClock, type Timer } from '../runtime/clock.ts';

interface Pending {
	/** By `monotonic` of this clock. */
	readonly at: number;
	readonly action: () => void;
	timer: Timer;
}

/** Longer than this no timer of Node.js runs. */
const maxDelay = 0x7fffffff;

/**
 * The system's time, which a test may move on: what falls due by that happens at once. For IoT Hub
 * and edge hub of a test; modules and other processes have the system's time.
 */
export class MovableClock implements Clock {
	readonly #pending = new Set<Pending>();
	#ahead = 0;

	now(): number {
		return systemClock.now() + this.#ahead;
	}

	monotonic(): number {
		return systemClock.monotonic() + this.#ahead;
	}

	/** Moves the time on by so many milliseconds. */
	advance(ms: number): void {
		this.#ahead += ms;
		const due = [...this.#pending].sort((one, other) => one.at - other.at);
		for (const pending of due) {
			// An action may have ended another one.
			if (this.#pending.has(pending)) this.#arm(pending);
		}
	}

	async sleep(ms: number, signal?: AbortSignal): Promise<void> {
		signal?.throwIfAborted();
		const { promise, resolve, reject } = Promise.withResolvers<void>();
		using _timer = this.after(ms, resolve);
		const abort = () => reject(signal?.reason);
		signal?.addEventListener('abort', abort, { once: true });
		await promise.finally(() => signal?.removeEventListener('abort', abort));
	}

	after(ms: number, action: () => void): Timer {
		const pending: Pending = { at: this.monotonic() + ms, action, timer: noTimer };
		this.#pending.add(pending);
		pending.timer = systemClock.after(Math.min(ms, maxDelay), () => this.#arm(pending));
		return { [Symbol.dispose]: () => this.#forget(pending) };
	}

	every(ms: number, action: () => void): Timer {
		const repeat = () =>
			this.after(ms, () => {
				current = repeat();
				action();
			});
		let current = repeat();
		return { [Symbol.dispose]: () => current[Symbol.dispose]() };
	}

	/** Runs what is due, lets the rest wait for what is left. */
	#arm(pending: Pending): void {
		pending.timer[Symbol.dispose]();
		const left = pending.at - this.monotonic();
		if (left <= 0) {
			this.#pending.delete(pending);
			pending.action();
		} else {
			pending.timer = systemClock.after(Math.min(left, maxDelay), () => this.#arm(pending));
		}
	}

	#forget(pending: Pending): void {
		this.#pending.delete(pending);
		pending.timer[Symbol.dispose]();
	}
}

const noTimer: Timer = { [Symbol.dispose]: () => {} };
