import type { Clock } from '../../runtime/clock.ts';
import type { Pod } from '../workloads/pod.ts';

/** Milliseconds after which all pods start, whatever the others do. */
const patience = 15_000;
const lookInterval = 50;

/**
 * Pods that a former life of the node has left. They start one after the other, the oldest first, each
 * when those before are ready: all at once, modules would start before the edge hub that they
 * connect to, end, and show restarts that nobody can explain. A pod that does not come up holds
 * the others up once, and not for long.
 */
export class PodResumption {
	readonly #clock: Clock;
	readonly #waiting: Pod[];
	readonly #abort = new AbortController();

	constructor(pods: readonly Pod[], clock: Clock) {
		this.#clock = clock;
		this.#waiting = [...pods].sort(byAge);
	}

	/** Whether a pod must still wait for its turn. */
	holds(pod: Pod): boolean {
		return this.#waiting.some(({ metadata }) => metadata.uid === pod.metadata.uid);
	}

	/**
	 * Starts the pods.
	 *
	 * @param start Starts one, unless it is gone by now.
	 * @param isComingUp Whether one has been started and is not ready, but may become so.
	 */
	async run(start: (pod: Pod) => void, isComingUp: (pod: Pod) => boolean): Promise<void> {
		const deadline = this.#clock.monotonic() + patience;
		for (;;) {
			const pod = this.#waiting.shift();
			if (pod === undefined || this.#abort.signal.aborted) return;
			start(pod);
			while (this.#waiting.length > 0 && isComingUp(pod) && this.#clock.monotonic() < deadline) {
				await this.#clock.sleep(lookInterval, this.#abort.signal).catch(() => {});
				if (this.#abort.signal.aborted) return;
			}
		}
	}

	/** Starts no more pods. */
	stop(): void {
		this.#abort.abort();
	}
}

function byAge({ metadata: a }: Pod, { metadata: b }: Pod): number {
	const [one = '', other = ''] = [a.creationTimestamp, b.creationTimestamp].map(String);
	if (one !== other) return one < other ? -1 : 1;
	return a.name < b.name ? -1 : 1;
}
