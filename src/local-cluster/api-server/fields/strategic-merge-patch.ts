import { isDeepStrictEqual } from 'node:util';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../runtime/json.ts';
import {
	anySchema,
	type ListSchema,
	type MapSchema,
	memberSchema,
	type Schema,
	type StructSchema,
} from '../schema/schema.ts';
import { PatchError } from './json-patch.ts';

const setOrderPrefix = '$setElementOrder/';
const deletePrefix = '$deleteFromPrimitiveList/';

/**
 * Applies a strategic merge patch: a merge patch that knows which lists are merged by which key.
 * Understands the directives `$patch: replace|delete|merge`, `$retainKeys`,
 * `$deleteFromPrimitiveList/<list>` and `$setElementOrder/<list>`.
 *
 * @throws PatchError when the patch does not fit the schema.
 */
export function applyStrategicMergePatch(
	target: JsonObject,
	patch: JsonObject,
	schema: Schema,
): JsonObject {
	return mergeObject(target, patch, schema) ?? {};
}

function mergeObject(
	target: JsonObject | undefined,
	patch: JsonObject,
	schema: Schema,
): JsonObject | undefined {
	const directive = patch['$patch'];
	if (directive === 'delete') return undefined;
	if (directive === 'replace') return withoutDirectives(patch);
	if (directive !== undefined && directive !== 'merge') {
		throw new PatchError(`Unknown patch directive ${JSON.stringify(directive)}`);
	}
	const members = new Map(Object.entries(target ?? {}));
	retainKeys(members, patch['$retainKeys']);
	for (const name of patchedMembers(patch)) {
		const value = patch[name];
		const merged = mergeMember(members.get(name), value, memberOf(schema, name), patch, name);
		if (merged === undefined) members.delete(name);
		else members.set(name, merged);
	}
	return Object.fromEntries(members);
}

/** Members that the patch names, also where only a directive does. */
function patchedMembers(patch: JsonObject): Set<string> {
	const names = Object.keys(patch).map((name) =>
		name.startsWith(deletePrefix) || name.startsWith(setOrderPrefix)
			? name.slice(name.indexOf('/') + 1)
			: name,
	);
	return new Set(names.filter((name) => name !== '$patch' && name !== '$retainKeys'));
}

function retainKeys(members: Map<string, unknown>, keys: JsonValue | undefined): void {
	if (!Array.isArray(keys)) return;
	for (const name of members.keys()) if (!keys.includes(name)) members.delete(name);
}

function mergeMember(
	target: JsonValue | undefined,
	value: JsonValue | undefined,
	schema: Schema,
	patch: JsonObject,
	name: string,
): JsonValue | undefined {
	if (value === null) return undefined;
	const order = patch[setOrderPrefix + name];
	const deleted = patch[deletePrefix + name];
	if (Array.isArray(value) || order !== undefined || deleted !== undefined) {
		const current = Array.isArray(target) ? target : [];
		const list = schema.kind === 'list' ? schema : undefined;
		return mergeList(target === undefined, current, { value, order, deleted }, list);
	}
	if (isJsonObject(value)) {
		return mergeObject(isJsonObject(target) ? target : undefined, value, schema);
	}
	return value;
}

interface ListPatch {
	readonly value: JsonValue | undefined;
	readonly order: JsonValue | undefined;
	readonly deleted: JsonValue | undefined;
}

function mergeList(
	absent: boolean,
	current: readonly JsonValue[],
	patch: ListPatch,
	schema: ListSchema | undefined,
): JsonValue | undefined {
	const added = Array.isArray(patch.value) ? patch.value : [];
	if (schema?.mergeKey !== undefined) {
		const merged = mergeByKey(current, added, schema, schema.mergeKey);
		return absent && patch.value === undefined
			? undefined
			: ordered(merged, patch.order, schema.mergeKey);
	}
	if (schema?.topology !== 'set') return patch.value ?? [...current];
	const doomed = Array.isArray(patch.deleted) ? patch.deleted : [];
	const united = [...current.filter((item) => !doomed.includes(item))];
	for (const item of added) if (!united.includes(item)) united.push(item);
	return ordered(united, patch.order, undefined);
}

function mergeByKey(
	current: readonly JsonValue[],
	added: readonly JsonValue[],
	schema: ListSchema,
	key: string,
): JsonValue[] {
	if (added.some((item) => isJsonObject(item) && item['$patch'] === 'replace')) {
		return added.filter((item) => !(isJsonObject(item) && '$patch' in item)).map(clean);
	}
	let merged = [...current];
	for (const item of added) {
		if (!isJsonObject(item) || item[key] === undefined) {
			throw new PatchError(
				`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`,
			);
		}
		merged = mergeItem(merged, item, schema, key);
	}
	return merged;
}

function mergeItem(
	items: readonly JsonValue[],
	item: JsonObject,
	schema: ListSchema,
	key: string,
): JsonValue[] {
	const isSame = (other: JsonValue) => isJsonObject(other) && other[key] === item[key];
	if (item['$patch'] === 'delete') return items.filter((other) => !isSame(other));
	const at = items.findIndex(isSame);
	const target = items[at];
	const result = mergeObject(isJsonObject(target) ? target : {}, item, schema.element) ?? {};
	return at < 0 ? [...items, result] : items.with(at, result);
}

/** Puts elements that the order names into that order; the others keep their places among them. */
function ordered(
	items: readonly JsonValue[],
	order: JsonValue | undefined,
	key: string | undefined,
): JsonValue[] {
	if (!Array.isArray(order)) return [...items];
	const identity = (item: JsonValue) =>
		key !== undefined && isJsonObject(item) ? item[key] : item;
	const rank = (item: JsonValue) =>
		order.findIndex((entry) => isDeepStrictEqual(identity(entry), identity(item)));
	const named = items.filter((item) => rank(item) >= 0).sort((a, b) => rank(a) - rank(b));
	let next = 0;
	return items.map((item) => (rank(item) >= 0 ? (named[next++] ?? item) : item));
}

function memberOf(schema: Schema, name: string): Schema {
	if (schema.kind !== 'struct' && schema.kind !== 'map') return anySchema;
	return memberSchema(schema as StructSchema | MapSchema, name);
}

function withoutDirectives(value: JsonObject): JsonObject {
	const members = Object.entries(value).filter(([name]) => !name.startsWith('$'));
	return Object.fromEntries(members.map(([name, member]) => [name, clean(member ?? null)]));
}

/** A patch's value as it is stored: without directives. */
function clean(value: JsonValue): JsonValue {
	if (Array.isArray(value)) return value.map(clean);
	return isJsonObject(value) ? withoutDirectives(value) : value;
}
