import type { KeyValueStore } from '../../storage/key-value-store.ts';
import { newKey } from '../registry/authentication-mechanism.ts';
import { StoredJson } from '../stored-json.ts';

/** What a policy may allow (IoT Hub documentation, "Access control and permissions"). */
export type AccessRight =
	| 'RegistryRead'
	| 'RegistryWrite'
	| 'ServiceConnect'
	| 'DeviceConnect'
	| 'EnrollmentRead'
	| 'EnrollmentWrite';

/** A named pair of keys with rights. */
export interface SharedAccessPolicy {
	readonly name: string;
	readonly primaryKey: string;
	readonly secondaryKey: string;
	readonly rights: readonly AccessRight[];
}

/** The policies that every IoT Hub is born with, and the one of a provisioning service. */
const rightsByPolicy: Readonly<Record<string, readonly AccessRight[]>> = {
	iothubowner: ['RegistryRead', 'RegistryWrite', 'ServiceConnect', 'DeviceConnect'],
	service: ['ServiceConnect'],
	device: ['DeviceConnect'],
	registryRead: ['RegistryRead'],
	registryReadWrite: ['RegistryRead', 'RegistryWrite'],
	provisioningserviceowner: ['EnrollmentRead', 'EnrollmentWrite'],
};

/** The hub's shared access policies; their keys are made once and kept in the store. */
export class SharedAccessPolicies {
	readonly #keys: StoredJson<{ readonly primaryKey: string; readonly secondaryKey: string }>;

	constructor(store: KeyValueStore) {
		this.#keys = new StoredJson(store, 'policies');
	}

	/** Makes the keys at the first start. */
	load(): void {
		for (const name of Object.keys(rightsByPolicy)) {
			if (this.#keys.get(name) !== undefined) continue;
			this.#keys.set(name, { primaryKey: newKey(), secondaryKey: newKey() });
		}
	}

	/** The policy of that name; names are compared without case. */
	find(name: string): SharedAccessPolicy | undefined {
		const known = Object.keys(rightsByPolicy).find(
			(policy) => policy.toLowerCase() === name.toLowerCase(),
		);
		const keys = known === undefined ? undefined : this.#keys.get(known);
		if (known === undefined || keys === undefined) return undefined;
		return { name: known, ...keys, rights: rightsByPolicy[known] ?? [] };
	}
}
