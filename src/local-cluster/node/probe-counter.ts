import type { Probe } from '../workloads/pod.ts';

/** Counts results of a probe until they are enough to change what is believed. */
export class ProbeCounter {
	readonly #successes: number;
	readonly #failures: number;
	#last: boolean | undefined;
	#run = 0;

	constructor(probe: Probe) {
		this.#successes = probe.successThreshold ?? 1;
		this.#failures = probe.failureThreshold ?? 3;
	}

	/** @returns what is now certain, or `undefined` while the results in a row are too few. */
	count(success: boolean): boolean | undefined {
		this.#run = this.#last === success ? this.#run + 1 : 1;
		this.#last = success;
		return this.#run >= (success ? this.#successes : this.#failures) ? success : undefined;
	}

	/** Forgets all results, as when the container is started again. */
	reset(): void {
		this.#last = undefined;
		this.#run = 0;
	}
}
