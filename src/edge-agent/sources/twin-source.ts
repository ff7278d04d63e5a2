import type { JsonObject } from '../../runtime/json.ts';
import type { DeploymentSource, SourceState } from './deployment-source.ts';
import { twinPlace } from './local-deployment.ts';

/** The twin of `$edgeAgent` in IoT Hub. Another part follows it and hands its desired properties on. */
export class TwinSource implements DeploymentSource {
	readonly source = 'twin';
	readonly place = twinPlace;
	/** Connections to IoT Hub come and go; others tell. */
	readonly trouble = undefined;
	readonly idleness = 0;
	readonly #listeners: (() => void)[] = [];
	#desired: JsonObject | undefined;

	async start(): Promise<void> {}

	async stop(): Promise<void> {}

	/** An empty twin is one that nobody has deployed to. */
	get state(): SourceState {
		const desired = this.#desired;
		if (desired === undefined) return { kind: 'unknown' };
		return { kind: isEmpty(desired) ? 'absent' : 'present', desired };
	}

	/** Takes desired properties, `$version` included. */
	take(desired: JsonObject): void {
		this.#desired = desired;
		for (const listener of this.#listeners) listener();
	}

	onChange(listener: () => void): void {
		this.#listeners.push(listener);
	}
}

function isEmpty({ $version: _v, $metadata: _m, ...properties }: JsonObject): boolean {
	return Object.values(properties).every((value) => value === null || value === undefined);
}
