import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject, ObjectMeta } from '../../../cluster/kubernetes-object.ts';
import type { JsonObject } from '../../../runtime/json.ts';
import type { ManagedEntry, ManagedObject } from '../fields/managed-fields.ts';
import { decodeManagedFields, encodeManagedFields } from '../fields/managed-fields.ts';
import { objectAt, textAt } from '../json-reading.ts';
import { storageOf } from '../kinds/kind-registry.ts';
import { apiVersionOf, type ResourceKind } from '../kinds/resource-kind.ts';
import type { RuleContext } from '../rules/kind-rules.ts';
import { metadataFaults } from '../rules/names.ts';
import { setDefaults } from '../schema/schema-defaults.ts';
import { schemaFaults } from '../schema/schema-faults.ts';
import {
	alreadyExists,
	badRequest,
	conflict,
	type FieldFault,
	forbidden,
	forbiddenField,
	invalid,
	invalidValue,
	notFound,
	required,
	staleVersion,
} from '../status-error.ts';
import { type ObjectStore, objectKey } from '../store/object-store.ts';
import { StoredObject } from '../store/stored-object.ts';

/** Which object. */
export interface Target {
	readonly kind: ResourceKind;
	readonly namespace: string | undefined;
	readonly name: string;
}

/** How a write is done. */
export interface WriteOptions {
	readonly dryRun: boolean;
	/** Empty, `status`, or another door whose name ownership carries. */
	readonly subresource: string;
	/** Who owns which fields after the write. `before` is undefined for a new object. */
	readonly own: (before: ManagedObject | undefined, after: JsonObject) => readonly ManagedEntry[];
}

