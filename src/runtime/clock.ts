import { setTimeout as delay } from 'node:timers/promises';

/** A running timer. Disposing it a second time does nothing. */
export type Timer = Disposable;

/**
 * The only door to time. Everything that reads the time or waits takes a clock, so that tests can
 * turn days into microseconds and let the clock jump.
 */
export interface Clock {
	/** Wall time in milliseconds since the epoch; may jump. For timestamps and token expiry. */
	now(): number;
	/** Milliseconds that never go backwards. For durations and back-off. */
	monotonic(): number;
	/** Resolves after `ms` milliseconds; rejects with the signal's reason when it aborts first. */
	sleep(ms: number, signal?: AbortSignal): Promise<void>;
	/** Calls `action` once after `ms` milliseconds. A pending timer does not keep the process alive. */
	after(ms: number, action: () => void): Timer;
	/** Calls `action` every `ms` milliseconds. A pending timer does not keep the process alive. */
	every(ms: number, action: () => void): Timer;
}

/** The time of this machine. */
export const systemClock: Clock = {
	now: () => Date.now(),
	monotonic: () => performance.now(),
	sleep: async (ms, signal) => {
		await delay(ms, undefined, signal === undefined ? {} : { signal });
	},
	after: (ms, action) => {
		const handle = setTimeout(action, ms).unref();
		return { [Symbol.dispose]: () => clearTimeout(handle) };
	},
	every: (ms, action) => {
		const handle = setInterval(action, ms).unref();
		return { [Symbol.dispose]: () => clearInterval(handle) };
	},
};
