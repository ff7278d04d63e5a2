import type { IotHubClient } from '../../iot-hub-client/iot-hub-client.ts';
import { diff, mergePatch, stripMetadata } from '../../protocol/twin.ts';
import type { Clock } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import type { JsonObject } from '../../runtime/json.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';
import { RetryingTask } from '../../runtime/retrying-task.ts';

/** What reports go through. */
export interface ReportedPropertiesOptions {
	readonly client: Pick<IotHubClient, 'state' | 'onState' | 'patchReported'>;
	/** Milliseconds between patches at least: IoT Hub throttles, and pods change state in bursts. */
	readonly minInterval: number;
	readonly clock: Clock;
	readonly logger: Logger;
}

/**
 * The reported properties of a twin, kept equal to a document by the smallest patches that do it.
 * Nothing is sent before the twin has been read once, as only then it is known what to change.
 */
export class ReportedProperties implements Lifecycle {
	readonly #options: ReportedPropertiesOptions;
	readonly #send: RetryingTask;
	#registration: Disposable | undefined;
	/** What the hub has. */
	#known: JsonObject | undefined;
	#wanted: JsonObject | undefined;

	constructor(options: ReportedPropertiesOptions) {
		this.#options = options;
		this.#send = new RetryingTask({
			action: () => this.#patch(),
			onFailure: (error) => {
				const reason = messageOf(error);
				options.logger.warn('Reported properties cannot be sent yet.', { reason });
			},
			backoff: { initial: 2000, max: 120_000 },
			minInterval: options.minInterval,
			clock: options.clock,
		});
	}

	async start(): Promise<void> {
		this.#registration ??= this.#options.client.onState(({ kind }) => {
			if (kind === 'connected') this.#send.trigger();
		});
	}

	async stop(): Promise<void> {
		this.#registration?.[Symbol.dispose]();
		this.#registration = undefined;
		await this.#send.stop();
	}

	/** Takes in what the hub has, `$version` and `$metadata` apart. */
	observe(reported: JsonObject): void {
		this.#known = stripMetadata(reported);
		this.#send.trigger();
	}

	/** Sets what the hub should have. Calls in quick succession become one patch. */
	report(wanted: JsonObject): void {
		this.#wanted = wanted;
		this.#send.trigger();
	}

	/** Sends a last report, made from the one before, if there is a connection; nothing after it. */
	async close(change: (document: JsonObject) => JsonObject): Promise<void> {
		await this.stop();
		if (this.#wanted === undefined) return;
		this.#wanted = change(this.#wanted);
		await this.#patch();
	}

	/** Sends what is outstanding at once, while there is a connection. @throws EdgeError */
	async flush(): Promise<void> {
		await this.#patch();
	}

	async #patch(): Promise<void> {
		const { client } = this.#options;
		const known = this.#known;
		const wanted = this.#wanted;
		if (known === undefined || wanted === undefined) return;
		// The next connection asks again.
		if (client.state.kind !== 'connected') return;
		const patch = diff(known, wanted);
		if (Object.keys(patch).length === 0) return;
		await client.patchReported(patch);
		this.#known = mergePatch(this.#known ?? known, patch, { nullDeletes: true });
	}
}
