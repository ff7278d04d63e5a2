import type { KubernetesObject, ObjectMeta } from '../../../cluster/kubernetes-object.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { JsonObject } from '../../../runtime/json.ts';
import { listAt, numberAt, textAt, valueAt } from '../json-reading.ts';
import { storageOf } from '../kinds/kind-registry.ts';
import { conflict, forbidden } from '../status-error.ts';
import { type ObjectStore, objectKey } from '../store/object-store.ts';
import type { StoredObject } from '../store/stored-object.ts';
import { isGone, type Target, timestamp } from './object-writer.ts';

/** The answer to a deletion. */
export interface Deletion {
	readonly object: StoredObject;
	/** False while finalizers or a grace period keep it. */
	readonly gone: boolean;
}

/** Which namespaces a cluster cannot do without. */
const lastingNamespaces = ['default', 'kube-system', 'kube-public'];

/** Deletes objects, at once or, where something must happen before, by marking them. */
export class ObjectDeletion {
	readonly #store: ObjectStore;
	readonly #clock: Clock;

	constructor(store: ObjectStore, clock: Clock) {
		this.#store = store;
		this.#clock = clock;
	}

	/**
	 * @param options a `DeleteOptions` object.
	 * @throws StatusError 409 when a precondition does not hold.
	 */
	delete(target: Target, live: StoredObject, options: JsonObject, dryRun: boolean): Deletion {
		checkPreconditions(target, live.object, options);
		if (storageOf(target.kind) === 'namespaces' && lastingNamespaces.includes(target.name)) {
			throw forbidden(target.kind, target.name, 'this namespace may not be deleted');
		}
		const marked = structuredClone(live.object);
		addPropagationFinalizer(marked.metadata, options);
		const grace = graceOf(target, live.object, options);
		this.#mark(target, marked, live.object, grace);
		const gone = isGone(marked);
		if (dryRun) return { object: live, gone };
		const key = objectKey(target.namespace, target.name);
		const storage = storageOf(target.kind);
		if (gone) return { object: this.#store.remove(storage, key) ?? live, gone };
		if (unchanged(live.object, marked)) return { object: live, gone };
		return { object: this.#store.put(storage, key, marked), gone };
	}

	#mark(target: Target, marked: KubernetesObject, live: KubernetesObject, grace: number): void {
		const metadata = marked.metadata as unknown as JsonObject;
		const pending = numberAt(live, 'metadata', 'deletionGracePeriodSeconds');
		if (live.metadata.deletionTimestamp !== undefined && (pending ?? 0) <= grace) return;
		metadata['deletionTimestamp'] = timestamp(this.#clock.now() + grace * 1000);
		metadata['deletionGracePeriodSeconds'] = grace;
		if (storageOf(target.kind) === 'namespaces') marked.status = { phase: 'Terminating' };
		if (target.kind.tracksGeneration && live.metadata.deletionTimestamp === undefined) {
			metadata['generation'] = (live.metadata.generation ?? 0) + 1;
		}
	}
}

function checkPreconditions({ kind, name }: Target, live: KubernetesObject, options: JsonObject) {
	const { uid, resourceVersion } = live.metadata;
	const wantedUid = textAt(options, 'preconditions', 'uid');
	if (wantedUid !== '' && wantedUid !== uid) {
		const why = `Precondition failed: UID in precondition: ${wantedUid}, UID in object meta: ${uid}`;
		throw conflict(kind, name, why);
	}
	const version = textAt(options, 'preconditions', 'resourceVersion');
	if (version !== '' && version !== resourceVersion) {
		const why = `Precondition failed: ResourceVersion in precondition: ${version}, ResourceVersion in object meta: ${resourceVersion}`;
		throw conflict(kind, name, why);
	}
}

/** Foreground and orphaning deletion are done by the garbage collector, which these finalizers call. */
function addPropagationFinalizer(metadata: ObjectMeta, options: JsonObject): void {
	const policy = options['propagationPolicy'];
	const rest = (metadata.finalizers ?? []).filter(
		(item) => item !== 'foregroundDeletion' && item !== 'orphan',
	);
	if (policy === 'Foreground') metadata.finalizers = [...rest, 'foregroundDeletion'];
	else if (policy === 'Orphan' || options['orphanDependents'] === true) {
		metadata.finalizers = [...rest, 'orphan'];
	}
}

/** Seconds until the object must be gone: only pods that a node runs get any. */
function graceOf(target: Target, live: KubernetesObject, options: JsonObject): number {
	if (storageOf(target.kind) !== 'pods') return 0;
	const phase = textAt(live, 'status', 'phase');
	const unscheduled = textAt(live, 'spec', 'nodeName') === '';
	if (unscheduled || phase === 'Succeeded' || phase === 'Failed') return 0;
	const own = numberAt(live, 'spec', 'terminationGracePeriodSeconds') ?? 30;
	return Math.max(0, numberAt(options, 'gracePeriodSeconds') ?? own);
}

function unchanged(live: KubernetesObject, marked: KubernetesObject): boolean {
	const members = [['deletionTimestamp'], ['deletionGracePeriodSeconds']];
	const same = members.every(
		(path) => valueAt(live, 'metadata', ...path) === valueAt(marked, 'metadata', ...path),
	);
	const finalizers = (object: KubernetesObject) => listAt(object, 'metadata', 'finalizers').join();
	return same && finalizers(live) === finalizers(marked);
}
