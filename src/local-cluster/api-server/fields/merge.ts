import { isJsonObject, type JsonObject, type JsonValue } from '../../../runtime/json.ts';
import {
	deduceSchema,
	type ListSchema,
	type MapSchema,
	memberSchema,
	type Schema,
	type StructSchema,
} from '../schema/schema.ts';
import { isLeaf } from './field-walk.ts';
import { listElement } from './list-element.ts';

/** A live value with everything that a configuration declares laid over it. Neither is changed. */
export function mergeTyped(
	live: JsonValue | undefined,
	config: JsonValue | undefined,
	anySchema: Schema,
): JsonValue | undefined {
	if (config === undefined) return live;
	if (live === undefined) return config;
	const schema = deduceSchema(anySchema, config);
	if (isLeaf(schema)) return config;
	if (Array.isArray(live) && Array.isArray(config)) {
		return mergeLists(live, config, schema as ListSchema);
	}
	if (!isJsonObject(live) || !isJsonObject(config)) return config;
	return mergeMembers(live, config, schema as StructSchema | MapSchema);
}

function mergeMembers(
	live: JsonObject,
	config: JsonObject,
	schema: StructSchema | MapSchema,
): JsonObject {
	const names = new Set([...Object.keys(live), ...Object.keys(config)]);
	const merged = [...names].map((name): [string, JsonValue | undefined] => [
		name,
		mergeTyped(live[name], config[name], memberSchema(schema, name)),
	]);
	return Object.fromEntries(merged);
}

/**
 * The elements of both lists: the configuration decides the order of its own elements, the others
 * stay next to their old neighbours.
 */
function mergeLists(
	live: readonly JsonValue[],
	config: readonly JsonValue[],
	schema: ListSchema,
): JsonValue[] {
	const declared = new Map(config.map((item) => [elementOf(schema, item), item]));
	const present = new Map(live.map((item) => [elementOf(schema, item), item]));
	const merged: JsonValue[] = [];
	const rest = [...declared.keys()];
	const emitDeclared = (element: string) => {
		const item = mergeTyped(present.get(element), declared.get(element), schema.element);
		if (item !== undefined) merged.push(item);
	};
	for (const item of live) {
		const element = elementOf(schema, item);
		if (!declared.has(element)) {
			merged.push(item);
			continue;
		}
		if (!rest.includes(element)) continue;
		for (const next of rest.splice(0, rest.indexOf(element) + 1)) emitDeclared(next);
	}
	for (const element of rest) emitDeclared(element);
	return merged;
}

/** Elements without keys are told apart by their whole value. */
function elementOf(schema: ListSchema, item: JsonValue): string {
	return listElement(schema, item) ?? JSON.stringify(item);
}
