import { isDeepStrictEqual } from 'node:util';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../runtime/json.ts';
import {
	deduceSchema,
	type ListSchema,
	type MapSchema,
	memberSchema,
	type Schema,
	type StructSchema,
} from '../schema/schema.ts';
import { descend, type FieldSet, type MutableFieldSet, newFieldSet } from './field-set.ts';
import { indexList, listElement, memberElement } from './list-element.ts';

/** Whether one manager owns a value of this schema as a whole. */
export function isLeaf(schema: Exclude<Schema, { kind: 'any' }>): boolean {
	if (schema.kind === 'struct' || schema.kind === 'map') return schema.atomic;
	return schema.kind !== 'list' || schema.topology === 'atomic';
}

/** The fields that a value declares: its leaves, its list elements, its empty objects and lists. */
export function fieldSetOf(value: JsonValue, schema: Schema): FieldSet {
	const set = newFieldSet();
	collect(value, schema, set);
	return set;
}

function collect(value: JsonValue, anySchema: Schema, set: MutableFieldSet): void {
	const schema = deduceSchema(anySchema, value);
	if (isLeaf(schema) || typeof value !== 'object' || value === null) {
		set.member = true;
	} else if (Array.isArray(value)) {
		collectList(value, schema as ListSchema, set);
	} else {
		collectMembers(value, schema as StructSchema | MapSchema, set);
	}
}

function collectMembers(
	value: JsonObject,
	schema: StructSchema | MapSchema,
	set: MutableFieldSet,
): void {
	const members = Object.entries(value).filter((entry) => entry[1] !== undefined);
	if (members.length === 0) set.member = true;
	for (const [name, member] of members) {
		const child = descend(set, memberElement(name));
		collect(member as JsonValue, memberSchema(schema, name), child);
		if (schema.kind === 'map' || !schema.fields.has(name)) child.member = true;
	}
}

function collectList(items: readonly JsonValue[], schema: ListSchema, set: MutableFieldSet): void {
	if (items.length === 0) set.member = true;
	for (const item of items) {
		const element = listElement(schema, item);
		if (element === undefined) {
			set.member = true;
			continue;
		}
		const child = descend(set, element);
		child.member = true;
		if (schema.topology === 'map') collect(item, schema.element, child);
	}
}

/** How a value became another one. */
export interface Comparison {
	/** Fields that are new or have another value. */
	readonly changed: FieldSet;
	/** Fields that are gone. */
	readonly removed: FieldSet;
}

/** Compares two values field by field. */
export function compare(
	before: JsonValue | undefined,
	after: JsonValue | undefined,
	schema: Schema,
): Comparison {
	const changed = newFieldSet();
	const removed = newFieldSet();
	compareInto({ changed, removed }, before, after, schema);
	return { changed, removed };
}

interface MutableComparison {
	readonly changed: MutableFieldSet;
	readonly removed: MutableFieldSet;
}

function compareInto(
	into: MutableComparison,
	before: JsonValue | undefined,
	after: JsonValue | undefined,
	anySchema: Schema,
): void {
	if (before === after) return;
	const schema = deduceSchema(anySchema, after ?? before);
	if (after === undefined) into.removed.member = true;
	if (before === undefined && (isLeaf(schema) || schema.kind === 'map' || isEmpty(after))) {
		into.changed.member = true;
	}
	if (isLeaf(schema) || !sameShape(before, after)) {
		compareLeaf(into, before, after);
	} else if (schema.kind === 'list') {
		compareLists(into, (before ?? []) as JsonValue[], (after ?? []) as JsonValue[], schema);
	} else {
		const members = [(before ?? {}) as JsonObject, (after ?? {}) as JsonObject] as const;
		compareMembers(into, members[0], members[1], schema as StructSchema | MapSchema);
	}
}

function compareLeaf(
	into: MutableComparison,
	before: JsonValue | undefined,
	after: JsonValue | undefined,
): void {
	if (before === undefined || after === undefined) return;
	if (!isDeepStrictEqual(before, after)) into.changed.member = true;
}

function isEmpty(value: JsonValue | undefined): boolean {
	return typeof value !== 'object' || value === null || Object.keys(value).length === 0;
}

