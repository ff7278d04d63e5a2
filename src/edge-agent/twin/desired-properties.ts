import type { IotHubClient } from '../../iot-hub-client/iot-hub-client.ts';
import { mergePatch, sameJson, versionOf } from '../../protocol/twin.ts';
import type { Clock, Timer } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import type { JsonObject } from '../../runtime/json.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';
import { RetryingTask } from '../../runtime/retrying-task.ts';

/** What is followed, and who is told. */
export interface DesiredPropertiesOptions {
	readonly client: IotHubClient;
	/** Milliseconds after which the whole twin is read again, in case a patch was missed. */
	readonly refreshInterval: number;
	/** Told of desired properties that differ from those before; `$version` included. */
	readonly onDesired: (desired: JsonObject) => void;
	/** Told of the reported properties that come with every whole twin. */
	readonly onReported: (reported: JsonObject) => void;
	/** Told when the whole twin could not be read; it is tried again. */
	readonly onFailure?: () => void;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** A connection that comes and goes must not read the twin each time. Milliseconds. */
const reconnectInterval = 30_000;

/**
 * The desired properties of a twin, followed by patches: one that continues the version that is
 * known is merged, any other makes the whole twin be read. The whole twin is also read after every
 * connection and from time to time.
 */
export class DesiredProperties implements Lifecycle {
	readonly #options: DesiredPropertiesOptions;
	readonly #pull: RetryingTask;
	readonly #registrations: Disposable[] = [];
	#desired: JsonObject | undefined;
	/** Patches taken so far: a twin that was asked for before the last of them may be older. */
	#patches = 0;
	#lastPull = Number.NEGATIVE_INFINITY;
	#delayed: Timer | undefined;

	constructor(options: DesiredPropertiesOptions) {
		this.#options = options;
		this.#pull = new RetryingTask({
			action: () => this.#readTwin(),
			onFailure: (error) => {
				const reason = messageOf(error);
				options.logger.warn('The twin cannot be read yet.', { reason });
				options.onFailure?.();
			},
			backoff: { initial: 2000, max: 60_000 },
			clock: options.clock,
		});
	}

	/** The whole desired properties; undefined before the first twin. */
	get current(): JsonObject | undefined {
		return this.#desired;
	}

	async start(): Promise<void> {
		if (this.#registrations.length > 0) return;
		const { client, clock, refreshInterval } = this.#options;
		this.#registrations.push(
			client.onDesired((patch) => this.#takePatch(patch)),
			client.onState(({ kind }) => {
				if (kind === 'connected') this.#connected();
			}),
			clock.every(refreshInterval, () => this.#pull.trigger()),
		);
	}

	async stop(): Promise<void> {
		for (const registration of this.#registrations.splice(0)) registration[Symbol.dispose]();
		this.#delayed?.[Symbol.dispose]();
		await this.#pull.stop();
	}

	#connected(): void {
		const { clock } = this.#options;
		const wait = this.#lastPull + reconnectInterval - clock.monotonic();
		this.#delayed?.[Symbol.dispose]();
		if (wait <= 0) this.#pull.trigger();
		else this.#delayed = clock.after(wait, () => this.#pull.trigger());
	}

	async #readTwin(): Promise<void> {
		const { client, clock, onReported } = this.#options;
		// The next connection asks again.
		if (client.state.kind !== 'connected') return;
		const patches = this.#patches;
		const { desired, reported } = await client.getTwin();
		this.#lastPull = clock.monotonic();
		const overtaken = this.#patches !== patches;
		const known = this.#desired;
		if (overtaken && known !== undefined && versionOf(desired) < versionOf(known)) {
			this.#pull.trigger();
			return;
		}
		onReported(reported);
		this.#take(desired);
	}

	#takePatch(patch: JsonObject): void {
		const known = this.#desired;
		if (known === undefined || versionOf(patch) !== versionOf(known) + 1) {
			this.#pull.trigger();
			return;
		}
		this.#patches += 1;
		this.#take(mergePatch(known, patch, { nullDeletes: true }));
	}

	#take(desired: JsonObject): void {
		if (this.#desired !== undefined && sameJson(this.#desired, desired)) return;
		this.#desired = desired;
		this.#options.onDesired(desired);
	}
}
