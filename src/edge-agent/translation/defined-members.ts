import type { JsonObject, JsonValue } from '../../runtime/json.ts';

/** The members of an object that have a value, in their order; empty lists and objects have none. */
export function definedMembers(object: {
	readonly [name: string]: JsonValue | undefined;
}): JsonObject {
	return Object.fromEntries(Object.entries(object).filter(([, value]) => !isEmpty(value)));
}

function isEmpty(value: JsonValue | undefined): boolean {
	if (value === undefined) return true;
	return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
