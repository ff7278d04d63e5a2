import { isJsonObject } from '../runtime/json.ts';
import type { Compatibility } from './compatibility.ts';
import { letterCase } from './letter-case.ts';
import type { MessageScope } from './message-scope.ts';
import { numberOfText } from './number-text.ts';
import {
	type Evaluate,
	numberOf,
	type StaticType,
	stringOf,
	type Typed,
	type Value,
} from './static-type.ts';

/** A built-in function: what it takes, what it gives, how to compile a call of it. */
export interface RouteFunction {
	/** Types for each parameter; the last may be repeated where `variadic`. */
	readonly parameters: readonly (readonly StaticType[])[];
	/** Parameters that may be left out, at the end. */
	readonly optional?: number;
	readonly variadic?: boolean;
	readonly type: StaticType;
	readonly compile: (operands: readonly Typed[], compatibility: Compatibility) => Evaluate;
}

type Numeric = (scope: MessageScope) => number;
type Textual = (scope: MessageScope) => string | null | undefined;

const number: readonly StaticType[] = ['number', 'dynamic'];
const text: readonly StaticType[] = ['string', 'dynamic'];
const any: readonly StaticType[] = ['string', 'number', 'bool', 'null', 'undefined', 'dynamic'];

/** The functions of the route language, by lower-case name (IoT Hub documentation, built-in functions). */
export const routeFunctions: ReadonlyMap<string, RouteFunction> = new Map([
	['abs', ofNumber(Math.abs)],
	['ceiling', ofNumber(Math.ceil)],
	['exp', ofNumber(Math.exp)],
	['floor', ofNumber(Math.floor)],
	['sign', ofNumber(Math.sign)],
	['sqrt', ofNumber(Math.sqrt)],
	['square', ofNumber((value) => value * value)],
	['power', { parameters: [number, number], type: 'number', compile: compilePower }],
	[
		'as_number',
		{ parameters: [['string', 'number', 'dynamic']], type: 'number', compile: compileAsNumber },
	],
	['is_bool', isOfType('bool', (value) => typeof value === 'boolean')],
	['is_string', isOfType('string', (value) => typeof value === 'string')],
	['is_number', isOfType('number', (value) => Number.isFinite(value))],
	['is_null', { parameters: [any], type: 'bool', compile: compileIsNull }],
	['is_defined', { parameters: [any], type: 'bool', compile: compileIsDefined }],
	['concat', { parameters: [text, text], variadic: true, type: 'string', compile: compileConcat }],
	['length', { parameters: [text], type: 'number', compile: compileLength }],
	['lower', ofText(letterCase.lower)],
	['upper', ofText(letterCase.upper)],
	[
		'substring',
		{ parameters: [text, number, number], optional: 1, type: 'string', compile: compileSubstring },
	],
	['index_of', { parameters: [text, text], type: 'number', compile: compileIndexOf }],
	['starts_with', ofTwoTexts((whole, part) => whole.startsWith(part))],
	['ends_with', ofTwoTexts((whole, part) => whole.endsWith(part))],
	['contains', ofTwoTexts((whole, part) => whole.includes(part))],
]);

/** Type checks that only IoT Hub has; the edge hub's conditions do not know them. */
export const iotHubFunctions: ReadonlyMap<string, RouteFunction> = new Map([
	['is_array', ofShape(Array.isArray)],
	['is_object', ofShape(isJsonObject)],
	['is_primitive', ofShape((value) => typeof value !== 'object' || value === null)],
]);

/** A test of what the body or a twin has at a place; every other value is a primitive one. */
function ofShape(holds: (value: unknown) => boolean): RouteFunction {
	const compile = ([operand]: readonly Typed[]): Evaluate => {
		if (operand === undefined) return () => undefined;
		const value = operand.query?.found ?? operand.evaluate;
		return (scope) => {
			const given = value(scope);
			return given !== undefined && !Number.isNaN(given) && holds(given);
		};
	};
	return { parameters: [any], type: 'bool', compile };
}

function ofNumber(compute: (value: number) => number): RouteFunction {
	const compile = ([operand]: readonly Typed[]): Evaluate => {
		const value = numberAt(operand);
		return (scope) => compute(value(scope));
	};
	return { parameters: [number], type: 'number', compile };
}

