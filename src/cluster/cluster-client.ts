import type { JsonValue } from '../runtime/json.ts';
import type { KubernetesObject, ObjectReference } from './kubernetes-object.ts';

/** Which objects of one kind: a namespace (absent: all, or a cluster-scoped kind) and a label selector. */
export interface ListQuery {
	readonly apiVersion: string;
	readonly kind: string;
	readonly namespace?: string;
	/** As `kubectl -l` takes it. */
	readonly labelSelector?: string;
	/** As `kubectl --field-selector` takes it. */
	readonly fieldSelector?: string;
}

/** A consistent list. `resourceVersion` is where a watch goes on. */
export interface ObjectList {
	readonly items: readonly KubernetesObject[];
	readonly resourceVersion: string;
}

/** A change that a watch reports. A bookmark carries only a resourceVersion. */
export type WatchEvent =
	| { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubernetesObject }
	| { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

/** How a server-side apply is done. Conflicts are always forced: the agent owns what it declares. */
export interface ApplyOptions {
	readonly fieldManager: string;
	/** Ask the server for the result without storing it. */
	readonly dryRun?: boolean;
}

/** How an object goes away. */
export interface DeleteOptions {
	readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
	/** Delete only this very object, not a successor of the same name. */
	readonly uid?: string;
	/** Seconds a pod gets to stop. */
	readonly gracePeriodSeconds?: number;
}

/** Which part of a container's log. */
export interface LogQuery {
	readonly namespace: string;
	readonly pod: string;
	readonly container?: string;
	readonly follow?: boolean;
	readonly tailLines?: number;
	/** Only lines at or after this RFC 3339 time. */
	readonly sinceTime?: string;
	readonly timestamps?: boolean;
	/** The log of the container's run before this one. */
	readonly previous?: boolean;
}

/**
 * The Kubernetes API as the project uses it. Every method throws a `ClusterError` and takes an
 * optional signal that cancels the request.
 */
export interface ClusterClient {
	/** @returns the object, or `undefined` where there is none. */
	get(reference: ObjectReference, signal?: AbortSignal): Promise<KubernetesObject | undefined>;
	list(query: ListQuery, signal?: AbortSignal): Promise<ObjectList>;
	/**
	 * Yields changes after `resourceVersion` until the server ends the stream, the signal aborts or
	 * an error is thrown. A `ClusterError` of status 410 means: list again.
	 */
	watch(query: ListQuery, resourceVersion: string, signal?: AbortSignal): AsyncIterable<WatchEvent>;
	create(object: KubernetesObject, signal?: AbortSignal): Promise<KubernetesObject>;
	/** Replaces the whole object; its `resourceVersion`, if present, must be the current one. */
	replace(object: KubernetesObject, signal?: AbortSignal): Promise<KubernetesObject>;
	/** Server-side apply: creates the object or changes the fields it declares. */
	apply(
		object: KubernetesObject,
		options: ApplyOptions,
		signal?: AbortSignal,
	): Promise<KubernetesObject>;
	/** JSON merge patch, of the object or of a subresource such as `status`. */
	patch(
		reference: ObjectReference,
		patch: JsonValue,
		subresource?: 'status' | 'scale',
		signal?: AbortSignal,
	): Promise<KubernetesObject>;
	/** @returns false where there was nothing to delete. */
	delete(
		reference: ObjectReference,
		options?: DeleteOptions,
		signal?: AbortSignal,
	): Promise<boolean>;
	/** Yields the log's lines, without their ends. */
	logs(query: LogQuery, signal?: AbortSignal): AsyncIterable<string>;
}