/** A time as Kubernetes writes it: whole seconds. */
export function timestamp(ms: number): string {
	return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** An object as plain JSON. */
export function asJson(object: KubernetesObject): JsonObject {
	return object as unknown as JsonObject;
}

/** Without `metadata.managedFields`, and who owns what. */
export function splitManaged(object: KubernetesObject): ManagedObject {
	const { managedFields, ...metadata } = object.metadata;
	return {
		object: asJson({ ...object, metadata }),
		entries: decodeManagedFields(managedFields),
	};
}

/**
 * What every write goes through, whichever way the new state came about: defaults, rules of the
 * kind, validation, ownership, generation, storing.
 */
export class ObjectWriter {
	readonly #store: ObjectStore;
	readonly #context: RuleContext;

	constructor(store: ObjectStore, context: RuleContext) {
		this.#store = store;
		this.#context = context;
	}

	/** Stores a new object. @throws StatusError */
	create(target: Target, object: KubernetesObject, options: WriteOptions): StoredObject {
		const { kind, namespace } = target;
		this.#checkNamespace(target);
		const name = this.#nameOf(target, object);
		const key = objectKey(namespace, name);
		if (this.#store.get(storageOf(kind), key)) throw alreadyExists(kind, name);
		object.metadata = this.#newMetadata(kind, object.metadata, namespace, name);
		if (kind.hasStatus && kind.kind !== 'Node') delete object.status;
		this.#complete(kind, object);
		// Nobody owns what the server adds from here on.
		const entries = options.own(undefined, asJson(object));
		kind.rules.beforeCreate?.(object, this.#context);
		this.#validate(kind, object, undefined);
		this.#setManaged(object, entries);
		if (!options.dryRun) return this.#store.put(storageOf(kind), key, object);
		return new StoredObject(object);
	}

	/**
	 * Replaces an object by a changed copy of it.
	 *
	 * @param object what the client wants; metadata that belongs to the server is put right here.
	 * @returns the object as stored; the live one when nothing changed.
	 * @throws StatusError
	 */
	update(
		target: Target,
		live: StoredObject,
		object: KubernetesObject,
		options: WriteOptions,
	): StoredObject {
		const { kind } = target;
		this.#checkPreconditions(target, live.object, object);
		this.#restore(kind, live.object, object, options.subresource);
		const isStatus = options.subresource === 'status';
		if (!isStatus) this.#complete(kind, object);
		const entries = ownership(live.object, object, options);
		if (!isStatus) kind.rules.beforeUpdate?.(object, live.object, this.#context);
		this.#validateUpdate(kind, object, live.object, options.subresource);
		this.#bumpGeneration(kind, live.object, object);
		this.#setManaged(object, entries);
		if (sameObject(live.object, object)) return live;
		if (options.dryRun) return new StoredObject(object);
		const key = objectKey(target.namespace, target.name);
		if (isGone(object)) return this.#store.remove(storageOf(kind), key, object) ?? live;
		return this.#store.put(storageOf(kind), key, object);
	}

	/** @throws StatusError 404 */
	live(target: Target): StoredObject {
		const key = objectKey(target.namespace, target.name);
		const found = this.#store.getStored(storageOf(target.kind), key);
		if (found === undefined) throw notFound(target.kind, target.name);
		return found;
	}

	#nameOf({ kind, name }: Target, object: KubernetesObject): string {
		const given = name || object.metadata.name || '';
		const prefix = textAt(object, 'metadata', 'generateName');
		if (given !== '' || prefix === '') {
			if (given !== '') return given;
			throw invalid(kind, '', [required('metadata.name', 'name or generateName is required')]);
		}
		return `${prefix.slice(0, 58)}${randomSuffix()}`;
	}

	#newMetadata(
		kind: ResourceKind,
		given: ObjectMeta,
		namespace: string | undefined,
		name: string,
	): ObjectMeta {
		if (given.resourceVersion !== undefined && given.resourceVersion !== '') {
			throw badRequest('resourceVersion should not be set on objects to be created');
		}
		const rest: Partial<ObjectMeta> = { ...given };
		for (const member of ['deletionTimestamp', 'managedFields', 'resourceVersion'] as const) {
			delete rest[member];
		}
		return {
			...rest,
			name,
			...(namespace === undefined ? {} : { namespace }),
			uid: randomUUID(),
			creationTimestamp: timestamp(this.#context.clock.now()),
			...(kind.tracksGeneration ? { generation: 1 } : {}),
		};
	}

	#complete(kind: ResourceKind, object: KubernetesObject): void {
		if (kind.custom === undefined) setDefaults(asJson(object), kind.schema);
		else kind.custom.setDefaults(object);
		kind.rules.setDefaults?.(object);
	}

	#validate(
		kind: ResourceKind,
		object: KubernetesObject,
		live: KubernetesObject | undefined,
	): void {
		const { metadata } = object;
		const form = kind.rules.nameForm ?? 'subdomain';
		const faults = [
			...(live === undefined ? metadataFaults(metadata, metadata.name, form) : []),
			...schemaFaults(asJson(object), kind.schema),
			...customFaults(kind, object),
			...(kind.rules.validate?.(object, live) ?? []),
		];
		if (faults.length > 0) throw invalid(kind, metadata.name, faults);
	}

	#validateUpdate(
		kind: ResourceKind,
		object: KubernetesObject,
		live: KubernetesObject,
		subresource: string,
	): void {
		if (subresource === 'status') {
			const faults = customFaults(kind, object);
			if (faults.length > 0) throw invalid(kind, object.metadata.name, faults);
			return;
		}
		const faults = [
			...metadataFaults(object.metadata, object.metadata.name, 'path'),
			...finalizerFaults(object, live),
		];
		if (faults.length > 0) throw invalid(kind, object.metadata.name, faults);
		this.#validate(kind, object, live);
	}

	#checkNamespace({ kind, namespace, name }: Target): void {
		if (namespace === undefined) return;
		const found = this.#store.get('namespaces', namespace);
		if (found === undefined) {
			throw notFound({ group: '', kind: 'Namespace', plural: 'namespaces' }, namespace);
		}
		if (found.metadata.deletionTimestamp === undefined) return;
		const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
		const message = `namespace ${namespace} is being terminated`;
		const cause = { reason: 'NamespaceTerminating', message, field: 'metadata.namespace' };
		throw forbidden(kind, name, why, [cause]);
	}

	#checkPreconditions(target: Target, live: KubernetesObject, object: KubernetesObject): void {
		const { kind, name } = target;
		const { uid, resourceVersion } = object.metadata;
		if (uid !== undefined && uid !== '' && uid !== live.metadata.uid) {
			const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${live.metadata.uid}`;
			throw conflict(kind, name, why);
		}
		const given = resourceVersion ?? '';
		if (given === '' && !kind.unconditionalUpdate) {
			const why = 'must be specified for an update';
			throw invalid(kind, name, [invalidValue('metadata.resourceVersion', 0, why)]);
		}
		if (given !== '' && given !== live.metadata.resourceVersion) throw staleVersion(kind, name);
	}

	/** Puts back what this door must not change. */
	#restore(
		kind: ResourceKind,
		live: KubernetesObject,
		object: KubernetesObject,
		subresource: string,
	): void {
		object.apiVersion = apiVersionOf(kind);
		object.kind = kind.kind;
		if (subresource === 'status') {
			const { status } = object;
			for (const member of Object.keys(object)) delete object[member];
			Object.assign(object, structuredClone(live));
			if (status === undefined) delete object.status;
			else object.status = status;
			return;
		}
		if (kind.hasStatus) {
			if (live.status === undefined) delete object.status;
			else object.status = structuredClone(live.status);
		}
		const given = objectAt(object, 'metadata');
		const kept = objectAt(live, 'metadata');
		for (const member of serverMetadata) {
			const value = kept[member];
			if (value === undefined) delete given[member];
			else given[member] = value;
		}
	}

	#bumpGeneration(kind: ResourceKind, live: KubernetesObject, object: KubernetesObject): void {
		if (!kind.tracksGeneration || isDeepStrictEqual(desiredOf(live), desiredOf(object))) return;
		object.metadata.generation = (live.metadata.generation ?? 0) + 1;
	}

	#setManaged(object: KubernetesObject, entries: readonly ManagedEntry[]): void {
		if (entries.length === 0) delete object.metadata.managedFields;
		else object.metadata.managedFields = encodeManagedFields(entries);
	}
}

/** Who sends ownership along corrects it; an entry without fields clears it. */
function ownership(
	live: KubernetesObject,
	object: KubernetesObject,
	options: WriteOptions,
): readonly ManagedEntry[] {
	const before = splitManaged(live);
	const after = splitManaged(object);
	const given = object.metadata.managedFields === undefined ? before : after;
	return options.own({ ...before, entries: given.entries }, after.object);
}

/** What only the server writes. */
const serverMetadata = [
	'name',
	'namespace',
	'uid',
	'creationTimestamp',
	'deletionTimestamp',
	'deletionGracePeriodSeconds',
	'generation',
	'resourceVersion',
	'generateName',
];

/** What a user wants: everything but metadata and status. */
function desiredOf(object: KubernetesObject): JsonObject {
	const { metadata, status, ...desired } = object;
	return desired as JsonObject;
}

/** A deleted object goes when nothing waits for it any more. */
export function isGone(object: KubernetesObject): boolean {
	const { deletionTimestamp, finalizers } = object.metadata;
	if (deletionTimestamp === undefined || (finalizers ?? []).length > 0) return false;
	if (object.kind === 'Namespace' && object.apiVersion === 'v1') {
		return objectAt(object, 'spec')['finalizers'] === undefined;
	}
	return (objectAt(object, 'metadata')['deletionGracePeriodSeconds'] ?? 0) === 0;
}

/** Who comes too late to hold up a deletion must not think that he does. */
function finalizerFaults(object: KubernetesObject, live: KubernetesObject): FieldFault[] {
	if (live.metadata.deletionTimestamp === undefined) return [];
	const known = live.metadata.finalizers ?? [];
	const added = (object.metadata.finalizers ?? []).filter((item) => !known.includes(item));
	if (added.length === 0) return [];
	const why = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((item) => JSON.stringify(item)).join(', ')}}`;
	return [forbiddenField('metadata.finalizers', why)];
}

/** Equal but for the times of ownership. */
function sameObject(a: KubernetesObject, b: KubernetesObject): boolean {
	return isDeepStrictEqual(withoutTimes(a), withoutTimes(b));
}

function withoutTimes(object: KubernetesObject): JsonObject {
	const entries = (object.metadata.managedFields ?? []) as JsonObject[];
	const managedFields = entries.map(({ time, ...entry }) => entry);
	return asJson({ ...object, metadata: { ...object.metadata, managedFields } });
}

function customFaults(kind: ResourceKind, object: KubernetesObject) {
	return (kind.custom?.validate(object) ?? []).map((fault) =>
		fault.missing
			? required(fault.field)
			: invalidValue(fault.field, fault.value ?? '', fault.message),
	);
}

const suffixLetters = 'bcdfghjklmnpqrstvwxz2456789';

/** Five characters without vowels, as Kubernetes makes them. */
function randomSuffix(): string {
	const bytes = Buffer.from(randomUUID().replaceAll('-', ''), 'hex');
	return [...bytes.subarray(0, 5)]
		.map((byte) => suffixLetters[byte % suffixLetters.length])
		.join('');
}
