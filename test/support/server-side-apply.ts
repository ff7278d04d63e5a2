import { itemKeys } from '../../src/edge-agent/plan/list-keys.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/runtime/json.ts';

/** Takes out what a manager declared before and no longer does. */
export function withoutDropped(live: JsonObject, before: JsonObject, now: JsonObject): JsonObject {
	const kept: JsonObject = {};
	for (const [name, value] of Object.entries(live)) {
		const was = before[name];
		const is = now[name];
		if (was !== undefined && is === undefined && !isComposite(was)) continue;
		kept[name] = withoutDroppedValue(name, value, was, is);
		if (was !== undefined && is === undefined && isEmpty(kept[name])) delete kept[name];
	}
	return kept;
}

function withoutDroppedValue(
	name: string,
	live: JsonValue | undefined,
	was: JsonValue | undefined,
	is: JsonValue | undefined,
): JsonValue | undefined {
	if (isJsonObject(live) && isJsonObject(was)) {
		return withoutDropped(live, was, isJsonObject(is) ? is : {});
	}
	if (!Array.isArray(live) || !Array.isArray(was)) return live;
	return withoutDroppedItems(name, live, was, is);
}

function withoutDroppedItems(
	name: string,
	live: readonly JsonValue[],
	was: readonly JsonValue[],
	is: JsonValue | undefined,
): JsonValue[] {
	const liveItems = byKey(name, live);
	const wasItems = byKey(name, was);
	if (liveItems === undefined || wasItems === undefined) return is === undefined ? [] : [...live];
	const isItems = byKey(name, Array.isArray(is) ? is : []) ?? new Map<string, JsonValue>();
	const kept: JsonValue[] = [];
	for (const [key, item] of liveItems) {
		const old = wasItems.get(key);
		const declared = isItems.get(key);
		if (old !== undefined && declared === undefined) continue;
		kept.push(withoutDroppedValue('', item, old, declared) as JsonValue);
	}
	return kept;
}

/** Sets what a manager declares; everything else stays. */
export function applied(live: JsonObject, declared: JsonObject): JsonObject {
	const result = { ...live };
	for (const [name, value] of Object.entries(declared)) {
		result[name] = appliedValue(name, live[name], value);
	}
	return result;
}

function appliedValue(
	name: string,
	live: JsonValue | undefined,
	declared: JsonValue | undefined,
): JsonValue | undefined {
	if (isJsonObject(live) && isJsonObject(declared)) return applied(live, declared);
	if (!Array.isArray(live) || !Array.isArray(declared)) return declared;
	const liveItems = byKey(name, live);
	const declaredItems = byKey(name, declared);
	if (liveItems === undefined || declaredItems === undefined) return declared;
	const result = new Map(liveItems);
	for (const [key, item] of declaredItems) {
		result.set(key, appliedValue('', liveItems.get(key), item) as JsonValue);
	}
	return [...result.values()];
}

function byKey(name: string, list: readonly JsonValue[]): Map<string, JsonValue> | undefined {
	const keys = itemKeys(name, list);
	return keys && new Map(list.map((item, index) => [keys[index] ?? '', item]));
}

function isComposite(value: JsonValue): boolean {
	return typeof value === 'object' && value !== null;
}

function isEmpty(value: JsonValue | undefined): boolean {
	return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/** A JSON merge patch. */
export function merged(target: JsonValue | undefined, patch: JsonValue): JsonValue {
	if (!isJsonObject(patch)) return patch;
	const result: JsonObject = isJsonObject(target) ? { ...target } : {};
	for (const [name, value] of Object.entries(patch)) {
		if (value === null) delete result[name];
		else if (value !== undefined) result[name] = merged(result[name], value);
	}
	return result;
}
