/** Delays before a container that ends again and again is started again, in milliseconds. */
export interface CrashBackoffSettings {
	/** Kubernetes: 10 s. */
	readonly initial: number;
	/** Kubernetes: 300 s. A container that ran twice as long starts afresh. */
	readonly max: number;
}

/**
 * When a container may be started again: at once after the first end, then after 10 s, 20 s, 40 s
 * up to 300 s; afresh after it ran for 10 minutes (Kubernetes documentation, "Container restart
 * policy").
 */
export class CrashBackoff {
	readonly #settings: CrashBackoffSettings;
	#delay = 0;
	#restartedAt: number | undefined;

	constructor(settings: CrashBackoffSettings) {
		this.#settings = settings;
	}

	/** @returns milliseconds to wait, 0 for none. All times from one clock, in milliseconds. */
	remaining(endedAt: number, now: number): number {
		if (this.#restartedAt === undefined || this.#isOver(endedAt)) return 0;
		return Math.max(0, endedAt + this.#delay - now);
	}

	/** A restart happens now, after an end. */
	restarted(endedAt: number, now: number): void {
		const { initial, max } = this.#settings;
		const first = this.#restartedAt === undefined || this.#isOver(endedAt);
		this.#delay = first ? initial : Math.min(max, this.#delay * 2);
		this.#restartedAt = now;
	}

	/** The delay in force, for messages. */
	get delay(): number {
		return this.#delay;
	}

	#isOver(endedAt: number): boolean {
		return endedAt - (this.#restartedAt ?? 0) > 2 * this.#settings.max;
	}
}
