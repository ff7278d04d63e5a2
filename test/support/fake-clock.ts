import type { Clock, Timer } from '../../src/runtime/clock.ts';

interface Pending {
	at: number;
	readonly action: () => void;
	readonly every?: number;
}

/** Time that passes only when a test says so. */
export class FakeClock implements Clock {
	#wall: number;
	#elapsed = 0;
	readonly #pending = new Set<Pending>();

	constructor(start = Date.parse('2026-01-01T00:00:00Z')) {
		this.#wall = start;
	}

	now(): number {
		return this.#wall;
	}

	monotonic(): number {
		return this.#elapsed;
	}

	sleep(ms: number, signal?: AbortSignal): Promise<void> {
		return new Promise((resolve, reject) => {
			if (signal?.aborted) {
				reject(signal.reason);
				return;
			}
			const timer = this.after(ms, () => {
				signal?.removeEventListener('abort', abort);
				resolve();
			});
			const abort = () => {
				timer[Symbol.dispose]();
				reject(signal?.reason);
			};
			signal?.addEventListener('abort', abort, { once: true });
		});
	}

	after(ms: number, action: () => void): Timer {
		return this.#add({ at: this.#elapsed + ms, action });
	}

	every(ms: number, action: () => void): Timer {
		return this.#add({ at: this.#elapsed + ms, action, every: ms });
	}

	/** Timers that are still to come. */
	get pending(): number {
		return this.#pending.size;
	}

	/** Lets time pass, running what falls due in order and what that sets in motion. */
	async advance(ms: number): Promise<void> {
		const end = this.#elapsed + ms;
		await settle();
		for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
			this.#move(Math.max(next.at, this.#elapsed));
			if (next.every === undefined) this.#pending.delete(next);
			else next.at += next.every;
			next.action();
			await settle();
		}
		this.#move(end);
	}

	/** Sets the wall clock forward or back, as an administrator or NTP does; timers do not notice. */
	jump(ms: number): void {
		this.#wall += ms;
	}

	#add(pending: Pending): Timer {
		this.#pending.add(pending);
		return { [Symbol.dispose]: () => this.#pending.delete(pending) };
	}

	#move(elapsed: number): void {
		this.#wall += elapsed - this.#elapsed;
		this.#elapsed = elapsed;
	}

	#next(end: number): Pending | undefined {
		let first: Pending | undefined;
		for (const pending of this.#pending) {
			if (pending.at <= end && (first === undefined || pending.at < first.at)) first = pending;
		}
		return first;
	}
}

/** Lets everything run that needs no time: promises, and what they start. */
async function settle(): Promise<void> {
	for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
