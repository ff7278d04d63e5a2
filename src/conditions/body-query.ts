import { isJsonObject, type JsonObject, type JsonValue } from '../runtime/json.ts';

/** A compiled path into a JSON body: member names and array indexes. */
export type BodyQuery = readonly (string | number)[];

/** A path that cannot be compiled, and why. */
export interface BodyQueryFault {
	readonly fault: string;
}

/**
 * Compiles what follows `$body.`: names joined by dots, each followed by any number of `[index]`.
 * Names are case-sensitive and are not only digits.
 */
export function compileBodyQuery(path: string): BodyQuery | BodyQueryFault {
	const query: (string | number)[] = [];
	for (const segment of path.split('.')) {
		const bracket = segment.indexOf('[');
		const name = bracket < 0 ? segment : segment.slice(0, bracket);
		if (name === '') return { fault: 'a name is missing' };
		if (/^[0-9]+$/.test(name)) return { fault: `'${name}' is a number, not a name` };
		if (name.includes(']')) return { fault: "a ']' is without its '['" };
		query.push(name);
		if (bracket < 0) continue;
		const indexes = segment.slice(bracket);
		if (!/^(?:\[[0-9]+\])+$/.test(indexes)) {
			return { fault: `'${indexes}' is not an index such as [0]` };
		}
		for (const index of indexes.slice(1, -1).split('][')) query.push(Number(index));
	}
	return query;
}

/** What a body has at a path; undefined where the path leads to nothing. */
export function findInBody(body: JsonValue, query: BodyQuery): JsonValue | undefined {
	return follow(body, query, exactMember);
}

/** As `findInBody`, but names match whatever their case, as IoT Hub reads twins; the exact one wins. */
export function findInTwin(twin: JsonValue, query: BodyQuery): JsonValue | undefined {
	return follow(twin, query, memberInAnyCase);
}

function follow(
	document: JsonValue,
	query: BodyQuery,
	memberOf: (object: JsonObject, name: string) => JsonValue | undefined,
): JsonValue | undefined {
	let value: JsonValue | undefined = document;
	for (const step of query) {
		if (typeof step === 'number') value = Array.isArray(value) ? value[step] : undefined;
		else value = isJsonObject(value) ? memberOf(value, step) : undefined;
		if (value === undefined) return undefined;
	}
	return value;
}

function exactMember(object: JsonObject, name: string): JsonValue | undefined {
	return Object.hasOwn(object, name) ? object[name] : undefined;
}

function memberInAnyCase(object: JsonObject, name: string): JsonValue | undefined {
	if (Object.hasOwn(object, name)) return object[name];
	const lowerCase = name.toLowerCase();
	const key = Object.keys(object).find((each) => each.toLowerCase() === lowerCase);
	return key === undefined ? undefined : object[key];
}
