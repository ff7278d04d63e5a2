import { type Clock, systemClock } from '../../src/runtime/clock.ts';

interface Sleeper {
	readonly until: number;
	readonly wake: () => void;
}

/** The time of this machine, which a test can set forward for one part of it: real clients go on as they are. */
export class ShiftedClock implements Clock {
	#shift = 0;
	readonly #sleepers = new Set<Sleeper>();

	readonly monotonic = systemClock.monotonic;
	readonly after = systemClock.after;
	readonly every = systemClock.every;

	now(): number {
		return systemClock.now() + this.#shift;
	}

	async sleep(ms: number, signal?: AbortSignal): Promise<void> {
		const woken = new AbortController();
		const sleeper = { until: this.now() + ms, wake: () => woken.abort() };
		this.#sleepers.add(sleeper);
		const either = AbortSignal.any([woken.signal, ...(signal === undefined ? [] : [signal])]);
		try {
			await systemClock.sleep(ms, either);
		} catch (error) {
			if (!woken.signal.aborted) throw error;
		} finally {
			this.#sleepers.delete(sleeper);
		}
	}

	/** Sets it forward. Who would sleep for a shorter time wakes up. */
	shift(ms: number): void {
		this.#shift += ms;
		for (const { until, wake } of [...this.#sleepers]) if (until <= this.now()) wake();
	}
}
