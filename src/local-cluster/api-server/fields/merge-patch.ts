import { isJsonObject, type JsonObject, type JsonValue } from '../../../runtime/json.ts';

/** Applies a JSON merge patch [RFC 7396]: objects are merged, null deletes, all else replaces. */
export function applyMergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
	if (!isJsonObject(patch)) return patch;
	const base: JsonObject = isJsonObject(target) ? target : {};
	const members = new Map(Object.entries(base));
	for (const [name, value] of Object.entries(patch)) {
		if (value === null || value === undefined) members.delete(name);
		else members.set(name, applyMergePatch(members.get(name), value));
	}
	return Object.fromEntries(members);
}
