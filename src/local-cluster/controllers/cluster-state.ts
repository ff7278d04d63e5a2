import type { ClusterClient, DeleteOptions } from '../../cluster/cluster-client.ts';
import { type KubernetesObject, referenceOf } from '../../cluster/kubernetes-object.ts';
import { ObjectCache } from '../../cluster/object-cache.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { JsonValue } from '../../runtime/json.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';
import { KindCache } from './kind-cache.ts';

/** What everything in the cluster that reconciles needs. */
export interface ClusterStateSettings {
	readonly client: ClusterClient;
	readonly clock: Clock;
	readonly logger: Logger;
}

/**
 * The cluster as its controllers and its node see it: one cache for each kind, and writes that
 * are in the cache when they return, so that nobody decides on a state from before its last step.
 */
export class ClusterState implements Lifecycle {
	readonly client: ClusterClient;
	readonly clock: Clock;
	readonly #logger: Logger;
	readonly #caches = new Map<string, ObjectCache>();

	constructor(settings: ClusterStateSettings) {
		this.client = settings.client;
		this.clock = settings.clock;
		this.#logger = settings.logger;
	}

	/** The cache of a kind. It must be asked for before `start`. */
	cache<T extends KubernetesObject>(apiVersion: string, kind: T['kind']): KindCache<T> {
		const name = `${apiVersion}/${kind}`;
		let cache = this.#caches.get(name);
		if (cache === undefined) {
			const { client, clock } = this;
			const query = { apiVersion, kind };
			cache = new ObjectCache({ client, clock, query, logger: this.#logger });
			this.#caches.set(name, cache);
		}
		return new KindCache<T>(cache);
	}

	/** Resolves when the first list of every kind is in. */
	async start(): Promise<void> {
		const caches = [...this.#caches.values()];
		for (const cache of caches) await cache.start();
		await Promise.all(caches.map((cache) => cache.whenSynced()));
	}

	async stop(): Promise<void> {
		await Promise.all([...this.#caches.values()].map((cache) => cache.stop()));
	}

	async create<T extends KubernetesObject>(object: T): Promise<T> {
		const created = (await this.client.create(object)) as T;
		this.#cacheOf(object)?.observe(created);
		return created;
	}

	/** Merge patch of an object or of its status. */
	async patch<T extends KubernetesObject>(
		object: T,
		patch: JsonValue,
		subresource?: 'status',
	): Promise<T> {
		const patched = await this.client.patch(referenceOf(object), patch, subresource);
		this.#cacheOf(object)?.observe(patched);
		return patched as T;
	}

	/** Deletes this very object, not a successor of its name. */
	async delete(object: KubernetesObject, options: DeleteOptions = {}): Promise<void> {
		const { uid } = object.metadata;
		const exact = uid === undefined ? options : { uid, ...options };
		await this.client.delete(referenceOf(object), exact);
		// What stays for a grace period or a finalizer is still there, marked as ending.
		const left = await this.client.get(referenceOf(object));
		const cache = this.#cacheOf(object);
		if (left !== undefined && left.metadata.uid === uid) cache?.observe(left);
		else cache?.observeDeletion(object);
	}

	#cacheOf(object: KubernetesObject): ObjectCache | undefined {
		return this.#caches.get(`${object.apiVersion}/${object.kind}`);
	}
}
