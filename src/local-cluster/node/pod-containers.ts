import type { Clock } from '../../runtime/clock.ts';
import type { Pod, PodStatus } from '../workloads/pod.ts';
import { ContainerRunner, type RunnerSettings } from './container-runner.ts';
import type { PodView } from './pod-phase.ts';

/** All containers of one pod, and the order in which they start and end. */
export class PodContainers {
	readonly #pod: Pod;
	readonly #init: readonly ContainerRunner[];
	readonly #main: readonly ContainerRunner[];
	#initialized = false;

	constructor(pod: Pod, settings: RunnerSettings) {
		this.#pod = pod;
		this.#init = (pod.spec.initContainers ?? []).map(
			(container) => new ContainerRunner(container, settings),
		);
		this.#main = pod.spec.containers.map((container) => new ContainerRunner(container, settings));
	}

	/** The container of a name. */
	find(name: string): ContainerRunner | undefined {
		return this.#all.find(({ container }) => container.name === name);
	}

	/** Whether any of the main containers runs. */
	get isRunning(): boolean {
		return this.#main.some((runner) => runner.isRunning);
	}

	/** The state from which the status of the pod follows. */
	view(pod: Pod): PodView {
		if (this.#init.length > 0) {
			const reason = this.#initialized ? 'ContainerCreating' : 'PodInitializing';
			for (const runner of this.#main) runner.setCreating(reason);
		}
		return {
			pod,
			init: this.#init.map((runner) => runner.status()),
			main: this.#main.map((runner) => runner.status()),
			initialized: this.#initialized,
		};
	}

	/** Takes over what a former life of the node left in the status. */
	async restore(status: PodStatus): Promise<void> {
		for (const previous of status.containerStatuses ?? []) {
			await this.find(previous.name)?.restore(previous, this.#policy);
		}
		for (const previous of status.initContainerStatuses ?? []) {
			// Init containers run again in the new life of the pod.
			await this.find(previous.name)?.restore(previous, 'Always');
		}
		for (const runner of this.#init) runner.forgetEnd();
	}

	/**
	 * Starts what may be started now: init containers one after the other, sidecars beside the
	 * others, then the main ones.
	 *
	 * @returns milliseconds after which to look again.
	 */
	async advance(): Promise<number | undefined> {
		const waits = [await this.#advanceInit()];
		if (!this.#initialized) return waits[0];
		for (const runner of this.#main) {
			if (this.#mayStart(runner)) waits.push(await runner.ensureStarted());
		}
		return shortest(waits);
	}

	/** Ends the main containers together, then sidecars in reverse order. */
	async stop(graceMs: number, clock: Clock): Promise<void> {
		const before = clock.monotonic();
		await Promise.all(this.#main.map((runner) => runner.stop(graceMs)));
		for (const runner of this.#init.toReversed()) {
			await runner.stop(Math.max(0, graceMs - (clock.monotonic() - before)));
		}
	}

	/** Ends everything at once. */
	kill(): void {
		for (const runner of this.#all) runner.kill();
	}

	async #advanceInit(): Promise<number | undefined> {
		const waits: (number | undefined)[] = [];
		for (const runner of this.#init) {
			if (isSidecar(runner)) {
				waits.push(await runner.ensureStarted());
				if (!this.#initialized && !runner.isStarted) return shortest(waits);
			} else if (!this.#initialized && runner.terminated?.exitCode !== 0) {
				if (this.#mayStart(runner)) waits.push(await runner.ensureStarted());
				return shortest(waits);
			}
		}
		this.#initialized = true;
		return shortest(waits);
	}

	#mayStart({ terminated }: ContainerRunner): boolean {
		if (terminated === undefined || this.#policy === 'Always') return true;
		return this.#policy === 'OnFailure' && terminated.exitCode !== 0;
	}

	get #policy() {
		return this.#pod.spec.restartPolicy ?? 'Always';
	}

	get #all(): readonly ContainerRunner[] {
		return [...this.#main, ...this.#init];
	}
}

function isSidecar({ container }: ContainerRunner): boolean {
	return container.restartPolicy === 'Always';
}

function shortest(waits: readonly (number | undefined)[]): number | undefined {
	const known = waits.filter((wait) => wait !== undefined);
	return known.length === 0 ? undefined : Math.min(...known);
}
