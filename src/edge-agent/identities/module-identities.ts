import { randomBytes } from 'node:crypto';
import { type IotHubRest, IotHubRestError } from '../../iot-hub-client/iot-hub-rest.ts';
import type { RegistryIdentity } from '../../iot-hub-client/registry-identity.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import { isJsonObject } from '../../runtime/json.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { StateSecret } from '../state-secret.ts';
import { deriveModuleKeys } from './module-keys.ts';

/** The requests that identities need. */
export type IdentityRegistry = Pick<
	IotHubRest,
	'listModules' | 'createModule' | 'setModuleKeys' | 'deleteModule'
>;

/** What identities are made with. */
export interface ModuleIdentitiesOptions {
	readonly registry: IdentityRegistry;
	readonly state: StateSecret;
	/** Host name of the hub and device id: identities of another device are worth nothing here. */
	readonly owner: string;
	readonly logger: Logger;
}

/** A module as IoT Hub knows it. */
export interface ModuleIdentity {
	readonly moduleId: string;
	/** Changes when the identity is deleted and created again, and its keys with it. */
	readonly generationId: string;
}

/**
 * `managedBy` of the identities that a deployment brings and takes: the value of Azure IoT Edge, so
 * that a device can move between that and this runtime without orphans.
 */
export const managedBy = 'IotEdge';

const systemModules = new Set(['$edgeAgent', '$edgeHub']);

/**
 * The identities of the device's modules in IoT Hub. Their keys derive from a master key that never
 * leaves the cluster; ids and generations are kept too, so that modules start without IoT Hub.
 */
export class ModuleIdentities {
	readonly #options: ModuleIdentitiesOptions;
	readonly #identities = new Map<string, ModuleIdentity>();
	#masterKey: Buffer | undefined;

	constructor(options: ModuleIdentitiesOptions) {
		this.#options = options;
	}

	/** Takes in what is kept in the cluster; makes the master key at the very first time. */
	async load(): Promise<void> {
		const { state, owner } = this.#options;
		this.#masterKey = await state.getOrCreate('master-identity-key', () => randomBytes(32));
		const kept = state.getJson('identities');
		if (!isJsonObject(kept) || kept['owner'] !== owner) return;
		const generations = isJsonObject(kept['generations']) ? kept['generations'] : {};
		for (const [moduleId, generationId] of Object.entries(generations)) {
			if (typeof generationId !== 'string') continue;
			this.#identities.set(moduleId, { moduleId, generationId });
		}
	}

	/** Generation ids by module id, of the identities that have keys. */
	get generationIds(): ReadonlyMap<string, string> {
		return new Map(
			[...this.#identities.values()].map(({ moduleId, generationId }) => [moduleId, generationId]),
		);
	}

	get(moduleId: string): ModuleIdentity | undefined {
		return this.#identities.get(moduleId);
	}

	/** The primary key of an identity, base64; undefined for one that is not known. */
	keyOf(moduleId: string): string | undefined {
		const identity = this.#identities.get(moduleId);
		return identity === undefined ? undefined : this.#keys(identity).primaryKey;
	}

	/**
	 * Sees to it that every module has an identity with our keys. Identities that exist keep their
	 * generation; those that are as they should be cost no request beyond one list.
	 *
	 * @throws EdgeError EDGE_HUB_UNREACHABLE, EDGE_HUB_REFUSED, EDGE_HUB_REQUEST_FAILED
	 */
	async ensure(moduleIds: Iterable<string>, signal: AbortSignal): Promise<void> {
		const existing = await this.#list(signal);
		const settled: ModuleIdentity[] = [];
		const refused: EdgeError[] = [];
		try {
			for (const moduleId of new Set(moduleIds)) {
				try {
					const found = existing.get(moduleId) ?? (await this.#create(moduleId, signal));
					settled.push(await this.#provideKeys(moduleId, found, signal));
				} catch (error) {
					// What is wrong with one module must not keep the others from their identities.
					if (!isRequestFailure(error)) throw error;
					refused.push(error);
					this.#options.logger.warn('A module has got no identity.', {
						module: moduleId,
						reason: error.message,
					});
				}
			}
		} finally {
			await this.#remember(settled);
		}
		if (refused[0] !== undefined) throw refused[0];
	}

	/** Deletes identities that came with an earlier deployment. Those of other owners stay. */
	async prune(keep: Iterable<string>, signal: AbortSignal): Promise<void> {
		const kept = new Set([...keep, ...systemModules]);
		const gone: string[] = [];
		for (const [moduleId, identity] of await this.#list(signal)) {
			if (kept.has(moduleId) || identity.managedBy !== managedBy) continue;
			await this.#options.registry.deleteModule(moduleId, { signal });
			this.#options.logger.info('A module identity was deleted.', { module: moduleId });
			gone.push(moduleId);
		}
		const stale = [...this.#identities.keys()].filter((moduleId) => !kept.has(moduleId));
		if (gone.length + stale.length === 0) return;
		for (const moduleId of [...gone, ...stale]) this.#identities.delete(moduleId);
		await this.#save();
	}

	async #list(signal: AbortSignal): Promise<Map<string, RegistryIdentity>> {
		const list = await this.#options.registry.listModules({ signal });
		return new Map(list.map((entry) => [entry.identity.moduleId ?? '', entry]));
	}

	async #create(moduleId: string, signal: AbortSignal): Promise<RegistryIdentity> {
		const { registry, logger } = this.#options;
		try {
			const created = await registry.createModule(moduleId, managedBy, { signal });
			logger.info('A module identity was created.', { module: moduleId });
			return created;
		} catch (error) {
			// Somebody was faster: what exists now is what was wanted.
			if (!(error instanceof IotHubRestError) || error.status !== 409) throw error;
			const found = (await this.#list(signal)).get(moduleId);
			if (found === undefined) throw error;
			return found;
		}
	}

	async #provideKeys(
		moduleId: string,
		found: RegistryIdentity,
		signal: AbortSignal,
	): Promise<ModuleIdentity> {
		const identity = { moduleId, generationId: found.generationId };
		const { primaryKey, secondaryKey } = this.#keys(identity);
		const [first, second] = found.authentication.keys;
		const { authentication } = found;
		const owner = found.managedBy ?? (systemModules.has(moduleId) ? undefined : managedBy);
		const right = first === primaryKey && second === secondaryKey && owner === found.managedBy;
		if (authentication.type === 'sas' && right) return identity;
		await this.#options.registry.setModuleKeys(
			moduleId,
			{ primaryKey, secondaryKey, ...(owner === undefined ? {} : { managedBy: owner }) },
			{ signal },
		);
		return identity;
	}

	#keys({ moduleId, generationId }: ModuleIdentity) {
		if (this.#masterKey === undefined) throw new Error('Identities must be loaded before use.');
		return deriveModuleKeys(this.#masterKey, moduleId, generationId);
	}

	async #remember(settled: readonly ModuleIdentity[]): Promise<void> {
		const changed = settled.filter(
			({ moduleId, generationId }) => this.#identities.get(moduleId)?.generationId !== generationId,
		);
		if (changed.length === 0) return;
		for (const identity of changed) this.#identities.set(identity.moduleId, identity);
		await this.#save();
	}

	async #save(): Promise<void> {
		const { state, owner } = this.#options;
		const generations = Object.fromEntries(this.generationIds);
		await state.set({ identities: JSON.stringify({ owner, generations }) });
	}
}

function isRequestFailure(error: unknown): error is EdgeError {
	return error instanceof EdgeError && error.code === 'EDGE_HUB_REQUEST_FAILED';
}
