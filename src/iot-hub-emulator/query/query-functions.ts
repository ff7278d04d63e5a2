import { isDeepStrictEqual } from 'node:util';
import { isJsonObject, type JsonValue } from '../../runtime/json.ts';
import { invalidQuery } from './query-lexer.ts';

/** A value, or undefined where there is none. */
export type Value = JsonValue | undefined;

interface QueryFunction {
	/** Number of arguments: least and most. */
	readonly arity: readonly [number, number];
	readonly call: (...values: readonly Value[]) => Value;
}

const typeTest = (test: (value: Value) => boolean): QueryFunction => ({
	arity: [1, 1],
	call: (value) => test(value),
});

const numeric = (action: (value: number) => number): QueryFunction => ({
	arity: [1, 1],
	call: (value) => (typeof value === 'number' ? finite(action(value)) : undefined),
});

const onText = (action: (value: string) => JsonValue): QueryFunction => ({
	arity: [1, 1],
	call: (value) => (typeof value === 'string' ? action(value) : undefined),
});

const onTexts = (action: (text: string, other: string) => JsonValue): QueryFunction => ({
	arity: [2, 2],
	call: (text, other) =>
		typeof text === 'string' && typeof other === 'string' ? action(text, other) : undefined,
});

/**
 * Functions by name, lower-cased and without underscores: IoT Hub's documentation writes
 * `STARTS_WITH`, its examples `startswith` (IoT Hub documentation, "IoT Hub query language").
 */
const functions: ReadonlyMap<string, QueryFunction> = new Map([
	['isdefined', typeTest((value) => value !== undefined)],
	['isnull', typeTest((value) => value === null)],
	['isbool', typeTest((value) => typeof value === 'boolean')],
	['isnumber', typeTest((value) => typeof value === 'number')],
	['isstring', typeTest((value) => typeof value === 'string')],
	['isarray', typeTest((value) => Array.isArray(value))],
	['isobject', typeTest((value) => isJsonObject(value))],
	['isprimitive', typeTest((value) => value === null || isScalar(value))],
	['startswith', onTexts((text, start) => text.startsWith(start))],
	['endswith', onTexts((text, end) => text.endsWith(end))],
	['contains', onTexts((text, part) => text.includes(part))],
	['indexof', onTexts((text, part) => text.indexOf(part))],
	['lower', onText((text) => text.toLowerCase())],
	['upper', onText((text) => text.toUpperCase())],
	['length', onText((text) => text.length)],
	['substring', { arity: [2, 3], call: substring }],
	['concat', { arity: [2, 64], call: concat }],
	['arraycontains', { arity: [2, 2], call: arrayContains }],
	[
		'arraylength',
		{ arity: [1, 1], call: (list) => (Array.isArray(list) ? list.length : undefined) },
	],
	['asnumber', { arity: [1, 1], call: asNumber }],
	['abs', numeric(Math.abs)],
	['ceiling', numeric(Math.ceil)],
	['floor', numeric(Math.floor)],
	['exp', numeric(Math.exp)],
	['sign', numeric(Math.sign)],
	['square', numeric((value) => value * value)],
	['sqrt', numeric(Math.sqrt)],
	['power', { arity: [2, 2], call: power }],
]);

/** @throws IotHubError ArgumentInvalid for a function that is not known or called otherwise */
export function requireFunction(name: string, written: string, given: number): void {
	const known = functions.get(name);
	if (known === undefined) throw invalidQuery(`there is no function ${written} in this place`);
	const [least, most] = known.arity;
	if (given >= least && given <= most) return;
	const wanted = least === most ? String(least) : `${least} to ${most}`;
	throw invalidQuery(`${written} takes ${wanted} arguments, not ${given}`);
}

/** Calls a function that `requireFunction` has found good. */
export function callFunction(name: string, values: readonly Value[]): Value {
	return functions.get(name)?.call(...values);
}

export function isScalar(value: Value): value is string | number | boolean {
	return ['string', 'number', 'boolean'].includes(typeof value);
}

function substring(text: Value, start: Value, length: Value): Value {
	if (typeof text !== 'string' || typeof start !== 'number') return undefined;
	if (length === undefined) return text.slice(Math.max(0, start));
	if (typeof length !== 'number') return undefined;
	return text.slice(Math.max(0, start), Math.max(0, start) + Math.max(0, length));
}

function concat(...values: readonly Value[]): Value {
	return values.every((value) => typeof value === 'string') ? values.join('') : undefined;
}

function arrayContains(list: Value, wanted: Value): Value {
	return Array.isArray(list) ? list.some((item) => isDeepStrictEqual(item, wanted)) : undefined;
}

function asNumber(value: Value): Value {
	if (typeof value === 'number') return value;
	if (typeof value !== 'string' || value.trim() === '') return undefined;
	return finite(Number(value));
}

function power(base: Value, exponent: Value): Value {
	if (typeof base !== 'number' || typeof exponent !== 'number') return undefined;
	return finite(base ** exponent);
}

function finite(value: number): number | undefined {
	return Number.isFinite(value) ? value : undefined;
}
