import { isJsonObject, type JsonObject, type JsonValue } from '../../../runtime/json.ts';
import type { ListSchema } from '../schema/schema.ts';

/** The path element of a member: `f:image`. */
export function memberElement(name: string): string {
	return `f:${name}`;
}

/**
 * The path element that tells an element of a map list or a set apart from its neighbours.
 *
 * @returns undefined for an element that lacks every key.
 */
export function listElement(schema: ListSchema, item: JsonValue): string | undefined {
	if (schema.topology === 'set') return `v:${JSON.stringify(item)}`;
	if (!isJsonObject(item)) return undefined;
	const keys: JsonObject = {};
	for (const key of [...schema.keys].sort()) {
		const value = item[key] ?? keyDefault(schema, key);
		if (value !== undefined) keys[key] = value;
	}
	return Object.keys(keys).length === 0 ? undefined : `k:${JSON.stringify(keys)}`;
}

function keyDefault(schema: ListSchema, key: string): JsonValue | undefined {
	const { element } = schema;
	return element.kind === 'struct' ? element.fields.get(key)?.default : undefined;
}

/** The elements of a list by their path elements, the first of equals; undefined where one has no key. */
export function indexList(
	schema: ListSchema,
	items: readonly JsonValue[],
): ReadonlyMap<string, JsonValue> | undefined {
	const index = new Map<string, JsonValue>();
	for (const item of items) {
		const element = listElement(schema, item);
		if (element === undefined) return undefined;
		if (!index.has(element)) index.set(element, item);
	}
	return index;
}