/** Both are objects, both are lists, or one is absent and the other one is no scalar. */
function sameShape(before: JsonValue | undefined, after: JsonValue | undefined): boolean {
	const present = before ?? after;
	if (Array.isArray(present)) {
		return (before === undefined || Array.isArray(before)) && isListOrAbsent(after);
	}
	return isObjectOrAbsent(before) && isObjectOrAbsent(after);
}

function isListOrAbsent(value: JsonValue | undefined): boolean {
	return value === undefined || Array.isArray(value);
}

function isObjectOrAbsent(value: JsonValue | undefined): boolean {
	return value === undefined || isJsonObject(value);
}

function compareMembers(
	into: MutableComparison,
	before: JsonObject,
	after: JsonObject,
	schema: StructSchema | MapSchema,
): void {
	for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
		if (isDeepStrictEqual(before[name], after[name])) continue;
		compareChild(into, memberElement(name), (child) =>
			compareInto(child, before[name], after[name], memberSchema(schema, name)),
		);
	}
}

function compareLists(
	into: MutableComparison,
	before: readonly JsonValue[],
	after: readonly JsonValue[],
	schema: ListSchema,
): void {
	const old = indexList(schema, before);
	const current = indexList(schema, after);
	if (old === undefined || current === undefined) {
		compareLeaf(into, [...before], [...after]);
		return;
	}
	for (const element of new Set([...old.keys(), ...current.keys()])) {
		const [from, to] = [old.get(element), current.get(element)];
		if (isDeepStrictEqual(from, to)) continue;
		compareChild(into, element, (child) => {
			if (from === undefined) child.changed.member = true;
			compareInto(child, from, to, schema.element);
		});
	}
}

/** Compares below a path element and drops the nodes that stayed empty. */
function compareChild(
	into: MutableComparison,
	element: string,
	action: (child: MutableComparison) => void,
): void {
	const child = { changed: newFieldSet(), removed: newFieldSet() };
	action(child);
	for (const side of ['changed', 'removed'] as const) {
		const set = child[side];
		if (set.member || set.children.size > 0) into[side].children.set(element, set);
	}
}

/** The set, and every struct field that lies on the way to one of its paths. */
export function withNamedFields(set: FieldSet, schema: Schema): FieldSet {
	const children = new Map<string, FieldSet>();
	for (const [element, child] of set.children) {
		const below = withNamedFields(child, schemaBelow(schema, element));
		const named = schema.kind === 'struct' && schema.fields.has(element.slice(2));
		children.set(element, { member: child.member || named, children: below.children });
	}
	return { member: set.member, children };
}

function schemaBelow(schema: Schema, element: string): Schema {
	if (schema.kind === 'list') return schema.element;
	if (schema.kind === 'struct' || schema.kind === 'map') {
		return memberSchema(schema, element.slice(2));
	}
	return schema;
}

/** The value without the fields of a set; what becomes empty by that goes as well. */
export function removeFields(
	value: JsonValue,
	set: FieldSet,
	anySchema: Schema,
): JsonValue | undefined {
	const schema = deduceSchema(anySchema, value);
	if (isLeaf(schema) || set.children.size === 0) return value;
	if (Array.isArray(value)) return removeFromList(value, set, schema as ListSchema);
	if (!isJsonObject(value)) return value;
	const kept: [string, JsonValue | undefined][] = [];
	for (const [name, member] of Object.entries(value)) {
		const child = set.children.get(memberElement(name));
		if (child?.member || member === undefined) continue;
		const below = memberSchema(schema as StructSchema | MapSchema, name);
		const rest = child === undefined ? member : removeFields(member, child, below);
		if (rest !== undefined) kept.push([name, rest]);
	}
	if (kept.length === 0 && Object.keys(value).length > 0) return undefined;
	return Object.fromEntries(kept);
}

function removeFromList(
	items: readonly JsonValue[],
	set: FieldSet,
	schema: ListSchema,
): JsonValue | undefined {
	const kept: JsonValue[] = [];
	for (const item of items) {
		const element = listElement(schema, item);
		const child = element === undefined ? undefined : set.children.get(element);
		if (child?.member) continue;
		const rest = child === undefined ? item : removeFields(item, child, schema.element);
		if (rest !== undefined) kept.push(rest);
	}
	return kept.length === 0 && items.length > 0 ? undefined : kept;
}
