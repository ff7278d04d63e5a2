/** Any JSON value. */
export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;

/** A JSON object. Reading a member gives `undefined` where it is absent. */
export interface JsonObject {
	[name: string]: JsonValue | undefined;
}

/** Whether a value is a JSON object: not null, not an array. */
export function isJsonObject(value: unknown): value is JsonObject {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A foreign value as text: scalars as they read, everything else as JSON. `String` would call an
 * object's own `toString`, which in foreign JSON is any value, and throws where that is no function.
 */
export function jsonText(value: JsonValue | undefined): string {
	return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}

/**
 * A value whose texts and names can be written as UTF-8: half of a surrogate pair, which JSON can
 * escape, becomes the replacement character, as every receiver would have it.
 */
export function wellFormed<Value extends JsonValue>(value: Value): Value {
	// JSON.stringify escapes what is not well-formed; a text that only looks so is copied as it is.
	return /\\ud[89a-f]/.test(JSON.stringify(value)) ? (mended(value) as Value) : value;
}

function mended(value: JsonValue | undefined): JsonValue | undefined {
	if (typeof value === 'string') return value.toWellFormed();
	if (Array.isArray(value)) return value.map((item) => mended(item) ?? null);
	if (!isJsonObject(value)) return value;
	return Object.fromEntries(
		Object.entries(value).map(([name, member]) => [name.toWellFormed(), mended(member)]),
	);
}
