import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import type { JsonObject } from '../../../runtime/json.ts';
import type { KindRules } from '../rules/kind-rules.ts';
import type { StructSchema } from '../schema/schema.ts';
import type { Column } from '../table/column.ts';

/** A kind of objects that the server keeps, or answers about. */
export interface ResourceKind {
	readonly group: string;
	readonly version: string;
	readonly kind: string;
	readonly plural: string;
	readonly singular: string;
	readonly shortNames: readonly string[];
	readonly categories: readonly string[];
	readonly namespaced: boolean;
	readonly schema: StructSchema;
	readonly columns: readonly Column[];
	readonly rules: KindRules;
	/** Clients write `status` through a door of its own only. */
	readonly hasStatus: boolean;
	readonly scale: ScalePaths | undefined;
	/** Subresources besides `status` and `scale`, with the kind they take and give and their verbs. */
	readonly subresources: readonly Subresource[];
	/** `metadata.generation` counts changes of what is desired. */
	readonly tracksGeneration: boolean;
	/** An update without a resourceVersion overwrites. */
	readonly unconditionalUpdate: boolean;
	/** Nothing is kept: an object is a question, and its `status` the answer. */
	readonly isQuestion: boolean;
	/** Fields besides name and namespace that a field selector may name. */
	readonly selectableFields: readonly string[];
	/** Served by a CustomResourceDefinition. */
	readonly custom: CustomKind | undefined;
	/** Another kind as which the objects are kept. */
	readonly keptAs: KeptAs | undefined;
}

/** How a kind shows objects of another one. */
export interface KeptAs {
	readonly kind: ResourceKind;
	/** The object that is kept for one of this kind. */
	readonly toKept: (object: JsonObject) => JsonObject;
	/** The object of this kind that shows one that is kept. */
	readonly fromKept: (object: JsonObject) => JsonObject;
	/** A field selector in the words of the kept kind. */
	readonly selector: (text: string) => string;
}

/** The kind as which objects are kept: mostly the kind itself. */
export function keptKind(kind: ResourceKind): ResourceKind {
	return kind.keptAs?.kind ?? kind;
}

/** Where an object keeps what the `scale` subresource shows, as member names. */
export interface ScalePaths {
	readonly specReplicas: readonly string[];
	readonly statusReplicas: readonly string[];
	/** Leads to a LabelSelector, or to its text; absent: the subresource has no selector. */
	readonly selector: readonly string[] | undefined;
}

/** A subresource in discovery. */
export interface Subresource {
	readonly name: string;
	readonly kind: string;
	readonly group?: string;
	readonly version?: string;
	readonly verbs: readonly string[];
}

/** What is known of a custom kind alone. */
export interface CustomKind {
	/** Its schema as it is written in the definition, for clients and validation. */
	readonly openApiSchema: object;
	/** Faults of an object by that schema. */
	readonly validate: (object: KubernetesObject) => readonly SchemaFault[];
	/** Fills in the defaults of that schema, in place. */
	readonly setDefaults: (object: KubernetesObject) => void;
}

/** One place where a custom object breaks its schema. */
export interface SchemaFault {
	readonly field: string;
	readonly message: string;
	readonly missing: boolean;
	readonly value?: unknown;
}

/** `apps/v1`, or `v1` in the core group. */
export function apiVersionOf(kind: { readonly group: string; readonly version: string }): string {
	return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
}
