import type { Clock } from '../../runtime/clock.ts';
import type { Probe } from '../workloads/pod.ts';
import { type ActionTarget, runAction } from './probe-action.ts';
import { ProbeCounter } from './probe-counter.ts';

/** The three kinds of probes. */
export type ProbeKind = 'startup' | 'liveness' | 'readiness';

/** Who is told what the probes of a container find. */
export interface ProbeListener {
	/** Something certain has changed: started for the first time, ready or no longer ready. */
	onChange(state: { readonly started: boolean; readonly ready: boolean }): void;
	/** A single probe has failed. */
	onFailure(kind: ProbeKind, message: string): void;
	/** The container must be started again. */
	onDead(kind: ProbeKind): void;
}

/** Probes one run of a container until it is stopped. */
export class Prober {
	readonly #target: ActionTarget;
	readonly #listener: ProbeListener;
	readonly #clock: Clock;
	readonly #abort = new AbortController();
	#started = false;
	#ready = false;

	constructor(target: ActionTarget, listener: ProbeListener) {
		this.#target = target;
		this.#listener = listener;
		this.#clock = target.clock;
	}

	/** Begins with the startup probe; the others wait for its success. */
	start(): void {
		const { startupProbe } = this.#target.container;
		if (startupProbe === undefined) this.#begin();
		else this.#run('startup', startupProbe);
	}

	stop(): void {
		this.#abort.abort();
	}

	/** The container has started: now it counts as alive, and as ready when nothing else says so. */
	#begin(): void {
		const { livenessProbe, readinessProbe } = this.#target.container;
		this.#started = true;
		this.#ready = readinessProbe === undefined;
		this.#tell();
		if (livenessProbe !== undefined) this.#run('liveness', livenessProbe);
		if (readinessProbe !== undefined) this.#run('readiness', readinessProbe);
	}

	#run(kind: ProbeKind, probe: Probe): void {
		// Rejects only when it is stopped.
		this.#loop(kind, probe).catch(() => {});
	}

	async #loop(kind: ProbeKind, probe: Probe): Promise<void> {
		const { signal } = this.#abort;
		const period = (probe.periodSeconds ?? 10) * 1000;
		const timeout = (probe.timeoutSeconds ?? 1) * 1000;
		const counter = new ProbeCounter(probe);
		await this.#clock.sleep((probe.initialDelaySeconds ?? 0) * 1000, signal);
		for (;;) {
			signal.throwIfAborted();
			const { success, message } = await runAction(probe, this.#target, timeout);
			signal.throwIfAborted();
			if (!success) this.#listener.onFailure(kind, message);
			const certain = counter.count(success);
			if (certain !== undefined && this.#conclude(kind, certain)) return;
			await this.#clock.sleep(period, signal);
		}
	}

	/** @returns whether the probe has done its work. */
	#conclude(kind: ProbeKind, success: boolean): boolean {
		if (kind === 'readiness') {
			if (this.#ready === success) return false;
			this.#ready = success;
			this.#tell();
			return false;
		}
		if (!success) this.#listener.onDead(kind);
		else if (kind === 'startup') this.#begin();
		return kind === 'startup' || !success;
	}

	#tell(): void {
		this.#listener.onChange({ started: this.#started, ready: this.#ready });
	}
}
