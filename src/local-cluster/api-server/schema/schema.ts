import type { JsonValue } from '../../../runtime/json.ts';

/** The shapes of single values. `quantity`, `time`, `bytes` are strings of a special form. */
export type ScalarKind =
	| 'string'
	| 'int'
	| 'number'
	| 'bool'
	| 'quantity'
	| 'intOrString'
	| 'time'
	| 'bytes';

/** A single value. */
export interface ScalarSchema {
	readonly kind: ScalarKind;
	/** The only values that are allowed. */
	readonly values?: readonly string[];
}

/** A member of a struct. */
export interface Field {
	readonly schema: Schema;
	/** Its number in the Protobuf message; absent for custom kinds, which have none. */
	readonly number?: number;
	readonly required: boolean;
	/** The value that the server sets where a client leaves the field out. */
	readonly default?: JsonValue;
	/** Strategic merge: a patch that lists `$retainKeys` drops the other members. */
	readonly retainKeys: boolean;
}

/** Members that in Protobuf are a message of their own. */
export interface SpreadFields {
	readonly number: number;
	readonly schema: StructSchema;
}

/** An object whose members are known. */
export interface StructSchema {
	readonly kind: 'struct';
	readonly name: string;
	/** All of them, those that are spread included. */
	readonly fields: ReadonlyMap<string, Field>;
	readonly spread: readonly SpreadFields[];
	/** One field manager owns it as a whole. */
	readonly atomic: boolean;
	/** Members that are not known are kept, not refused. */
	readonly open: boolean;
}

/** An object whose member names are data, such as labels. */
export interface MapSchema {
	readonly kind: 'map';
	readonly element: Schema;
	readonly atomic: boolean;
}

/**
 * A list. Its topology says what one field manager can own: the whole list (atomic), single
 * elements told apart by some of their members (map), or single scalars (set).
 */
export interface ListSchema {
	readonly kind: 'list';
	readonly element: Schema;
	readonly topology: 'atomic' | 'map' | 'set';
	/** The members that tell the elements of a map list apart. */
	readonly keys: readonly string[];
	/** Strategic merge: elements are merged by this member; absent: the list is replaced or, for a set, united. */
	readonly mergeKey?: string;
}

/** Anything; what it is is seen from the value. */
export interface AnySchema {
	readonly kind: 'any';
}

/** What a value may look like, and how field managers and patches may divide it. */
export type Schema = ScalarSchema | StructSchema | MapSchema | ListSchema | AnySchema;

/** The schema of values about which nothing is known. */
export const anySchema: AnySchema = { kind: 'any' };

const openMap: MapSchema = { kind: 'map', element: anySchema, atomic: false };
const openList: ListSchema = {
	kind: 'list',
	element: anySchema,
	topology: 'atomic',
	keys: [],
};
const openScalar: ScalarSchema = { kind: 'string' };

/** The schema itself or, for `any`, what the value shows: objects are divisible, lists are not. */
export function deduceSchema(schema: Schema, value: unknown): Exclude<Schema, AnySchema> {
	if (schema.kind !== 'any') return schema;
	if (Array.isArray(value)) return openList;
	return typeof value === 'object' && value !== null ? openMap : openScalar;
}

/** The schema of an object's member; `any` where the member is not known. */
export function memberSchema(schema: StructSchema | MapSchema, name: string): Schema {
	if (schema.kind === 'map') return schema.element;
	return schema.fields.get(name)?.schema ?? anySchema;
}

/** The schema at the end of a path of member names. */
export function schemaAt(schema: Schema, ...path: readonly string[]): Schema {
	let current = schema;
	for (const name of path) {
		if (current.kind !== 'struct' && current.kind !== 'map') return anySchema;
		current = memberSchema(current, name);
	}
	return current;
}
