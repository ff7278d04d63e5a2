import type {
	ApplyOptions,
	ClusterClient,
	DeleteOptions,
	ListQuery,
	ObjectList,
	WatchEvent,
} from '../../src/cluster/cluster-client.ts';
import { type ClusterError, errorOfAnswer } from '../../src/cluster/cluster-error.ts';
import {
	describeReference,
	type KubernetesObject,
	type ObjectReference,
	referenceOf,
} from '../../src/cluster/kubernetes-object.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/runtime/json.ts';
import { applied, merged, withoutDropped } from './server-side-apply.ts';

type Operation = 'get' | 'list' | 'watch' | 'create' | 'replace' | 'apply' | 'patch' | 'delete';

interface Stored {
	readonly object: KubernetesObject;
	/** What each field manager declared last. */
	readonly declared: Map<string, JsonObject>;
}

interface Change {
	readonly version: number;
	readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
	readonly object: KubernetesObject;
}

/**
 * A Kubernetes API in memory: resource versions, watches, 404, 409, 410, 422 and server-side apply
 * with field managers, for tests that need thousands of steps. No controllers run in it.
 */
export class MemoryCluster implements ClusterClient {
	/** Writes since the start: `apply Deployment edge/filter`. */
	readonly writes: string[] = [];
	/** Container logs by `namespace/pod/container`. */
	readonly containerLogs = new Map<string, string[]>();
	/** Returns the error that a request should meet, if any. */
	fault: (operation: Operation, what: string) => ClusterError | undefined = () => undefined;
	readonly #stored = new Map<string, Stored>();
	readonly #wake = new Set<() => void>();
	#changes: Change[] = [];
	#version = 100;
	#oldest = 100;
	#cut = 0;
	#uids = 0;

	/** Another cluster with the same objects. */
	fork(): MemoryCluster {
		const copy = new MemoryCluster();
		for (const [key, { object, declared }] of this.#stored) {
			copy.#stored.set(key, { object: structuredClone(object), declared: new Map(declared) });
		}
		copy.#version = this.#version;
		copy.#oldest = this.#version;
		copy.#uids = this.#uids;
		return copy;
	}

	/** Forgets the past: watches that begin before now answer 410. */
	compact(): void {
		this.#version += 1;
		this.#oldest = this.#version;
		this.#changes = [];
	}

	/** Ends every open watch, as a server does when a watch has lasted long enough. */
	cutWatches(): void {
		this.#cut += 1;
		this.#awaken();
	}

