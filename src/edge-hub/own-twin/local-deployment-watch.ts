import { sameJson } from '../../protocol/twin.ts';
import type { Clock } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import type { JsonObject, JsonValue } from '../../runtime/json.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';
import { RetryingTask } from '../../runtime/retrying-task.ts';
import { type LocalDeployment, readLocalDeployment, type WorkloadApi } from '../workload-client.ts';

/** Who is asked, and where the answer is kept. */
export interface LocalDeploymentWatchOptions {
	readonly workload: Pick<WorkloadApi, 'deployment'>;
	readonly store: {
		load(): JsonValue | undefined;
		save(deployment: JsonObject | null): void;
	};
	readonly clock: Clock;
	readonly logger: Logger;
}

/** How often the agent is asked. Milliseconds. */
const interval = 5_000;

/**
 * Asks the agent whether something else than IoT Hub says what the hub and the twins of its modules
 * should be: an EdgeDeployment, a ConfigMap, a file. While the agent is away what it said last holds.
 */
export class LocalDeploymentWatch implements Lifecycle {
	readonly #options: LocalDeploymentWatchOptions;
	readonly #ask: RetryingTask;
	readonly #listeners: ((before: LocalDeployment | undefined) => void)[] = [];
	#timer: Disposable | undefined;
	#current: LocalDeployment | undefined;

	constructor(options: LocalDeploymentWatchOptions) {
		this.#options = options;
		this.#current = readLocalDeployment(options.store.load()) ?? undefined;
		this.#ask = new RetryingTask({
			action: async () => this.#take(await options.workload.deployment()),
			onFailure: (error) => {
				const reason = messageOf(error);
				options.logger.debug('the agent does not tell the source of the deployment', { reason });
			},
			backoff: { initial: interval, max: 60_000 },
			clock: options.clock,
		});
	}

	/** What rules instead of twins in IoT Hub; undefined where those rule. */
	get current(): LocalDeployment | undefined {
		return this.#current;
	}

	/** Calls back after every change with what was before. */
	onChange(listener: (before: LocalDeployment | undefined) => void): void {
		this.#listeners.push(listener);
	}

	/** Resolves when the agent has answered, or could not be asked. */
	async start(): Promise<void> {
		const { workload, clock } = this.#options;
		await workload.deployment().then(
			(deployment) => this.#take(deployment),
			() => {},
		);
		this.#timer ??= clock.every(interval, () => this.#ask.trigger());
	}

	async stop(): Promise<void> {
		this.#timer?.[Symbol.dispose]();
		this.#timer = undefined;
		await this.#ask.stop();
	}

	#take(deployment: LocalDeployment | null): void {
		const before = this.#current;
		if (sameJson(asJson(before ?? null), asJson(deployment))) return;
		this.#current = deployment ?? undefined;
		const { store, logger } = this.#options;
		store.save(asJson(deployment) as JsonObject | null);
		const source = deployment?.source ?? 'the twins in IoT Hub';
		logger.info('the configuration comes from another source', { source });
		for (const listener of this.#listeners) listener(before);
	}
}

function asJson(deployment: LocalDeployment | null): JsonValue {
	return deployment as unknown as JsonValue;
}
