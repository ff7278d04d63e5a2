import type { Deployment } from '../../manifest/deployment.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { AgentStatus } from '../agent-status.ts';
import type { AgentMetrics } from './agent-metrics.ts';

/** Counts what can be told from how the status of the edge changes. */
export class StatusCounter {
	readonly #metrics: Pick<AgentMetrics, 'observed' | 'deployed'>;
	readonly #clock: Clock;
	#version: number | undefined;
	/** When the deployment that is not complete yet began to be applied. */
	#since: number | undefined;

	constructor(metrics: Pick<AgentMetrics, 'observed' | 'deployed'>, clock: Clock) {
		this.#metrics = metrics;
		this.#clock = clock;
	}

	observe(status: AgentStatus, deployment: Deployment | undefined): void {
		const now = this.#clock.monotonic();
		if (status.desiredVersion !== this.#version) {
			this.#version = status.desiredVersion;
			this.#since = now;
		}
		if (status.settled && this.#since !== undefined) {
			this.#metrics.deployed((now - this.#since) / 1000);
			this.#since = undefined;
		}
		const modules = (deployment?.modules ?? []).map((module) => ({
			name: module.name,
			version: module.version,
			running: module.status === 'running',
		}));
		this.#metrics.observed(status, modules);
	}
}
