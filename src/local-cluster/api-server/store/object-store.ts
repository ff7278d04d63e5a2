import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import { expired } from '../status-error.ts';
import type { ObjectJournal } from './object-journal.ts';
import { StoredObject } from './stored-object.ts';

/** A change of one object. */
export interface StoreEvent {
	readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
	readonly revision: number;
	readonly key: string;
	/** After the change; for a deletion the last state, with the version of the deletion. */
	readonly object: StoredObject;
	/** Before the change. */
	readonly previous: StoredObject | undefined;
}

type Listener = (event: StoreEvent) => void;

/** How many changes of one resource are kept for watches that start in the past. */
const defaultHistory = 2048;

class Collection {
	readonly objects = new Map<string, StoredObject>();
	readonly listeners = new Set<Listener>();
	readonly history: StoreEvent[] = [];
	/** Changes up to this revision are no longer kept. */
	compacted = 0;
	#sorted: string[] | undefined;

	/** Keys in etcd's order. */
	keys(): readonly string[] {
		this.#sorted ??= [...this.objects.keys()].sort();
		return this.#sorted;
	}

	keysChanged(): void {
		this.#sorted = undefined;
	}
}

/** `namespace/name`, or `name` for kinds without namespaces. */
export function objectKey(namespace: string | undefined, name: string): string {
	return namespace === undefined ? name : `${namespace}/${name}`;
}

/**
 * All objects of a cluster, in memory, with one counter of versions, a bounded history of changes
 * and listeners. Objects in the store are never changed, only replaced. A listener must not write
 * to the store before it has returned: other listeners would see changes in the wrong order. A
 * resource is named as in `deployments.apps`.
 */
export class ObjectStore {
	readonly #journal: ObjectJournal;
	readonly #historyLimit: number;
	readonly #collections = new Map<string, Collection>();
	#revision = 0;
	#loaded = 0;

	constructor(journal: ObjectJournal, historyLimit: number = defaultHistory) {
		this.#journal = journal;
		this.#historyLimit = historyLimit;
	}

	/** Reads what the journal kept. */
	load(): void {
		const { revision, records } = this.#journal.load();
		// Zero means "any version" in a client's request, so no object and no list may have it.
		this.#revision = Math.max(revision, 1);
		this.#loaded = this.#revision;
		for (const { resource, key, json } of records) {
			const collection = this.#collection(resource);
			collection.objects.set(key, new StoredObject(JSON.parse(json), json));
		}
	}

	/** The version of the newest change. */
	get revision(): number {
		return this.#revision;
	}

	get(resource: string, key: string): KubernetesObject | undefined {
		return this.#collections.get(resource)?.objects.get(key)?.object;
	}

	getStored(resource: string, key: string): StoredObject | undefined {
		return this.#collections.get(resource)?.objects.get(key);
	}

	/** All objects of a resource, those of one namespace if given, ordered by key. */
	list(resource: string, namespace?: string): StoredObject[] {
		const collection = this.#collections.get(resource);
		if (collection === undefined) return [];
		const prefix = namespace === undefined ? '' : `${namespace}/`;
		const found: StoredObject[] = [];
		for (const key of collection.keys()) {
			const object = key.startsWith(prefix) ? collection.objects.get(key) : undefined;
			if (object !== undefined) found.push(object);
		}
		return found;
	}

	/**
	 * Stores an object under the next version, which is written into its metadata.
	 *
	 * @returns the object as stored; from now on it must not be changed.
	 */
	put(resource: string, key: string, object: KubernetesObject): StoredObject {
		const collection = this.#collection(resource);
		const previous = collection.objects.get(key);
		const revision = this.#revision + 1;
		object.metadata.resourceVersion = String(revision);
		const stored = new StoredObject(object);
		this.#journal.put({ resource, key, json: stored.json }, revision);
		this.#revision = revision;
		collection.objects.set(key, stored);
		if (previous === undefined) collection.keysChanged();
		const type = previous === undefined ? 'ADDED' : 'MODIFIED';
		this.#publish(collection, { type, revision, key, object: stored, previous });
		return stored;
	}

	/**
	 * Removes an object.
	 *
	 * @param last its state at the end, where that is not the one in the store.
	 * @returns its last state, with the version of the removal.
	 */
	remove(resource: string, key: string, last?: KubernetesObject): StoredObject | undefined {
		const collection = this.#collection(resource);
		const previous = collection.objects.get(key);
		if (previous === undefined) return undefined;
		const revision = this.#revision + 1;
		this.#journal.remove(resource, key, revision);
		this.#revision = revision;
		collection.objects.delete(key);
		collection.keysChanged();
		const end = last ?? previous.object;
		const metadata = { ...end.metadata, resourceVersion: String(revision) };
		const object = new StoredObject({ ...end, metadata });
		this.#publish(collection, { type: 'DELETED', revision, key, object, previous });
		return object;
	}

	/** Calls a listener with every change of a resource, in order. @returns a function that ends it. */
	listen(resource: string, listener: Listener): () => void {
		const { listeners } = this.#collection(resource);
		listeners.add(listener);
		return () => {
			listeners.delete(listener);
		};
	}

	/**
	 * Changes of a resource after a version.
	 *
	 * @throws StatusError 410 when they are no longer all kept.
	 */
	changesAfter(resource: string, revision: number): readonly StoreEvent[] {
		const collection = this.#collection(resource);
		if (revision < collection.compacted) {
			throw expired(`too old resource version: ${revision} (${collection.compacted})`);
		}
		const first = collection.history.findIndex((event) => event.revision > revision);
		return first < 0 ? [] : collection.history.slice(first);
	}

	/** The objects of a resource as they were at a version. @throws StatusError 410 */
	listAt(resource: string, namespace: string | undefined, revision: number): StoredObject[] {
		const changes = this.changesAfter(resource, revision);
		if (changes.length === 0) return this.list(resource, namespace);
		const objects = new Map(this.#collection(resource).objects);
		for (const { key, previous } of changes.toReversed()) {
			if (previous === undefined) objects.delete(key);
			else objects.set(key, previous);
		}
		const prefix = namespace === undefined ? '' : `${namespace}/`;
		const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort();
		return keys.flatMap((key) => objects.get(key) ?? []);
	}

	/** Forgets history, as a real server does every few minutes: older watches get 410. */
	compact(): void {
		for (const collection of this.#collections.values()) {
			collection.compacted = this.#revision;
			collection.history.length = 0;
		}
	}

	/** How many listeners there are. */
	get listenerCount(): number {
		let count = 0;
		for (const { listeners } of this.#collections.values()) count += listeners.size;
		return count;
	}

	close(): void {
		this.#journal.close();
	}

	#collection(resource: string): Collection {
		let collection = this.#collections.get(resource);
		if (collection === undefined) {
			collection = new Collection();
			// Changes of earlier runs are not kept.
			collection.compacted = this.#loaded;
			this.#collections.set(resource, collection);
		}
		return collection;
	}

	#publish(collection: Collection, event: StoreEvent): void {
		collection.history.push(event);
		if (collection.history.length > this.#historyLimit) {
			const dropped = collection.history.splice(0, Math.ceil(this.#historyLimit / 4));
			collection.compacted = dropped.at(-1)?.revision ?? collection.compacted;
		}
		for (const listener of [...collection.listeners]) listener(event);
	}
}
