import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import type { StateSecret } from '../state-secret.ts';

const key = 'last-good-deployment';

/**
 * The desired properties that were last found good, kept in the cluster: with them an agent starts
 * every module before, or without, a word from IoT Hub.
 */
export class LastGoodDeployment {
	readonly #state: StateSecret;
	/** Host name of the hub and device id. */
	readonly #owner: string;

	constructor(state: StateSecret, owner: string) {
		this.#state = state;
		this.#owner = owner;
	}

	/** @returns undefined where there is none, or it belonged to another device. */
	read(): JsonObject | undefined {
		const kept = this.#state.getJson(key);
		if (!isJsonObject(kept) || kept['owner'] !== this.#owner) return undefined;
		return isJsonObject(kept['desired']) ? kept['desired'] : undefined;
	}

	/** Keeps properties, unless they are those that are kept already. @throws ClusterError */
	async write(desired: JsonObject): Promise<void> {
		const text = JSON.stringify({ owner: this.#owner, desired });
		if (this.#state.get(key)?.toString() !== text) await this.#state.set({ [key]: text });
	}
}