	/** Every object of a kind, by name. */
	all(kind: string): KubernetesObject[] {
		const objects = [...this.#stored.values()].map(({ object }) => object);
		return structuredClone(objects.filter((object) => object.kind === kind));
	}

	/** What the controllers of a cluster would do: sets the status of an object. */
	setStatus(reference: ObjectReference, status: JsonObject): void {
		const stored = this.#find(reference);
		this.#store({ ...stored.object, status: structuredClone(status) }, stored.declared);
	}

	async get(reference: ObjectReference): Promise<KubernetesObject | undefined> {
		this.#meetFault('get', describeReference(reference));
		return structuredClone(this.#stored.get(keyOf(reference))?.object);
	}

	async list(query: ListQuery): Promise<ObjectList> {
		this.#meetFault('list', query.kind);
		const objects = [...this.#stored.values()].map(({ object }) => object);
		const items = structuredClone(objects.filter((object) => matches(query, object)));
		return { items, resourceVersion: String(this.#version) };
	}

	async *watch(query: ListQuery, from: string, signal?: AbortSignal): AsyncGenerator<WatchEvent> {
		this.#meetFault('watch', query.kind);
		let position = Number(from);
		const cut = this.#cut;
		while (!signal?.aborted) {
			if (position < this.#oldest) throw errorOfAnswer(410, '{"message":"too old"}', 'watch');
			const next = this.#changes.find(({ version }) => version > position);
			if (next === undefined) {
				if (cut !== this.#cut) return;
				await this.#nextChange(signal);
				continue;
			}
			position = next.version;
			if (matches(query, next.object)) {
				yield { type: next.type, object: structuredClone(next.object) };
			}
		}
	}

	async create(object: KubernetesObject): Promise<KubernetesObject> {
		this.#begin('create', referenceOf(object));
		if (this.#stored.has(keyOf(referenceOf(object)))) throw status(409, 'it exists already');
		return this.#store(structuredClone(object), new Map());
	}

	async replace(object: KubernetesObject): Promise<KubernetesObject> {
		this.#begin('replace', referenceOf(object));
		const stored = this.#find(referenceOf(object));
		const { resourceVersion } = object.metadata;
		if (resourceVersion !== undefined) {
			if (resourceVersion !== stored.object.metadata.resourceVersion) {
				throw status(409, 'it has changed');
			}
		}
		return this.#store(structuredClone(object), stored.declared);
	}

	async apply(object: KubernetesObject, options: ApplyOptions): Promise<KubernetesObject> {
		this.#begin('apply', referenceOf(object));
		const key = keyOf(referenceOf(object));
		const stored = this.#stored.get(key);
		const declared = asJson(object);
		const before = stored?.declared.get(options.fieldManager) ?? {};
		const pruned = withoutDropped(asJson(stored?.object ?? { metadata: {} }), before, declared);
		const result = asObject(applied(pruned, declared));
		refuseImmutable(stored?.object, result);
		if (options.dryRun === true) return result;
		const managers = new Map(stored?.declared).set(options.fieldManager, declared);
		return this.#store(result, managers);
	}

	async patch(
		reference: ObjectReference,
		patch: JsonValue,
		subresource?: 'status' | 'scale',
	): Promise<KubernetesObject> {
		this.#begin('patch', reference);
		const stored = this.#find(reference);
		const relevant = subresource === 'status' ? { status: (patch as JsonObject)['status'] } : patch;
		const patched = asObject(merged(asJson(stored.object), relevant as JsonValue) as JsonObject);
		refuseImmutable(stored.object, patched);
		return this.#store(patched, stored.declared);
	}

	async delete(reference: ObjectReference, options: DeleteOptions = {}): Promise<boolean> {
		this.#begin('delete', reference);
		const stored = this.#stored.get(keyOf(reference));
		if (stored === undefined) return false;
		const { object } = stored;
		if (options.uid !== undefined && options.uid !== object.metadata.uid) {
			throw status(409, 'the uid differs');
		}
		if ((object.metadata.finalizers ?? []).length > 0) {
			const metadata = { ...object.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
			this.#store({ ...object, metadata }, stored.declared);
			return true;
		}
		this.#stored.delete(keyOf(reference));
		this.#version += 1;
		const metadata = { ...object.metadata, resourceVersion: String(this.#version) };
		this.#publish('DELETED', { ...object, metadata });
		return true;
	}

	async *logs(query: {
		namespace: string;
		pod: string;
		container?: string;
	}): AsyncGenerator<string> {
		const { namespace, pod, container = '' } = query;
		yield* this.containerLogs.get(`${namespace}/${pod}/${container}`) ?? [];
	}

	#begin(operation: Operation, reference: ObjectReference): void {
		this.writes.push(`${operation} ${describeReference(reference)}`);
		this.#meetFault(operation, describeReference(reference));
	}

	#meetFault(operation: Operation, what: string): void {
		const error = this.fault(operation, what);
		if (error !== undefined) throw error;
	}

	#find(reference: ObjectReference): Stored {
		const stored = this.#stored.get(keyOf(reference));
		if (stored === undefined) throw status(404, `${describeReference(reference)} not found`);
		return stored;
	}

	/** Stores a new state; one that changes nothing is no change, as on a real server. */
	#store(object: KubernetesObject, declared: Map<string, JsonObject>): KubernetesObject {
		const key = keyOf(referenceOf(object));
		const before = this.#stored.get(key)?.object;
		this.#uids += before === undefined ? 1 : 0;
		const { generation = 0, uid, creationTimestamp, resourceVersion } = before?.metadata ?? {};
		const specChanged = canonical(before?.spec) !== canonical(object.spec);
		const metadata = {
			...object.metadata,
			uid: uid ?? `uid-${this.#uids}`,
			creationTimestamp: creationTimestamp ?? '2026-01-01T00:00:00Z',
			generation: specChanged ? generation + 1 : generation,
			resourceVersion: resourceVersion ?? '',
		};
		const after = { ...object, metadata };
		if (before !== undefined && canonical(before) === canonical(after)) {
			this.#stored.set(key, { object: before, declared });
			return structuredClone(before);
		}
		this.#version += 1;
		metadata.resourceVersion = String(this.#version);
		this.#stored.set(key, { object: after, declared });
		this.#publish(before === undefined ? 'ADDED' : 'MODIFIED', after);
		return structuredClone(after);
	}

	#publish(type: Change['type'], object: KubernetesObject): void {
		this.#changes.push({ version: this.#version, type, object });
		this.#awaken();
	}

	#awaken(): void {
		for (const wake of [...this.#wake]) wake();
	}

	#nextChange(signal?: AbortSignal): Promise<void> {
		return new Promise((resolve) => {
			const wake = () => {
				this.#wake.delete(wake);
				signal?.removeEventListener('abort', wake);
				resolve();
			};
			this.#wake.add(wake);
			signal?.addEventListener('abort', wake);
		});
	}
}

function keyOf({ apiVersion, kind, namespace = '', name }: ObjectReference): string {
	return `${apiVersion}/${kind}/${namespace}/${name}`;
}

function matches(query: ListQuery, object: KubernetesObject): boolean {
	if (object.kind !== query.kind || object.apiVersion !== query.apiVersion) return false;
	const { namespace, labels = {} } = object.metadata;
	if (query.namespace !== undefined && namespace !== query.namespace) return false;
	if (query.fieldSelector !== undefined) {
		if (query.fieldSelector !== `metadata.name=${object.metadata.name}`) return false;
	}
	const wanted = query.labelSelector?.split(',') ?? [];
	return wanted.every((requirement) => {
		const [label = '', value] = requirement.split('=');
		return value === undefined ? label in labels : labels[label] === value;
	});
}

function status(code: number, message: string): ClusterError {
	return errorOfAnswer(code, JSON.stringify({ message }), 'memory');
}

/** What a server does not let anybody change. */
function refuseImmutable(before: KubernetesObject | undefined, after: KubernetesObject): void {
	if (before === undefined) return;
	const fixed: Record<string, (spec: JsonObject) => unknown> = {
		Job: (spec) => spec['template'],
		Deployment: (spec) => spec['selector'],
		PersistentVolumeClaim: ({ resources: _, ...spec }) => spec,
	};
	const select = fixed[after.kind];
	if (select === undefined) return;
	if (canonical(select(before.spec ?? {})) !== canonical(select(after.spec ?? {}))) {
		throw status(422, `${after.kind} ${after.metadata.name} is invalid: field is immutable`);
	}
}

/** Text that is equal for values that differ only in the order of their members. */
function canonical(value: unknown): string {
	const sorted = (_name: string, member: unknown) =>
		isJsonObject(member)
			? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
			: member;
	return JSON.stringify(value, sorted) ?? '';
}

function asJson(object: object): JsonObject {
	return structuredClone(object) as JsonObject;
}

function asObject(object: JsonObject): KubernetesObject {
	return object as unknown as KubernetesObject;
}
