import type { JsonValue } from '../runtime/json.ts';
import type { MessageScope } from './message-scope.ts';

/**
 * What is known of a value before any message has come. Properties are strings. A value from the
 * body is `dynamic`; `invalid` is an expression whose problem is recorded, so that it causes no other.
 */
export type StaticType =
	| 'string'
	| 'number'
	| 'bool'
	| 'null'
	| 'undefined'
	| 'dynamic'
	| 'invalid';

/** What a condition computes with. Null is a property without a value, the literal, or JSON null. */
export type Value = string | number | boolean | null | undefined;

/** Computes a value from a message. Numbers are NaN where they are undefined. */
export type Evaluate = (scope: MessageScope) => Value;

/** A compiled expression. */
export interface Typed {
	readonly type: StaticType;
	readonly evaluate: Evaluate;
	/** For a value straight from the body or a twin: what is there, objects and arrays included. */
	readonly query?: { readonly found: (scope: MessageScope) => JsonValue | undefined };
}

/** A number; NaN where the expression gives none. */
export function numberOf({ type, evaluate }: Typed): (scope: MessageScope) => number {
	if (type === 'number') return evaluate as (scope: MessageScope) => number;
	return (scope) => {
		const value = evaluate(scope);
		return typeof value === 'number' ? value : Number.NaN;
	};
}

/** A string, null for a property without a value, or undefined where the expression gives neither. */
export function stringOf({
	type,
	evaluate,
}: Typed): (scope: MessageScope) => string | null | undefined {
	if (type === 'string') return evaluate as (scope: MessageScope) => string | null | undefined;
	return (scope) => {
		const value = evaluate(scope);
		return typeof value === 'string' ? value : undefined;
	};
}

/** A truth value. Null counts as false, anything that is no truth value as undefined. */
export function truthOf({ type, evaluate }: Typed): (scope: MessageScope) => boolean | undefined {
	if (type === 'bool') return evaluate as (scope: MessageScope) => boolean | undefined;
	if (type === 'null') return () => false;
	return (scope) => {
		const value = evaluate(scope);
		return typeof value === 'boolean' ? value : undefined;
	};
}
