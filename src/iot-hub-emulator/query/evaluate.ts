import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import { callFunction, isScalar, type Value } from './query-functions.ts';
import type { BinaryOperator, Expression } from './query-syntax.ts';

/**
 * The value of an expression for a row. What is missing is undefined, and so is what is made from
 * it: a comparison with a missing property is neither true nor false, `NOT` of it neither.
 */
export function evaluate(expression: Expression, row: JsonObject): Value {
	switch (expression.kind) {
		case 'literal':
			return expression.value;
		case 'path':
			return memberOf(row, expression.segments);
		case 'not': {
			const value = evaluate(expression.operand, row);
			return typeof value === 'boolean' ? !value : undefined;
		}
		case 'minus': {
			const value = evaluate(expression.operand, row);
			return typeof value === 'number' ? -value : undefined;
		}
		case 'binary':
			return evaluateBinary(expression, row);
		case 'in':
			return evaluateIn(expression, row);
		case 'call': {
			const values = expression.operands.map((operand) => evaluate(operand, row));
			return callFunction(expression.name, values);
		}
	}
}

function memberOf(row: JsonObject, segments: readonly (string | number)[]): Value {
	let value: Value = row;
	for (const segment of segments) {
		if (Array.isArray(value) && typeof segment === 'number') value = value[segment];
		else if (isJsonObject(value) && typeof segment === 'string') value = ownMember(value, segment);
		else return undefined;
	}
	return value;
}

/** Inherited names are no members. */
function ownMember(object: JsonObject, name: string): Value {
	return Object.hasOwn(object, name) ? object[name] : undefined;
}

function evaluateBinary(
	{ operator, left, right }: Expression & { readonly kind: 'binary' },
	row: JsonObject,
): Value {
	const first = evaluate(left, row);
	if (operator === 'and' || operator === 'or') {
		const decisive = operator === 'or';
		if (first === decisive) return decisive;
		const second = evaluate(right, row);
		if (second === decisive) return decisive;
		return typeof first === 'boolean' && typeof second === 'boolean' ? !decisive : undefined;
	}
	return operate(operator, first, evaluate(right, row));
}

function operate(operator: Exclude<BinaryOperator, 'and' | 'or'>, a: Value, b: Value): Value {
	switch (operator) {
		case '=':
			return equal(a, b);
		case '!=': {
			const same = equal(a, b);
			return same === undefined ? undefined : !same;
		}
		case '<':
		case '<=':
		case '>':
		case '>=':
			return ordered(operator, a, b);
		default:
			return calculate(operator, a, b);
	}
}

/** Only values of the same simple type compare (IoT Hub documentation, "limitations" of queries). */
function equal(a: Value, b: Value): boolean | undefined {
	if (a === null && b === null) return true;
	if (a === null || b === null) return a === undefined || b === undefined ? undefined : false;
	return isScalar(a) && typeof a === typeof b ? a === b : undefined;
}

function ordered(operator: '<' | '<=' | '>' | '>=', a: Value, b: Value): boolean | undefined {
	if (!isScalar(a) || !isScalar(b) || typeof a !== typeof b) return undefined;
	if (operator === '<') return a < b;
	if (operator === '<=') return a <= b;
	return operator === '>' ? a > b : a >= b;
}

function calculate(operator: '+' | '-' | '*' | '/' | '%', a: Value, b: Value): Value {
	if (typeof a !== 'number' || typeof b !== 'number') return undefined;
	const result = {
		'+': a + b,
		'-': a - b,
		'*': a * b,
		'/': a / b,
		'%': a % b,
	}[operator];
	return Number.isFinite(result) ? result : undefined;
}

function evaluateIn(
	{ operand, list }: Expression & { readonly kind: 'in' },
	row: JsonObject,
): boolean | undefined {
	const value = evaluate(operand, row);
	if (value === undefined) return undefined;
	return list.some((item) => equal(value, evaluate(item, row)) === true);
}
