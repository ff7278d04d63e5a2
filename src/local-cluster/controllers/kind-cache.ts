import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import type { ObjectCache } from '../../cluster/object-cache.ts';

/** Told about every change of a cached object: what it is now and what it was. */
export type ChangeListener<T> = (current: T | undefined, previous: T | undefined) => void;

/**
 * The cached objects of one kind, with the type of that kind: the API server has validated their
 * shape.
 */
export class KindCache<T extends KubernetesObject> {
	readonly #cache: ObjectCache;

	constructor(cache: ObjectCache) {
		this.#cache = cache;
	}

	/** Every object, or every object of one namespace. */
	list(namespace?: string): T[] {
		const objects = [...this.#cache.objects()] as T[];
		if (namespace === undefined) return objects;
		return objects.filter((object) => object.metadata.namespace === namespace);
	}

	/** @param key `namespace/name`, with an empty namespace for a cluster-scoped object. */
	get(key: string): T | undefined {
		const slash = key.indexOf('/');
		return this.#cache.get(key.slice(slash + 1), key.slice(0, slash)) as T | undefined;
	}

	onChange(listener: ChangeListener<T>): void {
		this.#cache.onChange(({ current, previous }) =>
			listener(current as T | undefined, previous as T | undefined),
		);
	}
}

/** The HTTP status of a failed request to the API server. */
export function statusOf(error: unknown): number | undefined {
	const status = (error as { status?: unknown } | undefined)?.status;
	return typeof status === 'number' ? status : undefined;
}
