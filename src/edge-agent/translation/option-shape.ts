import { isJsonObject, type JsonValue, jsonText } from '../../runtime/json.ts';
import type { OptionShape } from './create-options-table.ts';

/** How a shape is called in messages. */
export const shapeNames: Record<OptionShape, string> = {
	string: 'a string',
	strings: 'a list of strings',
	boolean: 'true or false',
	integer: 'a number',
	object: 'an object',
	list: 'a list',
	any: 'any value',
};

/** A value in the shape asked for: `"true"` as true, `"8"` as 8, a string as a list of one. */
export function shapeOf(value: JsonValue, shape: OptionShape): JsonValue | undefined {
	switch (shape) {
		case 'any':
			return value;
		case 'string':
			return typeof value === 'object' ? undefined : jsonText(value);
		case 'boolean':
			return booleanOf(value);
		case 'integer':
			return integerOf(value);
		case 'object':
			return isJsonObject(value) ? value : undefined;
		case 'list':
			return Array.isArray(value) ? value : undefined;
		case 'strings':
			return stringsOf(value);
	}
}

function booleanOf(value: JsonValue): boolean | undefined {
	const text = jsonText(value).toLowerCase();
	return text === 'true' || text === 'false' ? text === 'true' : undefined;
}

function integerOf(value: JsonValue): number | undefined {
	if (typeof value !== 'number' && typeof value !== 'string') return undefined;
	const number = Number(value);
	return Number.isSafeInteger(Math.trunc(number)) ? Math.trunc(number) : undefined;
}

function stringsOf(value: JsonValue): string[] | undefined {
	if (typeof value === 'string') return [value];
	if (!Array.isArray(value) || value.some((item) => typeof item === 'object')) return undefined;
	return value.map(String);
}

/** What a value is, for messages. */
export function kindOf(value: unknown): string {
	if (Array.isArray(value)) return 'a list';
	return typeof value === 'object' ? 'an object' : JSON.stringify(value).slice(0, 40);
}
