import type { JsonObject, JsonValue } from '../runtime/json.ts';

/** Which object: everything that its URL needs. */
export interface ObjectReference {
	readonly apiVersion: string;
	readonly kind: string;
	readonly name: string;
	/** Absent for cluster-scoped kinds. */
	readonly namespace?: string;
}

/** The metadata that the project reads or writes. */
export interface ObjectMeta {
	name: string;
	namespace?: string;
	uid?: string;
	resourceVersion?: string;
	generation?: number;
	creationTimestamp?: string;
	deletionTimestamp?: string;
	labels?: Record<string, string>;
	annotations?: Record<string, string>;
	ownerReferences?: OwnerReference[];
	finalizers?: string[];
	managedFields?: JsonValue[];
}

/** A member of `metadata.ownerReferences`. */
export interface OwnerReference {
	apiVersion: string;
	kind: string;
	name: string;
	uid: string;
	controller?: boolean;
	blockOwnerDeletion?: boolean;
}

/** Any Kubernetes object. Typed views of one kind are `V1…` types of `@kubernetes/client-node`. */
export interface KubernetesObject {
	apiVersion: string;
	kind: string;
	metadata: ObjectMeta;
	spec?: JsonObject;
	status?: JsonObject;
	/** Members of kinds that have no `spec`: Secret, ConfigMap, Role, Event… */
	[member: string]: unknown;
}

/** The reference of an object. */
export function referenceOf(object: KubernetesObject): ObjectReference {
	const { apiVersion, kind, metadata } = object;
	const { name, namespace } = metadata;
	return namespace === undefined
		? { apiVersion, kind, name }
		: { apiVersion, kind, name, namespace };
}

/** The reference by which an object owns others; undefined for one that no server has stored. */
export function ownerReferenceTo(object: KubernetesObject | undefined): OwnerReference | undefined {
	if (object?.metadata.uid === undefined) return undefined;
	const { apiVersion, kind, metadata } = object;
	return { apiVersion, kind, name: metadata.name, uid: object.metadata.uid };
}

/** `Deployment edge/filter`: how objects are named in logs, Events and errors. */
export function describeReference(reference: ObjectReference): string {
	const { kind, namespace, name } = reference;
	return namespace === undefined ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}
