import { IotHubRestError, type SymmetricKeys } from '../../src/iot-hub-client/iot-hub-rest.ts';
import type { RegistryIdentity } from '../../src/iot-hub-client/registry-identity.ts';

/** The modules of one device in IoT Hub, in memory. */
export class FakeRegistry {
	readonly entries = new Map<string, RegistryIdentity>();
	readonly requests: string[] = [];
	offline = false;
	#generations = 100;

	/** Another registry with the same modules. */
	fork(): FakeRegistry {
		const copy = new FakeRegistry();
		for (const [moduleId, entry] of this.entries) copy.entries.set(moduleId, entry);
		copy.#generations = this.#generations;
		return copy;
	}

	put(moduleId: string, managedBy?: string, keys: readonly string[] = []): void {
		this.#generations += 1;
		this.entries.set(moduleId, {
			identity: { deviceId: 'edge1', moduleId },
			generationId: String(this.#generations),
			enabled: true,
			authentication: { type: keys.length > 0 ? 'sas' : 'none', keys, thumbprints: [] },
			...(managedBy === undefined ? {} : { managedBy }),
			edgeCapable: false,
			parentScopes: [],
		});
	}

	async listModules(): Promise<RegistryIdentity[]> {
		this.#ask('list');
		return [...this.entries.values()];
	}

	async createModule(moduleId: string, managedBy: string): Promise<RegistryIdentity> {
		this.#ask(`create ${moduleId}`);
		if (this.entries.has(moduleId)) {
			throw new IotHubRestError('EDGE_HUB_REQUEST_FAILED', 'exists', 409);
		}
		this.put(moduleId, managedBy);
		return this.entry(moduleId);
	}

	async setModuleKeys(
		moduleId: string,
		{ primaryKey, secondaryKey, managedBy }: SymmetricKeys & { managedBy?: string },
	): Promise<RegistryIdentity> {
		this.#ask(`keys ${moduleId}`);
		const { managedBy: _, ...old } = this.entry(moduleId);
		const keys = [primaryKey, secondaryKey];
		this.entries.set(moduleId, {
			...old,
			authentication: { type: 'sas', keys, thumbprints: [] },
			...(managedBy === undefined ? {} : { managedBy }),
		});
		return this.entry(moduleId);
	}

	async deleteModule(moduleId: string): Promise<boolean> {
		this.#ask(`delete ${moduleId}`);
		return this.entries.delete(moduleId);
	}

	close(): void {}

	entry(moduleId: string): RegistryIdentity {
		const entry = this.entries.get(moduleId);
		if (entry === undefined) throw new Error(`no ${moduleId}`);
		return entry;
	}

	#ask(what: string): void {
		if (this.offline) throw new IotHubRestError('EDGE_HUB_UNREACHABLE', 'offline', 0);
		this.requests.push(what);
	}
}
