/** Where a reader begins. */
export type EventPosition =
	| { readonly kind: 'sequence-number'; readonly from: number }
	| { readonly kind: 'enqueued-time'; readonly afterMs: number }
	| { readonly kind: 'latest' };

/** Name of the filter [AMQP filters, apache.org:selector-filter:string]. */
export const selectorFilter = 'apache.org:selector-filter:string';

/** Older clients write the time without quotes, and its name in another way. */
const expression =
	/^\s*amqp\.annotation\.(x-opt-(?:offset|sequence-number|enqueued-?time(?:utc)?))\s*(>=?)\s*(?:'([^']*)'|(\d+))\s*$/;

/**
 * Reads the selector that Event Hubs clients send. An event's offset is its sequence number.
 *
 * @param selector undefined where there is none: everything is wanted
 * @returns undefined for a selector that Event Hubs does not have
 */
export function parseEventPosition(selector: unknown): EventPosition | undefined {
	if (selector === undefined) return { kind: 'sequence-number', from: 0 };
	const [, annotation, operator, quoted, bare] = expression.exec(String(selector)) ?? [];
	const value = quoted ?? bare ?? '';
	if (annotation === undefined) return undefined;
	if (value === '@latest') return { kind: 'latest' };
	if (!/^-?\d{1,16}$/.test(value)) return undefined;
	const number = Number(value);
	if (annotation.startsWith('x-opt-enqueued')) return { kind: 'enqueued-time', afterMs: number };
	const from = operator === '>=' ? number : number + 1;
	return { kind: 'sequence-number', from: Math.max(0, from) };
}
