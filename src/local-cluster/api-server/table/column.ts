import type { JsonValue } from '../../../runtime/json.ts';

/** A column of `kubectl get`. */
export interface Column {
	readonly name: string;
	readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
	readonly description: string;
	/** 0: always shown; 1: only with `-o wide`. */
	readonly priority: 0 | 1;
	/** The cell of an object. @param now milliseconds since the epoch, for ages. */
	readonly cell: (object: unknown, now: number) => JsonValue;
}

/** A column of text that is always shown, or only with `-o wide`. */
export function column(
	name: string,
	cell: (object: unknown, now: number) => JsonValue,
	priority: 0 | 1 = 0,
): Column {
	return { name, type: 'string', description: name, priority, cell };
}
