import { isJsonObject, type JsonObject, type JsonValue } from '../runtime/json.ts';

/** Both halves of a twin as its owner reads them; each carries its `$version`. */
export interface TwinProperties {
	desired: JsonObject;
	reported: JsonObject;
}

/** How a patch is laid over a document. */
export interface MergeOptions {
	/**
	 * True: a null deletes the member it names. False: nulls are kept, as when two patches become
	 * one that is sent later.
	 */
	readonly nullDeletes: boolean;
}

/**
 * Lays a JSON merge patch over a document: objects merge member by member, everything else,
 * arrays too, is replaced. Neither argument is changed. An object that is new to the base is taken
 * as it stands, nulls within it included.
 */
export function mergePatch(
	base: JsonObject,
	patch: JsonObject,
	{ nullDeletes }: MergeOptions,
): JsonObject {
	const merged = new Map(Object.entries(base));
	for (const [name, value] of Object.entries(patch)) {
		if (value === undefined) continue;
		if (value === null && nullDeletes) {
			merged.delete(name);
			continue;
		}
		const old = merged.get(name);
		const both = isJsonObject(old) && isJsonObject(value);
		merged.set(name, both ? mergePatch(old, value, { nullDeletes }) : value);
	}
	return Object.fromEntries(merged);
}

/**
 * Lays a patch over one half of a twin. Nulls delete, and none is left: of an object that is new to the
 * base, too, IoT Hub keeps only what is not null.
 */
export function patchedTwin(base: JsonObject, patch: JsonObject): JsonObject {
	return withoutNulls(mergePatch(base, patch, { nullDeletes: true }));
}

/** An object without members that are null, at any depth; lists stay as they are. */
export function withoutNulls(object: JsonObject): JsonObject {
	const entries = Object.entries(object).filter(([, value]) => value !== null);
	return Object.fromEntries(
		entries.map(([name, value]) => [name, isJsonObject(value) ? withoutNulls(value) : value]),
	);
}

/** The patch that turns `from` into `to`: a member that is gone becomes null, an array is replaced. */
export function diff(from: JsonObject, to: JsonObject): JsonObject {
	const patch = new Map<string, JsonValue>();
	for (const name of Object.keys(from)) {
		if (!Object.hasOwn(to, name)) patch.set(name, null);
	}
	for (const [name, value] of Object.entries(to)) {
		const old = Object.hasOwn(from, name) ? from[name] : undefined;
		if (value === undefined || sameJson(old, value)) continue;
		patch.set(name, isJsonObject(old) && isJsonObject(value) ? diff(old, value) : value);
	}
	return Object.fromEntries(patch);
}

/** Whether two JSON values are equal; the order of an object's members does not count. */
export function sameJson(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
	if (a === b) return true;
	if (Array.isArray(a) && Array.isArray(b)) {
		return a.length === b.length && a.every((item, index) => sameJson(item, b[index]));
	}
	if (!isJsonObject(a) || !isJsonObject(b)) return false;
	const names = Object.keys(a);
	return (
		names.length === Object.keys(b).length &&
		names.every((name) => Object.hasOwn(b, name) && sameJson(a[name], b[name]))
	);
}

/** Properties without the `$version` and `$metadata` that IoT Hub adds at the top. */
export function stripMetadata(properties: JsonObject): JsonObject {
	return Object.fromEntries(
		Object.entries(properties).filter(([name]) => name !== '$version' && name !== '$metadata'),
	);
}

/** The `$version` of one half of a twin; 0 where it has none. */
export function versionOf(properties: JsonObject): number {
	const version = properties['$version'];
	return typeof version === 'number' ? version : 0;
}