function ofText(compute: (value: string) => string): RouteFunction {
	const compile = ([operand]: readonly Typed[]): Evaluate => {
		const value = textAt(operand);
		return (scope) => {
			const given = value(scope);
			return given == null ? undefined : compute(given);
		};
	};
	return { parameters: [text], type: 'string', compile };
}

function ofTwoTexts(compute: (whole: string, part: string) => boolean): RouteFunction {
	const compile = ([whole, part]: readonly Typed[]): Evaluate => {
		const first = textAt(whole);
		const second = textAt(part);
		return (scope) => {
			const a = first(scope);
			const b = second(scope);
			return a == null || b == null ? undefined : compute(a, b);
		};
	};
	return { parameters: [text, text], type: 'bool', compile };
}

/** A test for a type. Of an undefined truth value nothing is known, not even its type. */
function isOfType(type: StaticType, holds: (value: Value) => boolean): RouteFunction {
	const compile = ([operand]: readonly Typed[]): Evaluate => {
		if (operand === undefined) return () => undefined;
		if (operand.type !== type && operand.type !== 'dynamic') return () => false;
		const { evaluate } = operand;
		if (type !== 'bool') return (scope) => holds(evaluate(scope));
		return (scope) => {
			const value = evaluate(scope);
			return value === undefined ? undefined : holds(value);
		};
	};
	return { parameters: [any], type: 'bool', compile };
}

function compilePower([base, exponent]: readonly Typed[]): Evaluate {
	const first = numberAt(base);
	const second = numberAt(exponent);
	return (scope) => {
		const a = first(scope);
		// NaN to the power of 0 would be 1.
		return Number.isNaN(a) ? a : a ** second(scope);
	};
}

function compileAsNumber([operand]: readonly Typed[]): Evaluate {
	if (operand === undefined) return () => Number.NaN;
	if (operand.type === 'number') return operand.evaluate;
	const { evaluate } = operand;
	return (scope) => {
		const value = evaluate(scope);
		if (typeof value === 'number') return value;
		return typeof value === 'string' ? numberOfText(value) : Number.NaN;
	};
}

function compileIsNull([operand]: readonly Typed[], compatibility: Compatibility): Evaluate {
	if (operand === undefined) return () => undefined;
	const { query, evaluate } = operand;
	if (query !== undefined && compatibility === 'azure') {
		return (scope) => query.found(scope) !== undefined && evaluate(scope) !== undefined;
	}
	return (scope) => evaluate(scope) === null;
}

function compileIsDefined([operand]: readonly Typed[]): Evaluate {
	if (operand === undefined) return () => undefined;
	const { evaluate } = operand;
	return (scope) => {
		const value = evaluate(scope);
		return value !== undefined && !Number.isNaN(value);
	};
}

function compileConcat(operands: readonly Typed[]): Evaluate {
	const parts = operands.map(textAt);
	return (scope) => {
		let joined = '';
		for (const part of parts) {
			const value = part(scope);
			if (value === undefined) return undefined;
			joined += value ?? '';
		}
		return joined;
	};
}

function compileLength([operand]: readonly Typed[]): Evaluate {
	const value = textAt(operand);
	return (scope) => value(scope)?.length ?? Number.NaN;
}

/** Counts in UTF-16 units; fractions are cut off. Out of range gives undefined. */
function compileSubstring([operand, from, count]: readonly Typed[]): Evaluate {
	const value = textAt(operand);
	const start = numberAt(from);
	const length = count === undefined ? undefined : numberAt(count);
	return (scope) => {
		const whole = value(scope);
		const first = Math.trunc(start(scope));
		if (whole == null || !(first >= 0 && first <= whole.length)) return undefined;
		if (length === undefined) return whole.slice(first);
		const units = Math.trunc(length(scope));
		const inside = first < whole.length && units >= 0 && first + units <= whole.length;
		return inside ? whole.slice(first, first + units) : undefined;
	};
}

function compileIndexOf([whole, part]: readonly Typed[]): Evaluate {
	const first = textAt(whole);
	const second = textAt(part);
	return (scope) => {
		const a = first(scope);
		const b = second(scope);
		return a == null || b == null ? Number.NaN : a.indexOf(b);
	};
}

function numberAt(operand: Typed | undefined): Numeric {
	return operand === undefined ? () => Number.NaN : numberOf(operand);
}

function textAt(operand: Typed | undefined): Textual {
	return operand === undefined ? () => undefined : stringOf(operand);
}
