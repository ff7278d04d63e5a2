import type { Compatibility } from './compatibility.ts';
import type { BinaryOperator } from './expression.ts';
import type { MessageScope } from './message-scope.ts';
import type { Evaluate, Typed, Value } from './static-type.ts';

export type ComparisonOperator = '=' | '!=' | '<>' | '<' | '<=' | '>' | '>=';

const operators: ReadonlySet<string> = new Set(['=', '!=', '<>', '<', '<=', '>', '>=']);

export function isComparison(operator: BinaryOperator): operator is ComparisonOperator {
	return operators.has(operator);
}

type Scalar = string | number | boolean;
type Compare = (left: Scalar, right: Scalar) => boolean;

/** Strings compare by UTF-16 unit, false comes before true. */
const comparisons: Readonly<Record<ComparisonOperator, Compare>> = {
	'=': (left, right) => left === right,
	'!=': (left, right) => left !== right,
	'<>': (left, right) => left !== right,
	'<': (left, right) => left < right,
	'<=': (left, right) => left <= right,
	'>': (left, right) => left > right,
	'>=': (left, right) => left >= right,
};

/** Compiles a comparison of operands whose types go together. */
export function compileComparison(
	operator: ComparisonOperator,
	left: Typed,
	right: Typed,
	compatibility: Compatibility,
): Evaluate {
	const compare = comparisons[operator];
	if (left.type === 'dynamic' || right.type === 'dynamic') {
		return compileDynamic(compare, left, right, compatibility);
	}
	if (left.type === 'null') return () => compare(0, 0);
	if (left.type === 'undefined') return () => undefined;
	if (left.type === 'number') {
		const first = left.evaluate as (scope: MessageScope) => number;
		const second = right.evaluate as (scope: MessageScope) => number;
		return (scope) => {
			const a = first(scope);
			const b = second(scope);
			return Number.isNaN(a) || Number.isNaN(b) ? undefined : compare(a, b);
		};
	}
	const first = left.evaluate;
	const second = right.evaluate;
	// A property without a value, null, compares like an absent one.
	return (scope) => {
		const a = first(scope);
		const b = second(scope);
		return a == null || b == null ? undefined : compare(a, b);
	};
}

/** Values of different types order as truth value < number < string < null, and are never equal. */
function rank(value: Scalar | null): number {
	if (value === null) return 3;
	if (typeof value === 'string') return 2;
	return typeof value === 'number' ? 1 : 0;
}

function compileDynamic(
	compare: Compare,
	left: Typed,
	right: Typed,
	compatibility: Compatibility,
): Evaluate {
	const first = definedOf(left);
	const second = definedOf(right);
	const equality = compare(0, 0) !== compare(0, 1) && compare(0, 1) === compare(1, 0);
	const nullsOrder = equality || compatibility === 'azure';
	return (scope) => {
		const a = first(scope);
		const b = second(scope);
		if (a === undefined || b === undefined) return undefined;
		if (a !== null && b !== null && typeof a === typeof b) return compare(a, b);
		if (!nullsOrder && (a === null) !== (b === null)) return undefined;
		return compare(rank(a), rank(b));
	};
}

/** A value of which null is only JSON null or the literal: null properties and NaN are undefined. */
function definedOf({ type, evaluate }: Typed): Evaluate {
	if (type === 'string') return (scope): Value => evaluate(scope) ?? undefined;
	if (type !== 'number') return evaluate;
	return (scope) => {
		const value = evaluate(scope);
		return Number.isNaN(value) ? undefined : value;
	};
}
