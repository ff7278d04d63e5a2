import type { ClusterClient } from '../../cluster/cluster-client.ts';
import { ClusterError } from '../../cluster/cluster-error.ts';
import { type KubernetesObject, referenceOf } from '../../cluster/kubernetes-object.ts';
import { diff } from '../../protocol/twin.ts';
import type { Clock } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import type { JsonObject } from '../../runtime/json.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';
import { RetryingTask } from '../../runtime/retrying-task.ts';
import type { EdgeDeploymentSource } from './edge-deployment-source.ts';
import { type EdgeDeploymentFate, edgeDeploymentStatus } from './edge-deployment-status.ts';

/** What reports are made from. */
export interface EdgeDeploymentReporterOptions {
	readonly client: Pick<ClusterClient, 'patch'>;
	readonly source: Pick<EdgeDeploymentSource, 'objects' | 'observe' | 'onChange'>;
	/** What becomes of one of the namespace's EdgeDeployments. */
	readonly fateOf: (object: KubernetesObject) => EdgeDeploymentFate;
	/** Milliseconds between two writes at least. */
	readonly minInterval: number;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** Keeps the status of EdgeDeployments true, by the smallest patches that do it. */
export class EdgeDeploymentReporter implements Lifecycle {
	readonly #options: EdgeDeploymentReporterOptions;
	readonly #write: RetryingTask;

	constructor(options: EdgeDeploymentReporterOptions) {
		this.#options = options;
		this.#write = new RetryingTask({
			action: (signal) => this.#reportAll(signal),
			onFailure: (error) => {
				const reason = messageOf(error);
				options.logger.warn('The status of an EdgeDeployment cannot be written yet.', { reason });
			},
			backoff: { initial: 2000, max: 120_000 },
			minInterval: options.minInterval,
			clock: options.clock,
		});
	}

	async start(): Promise<void> {
		this.#options.source.onChange(() => this.trigger());
		this.trigger();
	}

	async stop(): Promise<void> {
		await this.#write.stop();
	}

	/** Asks for a look at what has to be reported. */
	trigger(): void {
		this.#write.trigger();
	}

	async #reportAll(signal: AbortSignal): Promise<void> {
		const { source, fateOf, clock } = this.#options;
		const now = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
		for (const object of source.objects()) {
			const wanted = edgeDeploymentStatus(object, fateOf(object), now);
			const patch = diff(object.status ?? {}, wanted);
			if (Object.keys(patch).length > 0) await this.#patch(object, patch, signal);
		}
	}

	async #patch(object: KubernetesObject, status: JsonObject, signal: AbortSignal): Promise<void> {
		const { client, source } = this.#options;
		// A successor of the same name has a status of its own.
		const { uid } = object.metadata;
		const metadata = uid === undefined ? {} : { uid };
		try {
			source.observe(
				await client.patch(referenceOf(object), { metadata, status }, 'status', signal),
			);
		} catch (error) {
			const gone = error instanceof ClusterError && (error.status === 404 || error.status === 409);
			if (!gone) throw error;
		}
	}
}
