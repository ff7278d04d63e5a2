import type { JsonObject, JsonValue } from '../../../runtime/json.ts';
import { isJsonObject } from '../../../runtime/json.ts';
import { numberAt, textAt } from '../json-reading.ts';
import { ageOf } from './age.ts';
import type { Column } from './column.ts';

type Step = (value: JsonValue) => JsonValue[];

/** A column of `additionalPrinterColumns`. */
export function jsonPathColumn(definition: JsonObject): Column {
	const path = compileJsonPath(textAt(definition, 'jsonPath'));
	const type = textAt(definition, 'type') as Column['type'];
	return {
		name: textAt(definition, 'name'),
		// A date is shown as an age.
		type: type === 'date' ? 'string' : type,
		description: textAt(definition, 'description'),
		priority: (numberAt(definition, 'priority') ?? 0) > 0 ? 1 : 0,
		cell: (object, now) => {
			const [value] = path(object as JsonValue);
			if (value === undefined || value === null) return '';
			if (type === 'date') return ageOf(String(value), now);
			return typeof value === 'object' ? JSON.stringify(value) : value;
		},
	};
}

/**
 * The part of JSONPath that printer columns use: members, `['member']`, indices, `[*]` and
 * `[?(@.member=="value")]`.
 *
 * @returns a function that gives all values at the path.
 */
export function compileJsonPath(text: string): (value: JsonValue) => JsonValue[] {
	const path = text.replace(/^\{(.*)\}$/, '$1');
	const form =
		/\.([^.[\]]+)|\[['"]([^'"]+)['"]\]|\[(-?\d+)\]|\[(\*)\]|\[\?\(@\.([\w.]+)\s*==\s*['"]([^'"]*)['"]\)\]/gy;
	const steps: Step[] = [];
	let end = 0;
	for (const match of path.matchAll(form)) {
		const [all, member, quoted, index, star, key, wanted] = match;
		end = match.index + all.length;
		if (index !== undefined) steps.push((value) => at(value, Number(index)));
		else if (star !== undefined) steps.push(elements);
		else if (key !== undefined)
			steps.push((value) => elements(value).filter(has(key, wanted ?? '')));
		else steps.push((value) => memberOf(value, unescaped(member ?? quoted ?? '')));
	}
	if (end < path.length) return () => [];
	return (value) => steps.reduce<JsonValue[]>((values, step) => values.flatMap(step), [value]);
}

function unescaped(member: string): string {
	return member.replace(/\\(.)/g, '$1');
}

function memberOf(value: JsonValue, name: string): JsonValue[] {
	const found = isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
	return found === undefined ? [] : [found];
}

function at(value: JsonValue, index: number): JsonValue[] {
	const found = Array.isArray(value) ? value.at(index) : undefined;
	return found === undefined ? [] : [found];
}

function elements(value: JsonValue): JsonValue[] {
	return Array.isArray(value) ? value : [];
}

function has(path: string, wanted: string): (value: JsonValue) => boolean {
	const names = path.split('.');
	return (value) => {
		const found = names.reduce<JsonValue[]>(
			(values, name) => values.flatMap((item) => memberOf(item, name)),
			[value],
		);
		return found.some((item) => String(item) === wanted);
	};
}
