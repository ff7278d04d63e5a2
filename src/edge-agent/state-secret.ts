import type { ClusterClient } from '../cluster/cluster-client.ts';
import { ClusterError } from '../cluster/cluster-error.ts';
import type { KubernetesObject, ObjectReference } from '../cluster/kubernetes-object.ts';
import type { JsonObject, JsonValue } from '../runtime/json.ts';

/** Where the state is kept. */
export interface StateSecretOptions {
	readonly client: ClusterClient;
	readonly namespace: string;
	readonly name: string;
	readonly labels?: Readonly<Record<string, string>>;
}

/** How often a write is tried again that somebody else's write has overtaken. */
const maxConflicts = 5;

/**
 * A Secret in which the agent keeps what it needs to start without IoT Hub: keys, identities, the
 * edge's certificate authority, the last good deployment. Read once, then kept in memory; every
 * write is in the cluster when it resolves. Not owned by anything, as it must outlive the agent.
 */
export class StateSecret {
	readonly #options: StateSecretOptions;
	readonly #entries = new Map<string, Buffer>();
	#resourceVersion: string | undefined;
	/** Writes follow each other. */
	#last: Promise<unknown> = Promise.resolve();

	constructor(options: StateSecretOptions) {
		this.#options = options;
	}

	/** Reads everything. @throws ClusterError */
	async load(signal?: AbortSignal): Promise<void> {
		const secret = await this.#options.client.get(this.#reference, signal);
		this.#take(secret);
	}

	/** The bytes under a key, as of the last load or write. */
	get(key: string): Buffer | undefined {
		return this.#entries.get(key);
	}

	/** The JSON under a key; undefined where there is none, or it cannot be read. */
	getJson(key: string): JsonValue | undefined {
		const bytes = this.#entries.get(key);
		if (bytes === undefined) return undefined;
		try {
			return JSON.parse(bytes.toString());
		} catch {
			return undefined;
		}
	}

	/** Stores some entries; null removes one. The others stay as they are. @throws ClusterError */
	set(entries: Readonly<Record<string, Uint8Array | string | null>>): Promise<void> {
		return this.#enqueue(async () => {
			for (let attempt = 1; ; attempt += 1) {
				try {
					return await this.#write(entries);
				} catch (error) {
					if (!isConflict(error) || attempt >= maxConflicts) throw error;
					await this.load();
				}
			}
		});
	}

	/**
	 * The bytes under a key, made now if there are none. When two agents make them at the same time,
	 * both get those of the first.
	 */
	async getOrCreate(key: string, make: () => Uint8Array | Promise<Uint8Array>): Promise<Buffer> {
		const known = this.#entries.get(key);
		if (known !== undefined) return known;
		const made = Buffer.from(await make());
		return this.#enqueue(async () => {
			for (let attempt = 1; ; attempt += 1) {
				const present = this.#entries.get(key);
				if (present !== undefined) return present;
				try {
					await this.#write({ [key]: made });
				} catch (error) {
					if (!isConflict(error) || attempt >= maxConflicts) throw error;
					await this.load();
				}
			}
		});
	}

	get #reference(): ObjectReference {
		const { namespace, name } = this.#options;
		return { apiVersion: 'v1', kind: 'Secret', namespace, name };
	}

	#enqueue<Result>(action: () => Promise<Result>): Promise<Result> {
		const result = this.#last.then(action);
		this.#last = result.catch(() => {});
		return result;
	}

	/** Fails with a conflict when the Secret is not as it was read. */
	async #write(entries: Readonly<Record<string, Uint8Array | string | null>>): Promise<void> {
		const data: JsonObject = {};
		for (const [key, value] of Object.entries(entries)) {
			data[key] = value === null ? null : Buffer.from(value).toString('base64');
		}
		if (this.#resourceVersion === undefined) {
			this.#take(await this.#options.client.create(this.#newSecret(data)));
			return;
		}
		const metadata = { resourceVersion: this.#resourceVersion };
		this.#take(await this.#options.client.patch(this.#reference, { metadata, data }));
	}

	#newSecret(data: JsonObject): KubernetesObject {
		const { namespace, name, labels = {} } = this.#options;
		const present = Object.entries(data).filter(([, value]) => value !== null);
		return {
			apiVersion: 'v1',
			kind: 'Secret',
			metadata: { name, namespace, labels: { ...labels } },
			type: 'Opaque',
			data: Object.fromEntries(present),
		};
	}

	#take(secret: KubernetesObject | undefined): void {
		this.#entries.clear();
		this.#resourceVersion = secret?.metadata.resourceVersion;
		const data = (secret?.['data'] ?? {}) as Record<string, string>;
		for (const [key, value] of Object.entries(data)) {
			this.#entries.set(key, Buffer.from(value, 'base64'));
		}
	}
}

/** 404: deleted since it was read; 409: created or changed by somebody else. */
function isConflict(error: unknown): boolean {
	return error instanceof ClusterError && (error.status === 409 || error.status === 404);
}
