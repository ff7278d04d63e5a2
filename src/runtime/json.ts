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
