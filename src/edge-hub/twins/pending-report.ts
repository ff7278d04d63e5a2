import { mergePatch, patchedTwin } from '../../protocol/twin.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';

/**
 * Reported properties that IoT Hub has not got yet. A patch cannot say that an object is to take the
 * place of another one: IoT Hub would merge both. Where an object was deleted and reported anew, or
 * was a value in between, IoT Hub has to delete its own first.
 */
export interface PendingReport {
	/** Goes first where it is there: null for each object that must not be merged with IoT Hub's. */
	readonly cleared?: JsonObject;
	/** All that was reported, later patches laid over earlier ones; nulls delete. */
	readonly patch: JsonObject;
}

/** @returns what is pending when a client reports a patch on top of what is pending already */
export function pendingWith(pending: PendingReport | undefined, patch: JsonObject): PendingReport {
	const before = pending?.patch ?? {};
	const merged = mergePatch(before, patch, { nullDeletes: false });
	const cleared = union(pending?.cleared ?? {}, replacedObjects(before, patch));
	const needed = onlyObjectsOf(merged, cleared);
	return { patch: merged, ...(isEmpty(needed) ? {} : { cleared: needed }) };
}

/** The patches to send, in this order. */
export function patchesOf({ cleared, patch }: PendingReport): readonly JsonObject[] {
	return cleared === undefined ? [patch] : [cleared, patch];
}

/** IoT Hub's reported properties as they will be when it has got what is pending. */
export function withPending(reported: JsonObject, pending: PendingReport | undefined): JsonObject {
	const patches = pending === undefined ? [] : patchesOf(pending);
	return patches.reduce(patchedTwin, reported);
}

/** Null where `patch` has an object and `before` something else. */
function replacedObjects(before: JsonObject, patch: JsonObject): JsonObject {
	return mapped(patch, (name, value) => {
		if (!isJsonObject(value) || !Object.hasOwn(before, name)) return undefined;
		const old = before[name];
		return isJsonObject(old) ? nonEmpty(replacedObjects(old, value)) : null;
	});
}

/** Whatever one of both clears; who clears an object clears all within it. */
function union(one: JsonObject, other: JsonObject): JsonObject {
	return mapped({ ...one, ...other }, (name, value) => {
		const first = Object.hasOwn(one, name) ? one[name] : undefined;
		const both = isJsonObject(first) && isJsonObject(value);
		return first === null ? null : both ? union(first, value) : value;
	});
}

/** What is cleared, without names that are no objects in the patch that follows: it replaces them anyway. */
function onlyObjectsOf(patch: JsonObject, cleared: JsonObject): JsonObject {
	return mapped(cleared, (name, value) => {
		const coming = Object.hasOwn(patch, name) ? patch[name] : undefined;
		if (!isJsonObject(coming)) return undefined;
		return isJsonObject(value) ? nonEmpty(onlyObjectsOf(coming, value)) : value;
	});
}

/** The members for which `map` gives something. Safe for names such as `__proto__`. */
function mapped(
	object: JsonObject,
	map: (name: string, value: JsonValue | undefined) => JsonValue | undefined,
): JsonObject {
	const entries = Object.entries(object).map(([name, value]) => [name, map(name, value)] as const);
	return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function nonEmpty(object: JsonObject): JsonObject | undefined {
	return isEmpty(object) ? undefined : object;
}

function isEmpty(object: JsonObject): boolean {
	return Object.keys(object).length === 0;
}
