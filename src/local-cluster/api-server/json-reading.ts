import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';

/** What lies at the end of a path of member names. */
export function valueAt(value: unknown, ...path: readonly string[]): JsonValue | undefined {
	let current = value as JsonValue | undefined;
	for (const name of path) {
		if (!isJsonObject(current) || !Object.hasOwn(current, name)) return undefined;
		current = current[name];
	}
	return current;
}

/** The object there; an empty one where there is none. */
export function objectAt(value: unknown, ...path: readonly string[]): JsonObject {
	const found = valueAt(value, ...path);
	return isJsonObject(found) ? found : {};
}

/** The list there; an empty one where there is none. */
export function listAt(value: unknown, ...path: readonly string[]): JsonValue[] {
	const found = valueAt(value, ...path);
	return Array.isArray(found) ? found : [];
}

/** The objects of the list there. */
export function objectsAt(value: unknown, ...path: readonly string[]): JsonObject[] {
	return listAt(value, ...path).filter(isJsonObject);
}

/** The text there; the empty text where there is none. */
export function textAt(value: unknown, ...path: readonly string[]): string {
	const found = valueAt(value, ...path);
	return typeof found === 'string' ? found : '';
}

/** The number there. */
export function numberAt(value: unknown, ...path: readonly string[]): number | undefined {
	const found = valueAt(value, ...path);
	return typeof found === 'number' ? found : undefined;
}

/** The object below a path, made where it is absent. Changes `object`. */
export function ensureObject(object: JsonObject, ...path: readonly string[]): JsonObject {
	let current = object;
	for (const name of path) {
		const next = current[name];
		if (isJsonObject(next)) {
			current = next;
		} else {
			const made: JsonObject = {};
			current[name] = made;
			current = made;
		}
	}
	return current;
}

/** Sets a member that is absent. */
export function setAbsent(object: JsonObject, name: string, value: JsonValue): void {
	if (object[name] === undefined || object[name] === '') object[name] = value;
}
