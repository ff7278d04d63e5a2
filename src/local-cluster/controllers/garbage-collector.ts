import { type KubernetesObject, referenceOf } from '../../cluster/kubernetes-object.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Reconciler } from './controller.ts';
import type { KindCache } from './kind-cache.ts';

/** Finalizers with which the API server asks for the two deletions that dependents take part in. */
const foreground = 'foregroundDeletion';
const orphan = 'orphan';
/** Milliseconds between two looks at an owner of a kind that is not followed. */
const unseenInterval = 30_000;

/**
 * Deletes what belongs to owners that are gone. It works by the uid of an owner: its dependents
 * are looked at when the owner changes, and every new dependent makes its owners be looked at.
 */
export class GarbageCollector implements Reconciler {
	readonly name = 'garbage';
	readonly #state: ClusterState;
	readonly #caches: readonly KindCache<KubernetesObject>[];
	readonly #objects = new Map<string, KubernetesObject>();
	readonly #dependents = new Map<string, Set<string>>();

	/** @param kinds `[apiVersion, kind]` of everything that owns or is owned. */
	constructor(state: ClusterState, kinds: readonly (readonly [string, string])[]) {
		this.#state = state;
		this.#caches = kinds.map(([apiVersion, kind]) => state.cache(apiVersion, kind));
	}

	watch(enqueue: (key: string) => void): void {
		for (const cache of this.#caches) {
			cache.onChange((current, previous) => {
				if (previous !== undefined) this.#unlink(previous, enqueue);
				if (current !== undefined) this.#link(current, enqueue);
			});
		}
	}

	/** @param uid of an owner. */
	async reconcile(uid: string): Promise<number | undefined> {
		const owner = this.#objects.get(uid);
		const dependents = [...(this.#dependents.get(uid) ?? [])]
			.map((dependent) => this.#objects.get(dependent))
			.filter((dependent) => dependent !== undefined);
		if (owner === undefined) {
			for (const dependent of dependents) await this.#collect(dependent);
			// What is left has an owner of a kind that is not followed: it is asked for again.
			return this.#dependents.has(uid) ? unseenInterval : undefined;
		}
		if (owner.metadata.deletionTimestamp === undefined) return undefined;
		const finalizers = owner.metadata.finalizers ?? [];
		if (finalizers.includes(orphan)) await this.#orphan(owner, dependents);
		if (finalizers.includes(foreground)) await this.#deleteFirst(owner, dependents);
		return undefined;
	}

	/** Deletes a dependent when none of its owners exists any more. */
	async #collect(dependent: KubernetesObject): Promise<void> {
		const { ownerReferences = [], deletionTimestamp } = dependent.metadata;
		if (deletionTimestamp !== undefined) return;
		for (const owner of ownerReferences) {
			if (this.#objects.has(owner.uid)) return;
			if (await this.#existsUnseen(dependent, owner)) return;
		}
		await this.#state.delete(dependent, { propagation: 'Background' });
	}

	/** Owners of kinds that are not cached, such as custom resources, are asked for. */
	async #existsUnseen(
		dependent: KubernetesObject,
		owner: { apiVersion: string; kind: string; name: string; uid: string },
	): Promise<boolean> {
		const { apiVersion, kind, name, uid } = owner;
		const { namespace } = dependent.metadata;
		const reference = { apiVersion, kind, name };
		const found = await this.#state.client.get(
			namespace === undefined || clusterKinds.has(kind) ? reference : { ...reference, namespace },
		);
		return found?.metadata.uid === uid;
	}

	/** Foreground: dependents that block go first, then the owner loses its finalizer. */
	async #deleteFirst(
		owner: KubernetesObject,
		dependents: readonly KubernetesObject[],
	): Promise<void> {
		const uid = owner.metadata.uid;
		for (const dependent of dependents) {
			if (dependent.metadata.deletionTimestamp === undefined) {
				await this.#state.delete(dependent, { propagation: 'Foreground' });
			}
		}
		const blocking = dependents.filter(
			(dependent) =>
				this.#objects.has(dependent.metadata.uid ?? '') &&
				dependent.metadata.ownerReferences?.some(
					(reference) => reference.uid === uid && reference.blockOwnerDeletion === true,
				),
		);
		if (blocking.length === 0) await this.#removeFinalizer(owner, foreground);
	}

	async #orphan(owner: KubernetesObject, dependents: readonly KubernetesObject[]): Promise<void> {
		for (const dependent of dependents) {
			const references = dependent.metadata.ownerReferences ?? [];
			const ownerReferences = references
				.filter((reference) => reference.uid !== owner.metadata.uid)
				.map((reference) => ({ ...reference }));
			await this.#state.patch(dependent, { metadata: { ownerReferences } });
		}
		await this.#removeFinalizer(owner, orphan);
	}

	async #removeFinalizer(owner: KubernetesObject, finalizer: string): Promise<void> {
		const { resourceVersion = '' } = owner.metadata;
		const finalizers = (owner.metadata.finalizers ?? []).filter((name) => name !== finalizer);
		await this.#state.client.patch(referenceOf(owner), {
			metadata: { resourceVersion, finalizers },
		});
	}

	#link(object: KubernetesObject, enqueue: (key: string) => void): void {
		const { uid = '', ownerReferences = [], deletionTimestamp } = object.metadata;
		this.#objects.set(uid, object);
		for (const owner of ownerReferences) {
			const dependents = this.#dependents.get(owner.uid) ?? new Set();
			this.#dependents.set(owner.uid, dependents.add(uid));
			if (this.#needsLook(owner)) enqueue(owner.uid);
		}
		if (deletionTimestamp !== undefined) enqueue(uid);
	}

	#unlink(object: KubernetesObject, enqueue: (key: string) => void): void {
		const { uid = '', ownerReferences = [] } = object.metadata;
		this.#objects.delete(uid);
		for (const owner of ownerReferences) {
			const dependents = this.#dependents.get(owner.uid);
			dependents?.delete(uid);
			if (dependents?.size === 0) this.#dependents.delete(owner.uid);
			// A foreground deletion may have waited for this one.
			if (this.#objects.get(owner.uid)?.metadata.deletionTimestamp !== undefined) {
				enqueue(owner.uid);
			}
		}
		if (this.#dependents.has(uid)) enqueue(uid);
	}

	#needsLook({ uid }: { uid: string }): boolean {
		const known = this.#objects.get(uid);
		return known === undefined || known.metadata.deletionTimestamp !== undefined;
	}
}

const clusterKinds = new Set(['Node', 'Namespace', 'PersistentVolume', 'StorageClass']);
