import type { JsonObject, JsonValue } from '../../runtime/json.ts';
import { evaluate } from './evaluate.ts';
import { isScalar, type Value } from './query-functions.ts';
import type { AggregateName, Column, Expression, Query } from './query-syntax.ts';

/** A row under a key that grows from row to row. */
export type KeyedRow = readonly [key: string, row: JsonObject];

/** The result of a query over the rows of its collection, in order of keys; made as it is read. */
export function* runQuery(query: Query, rows: Iterable<KeyedRow>): Generator<KeyedRow> {
	const { where, columns, top = Number.POSITIVE_INFINITY } = query;
	const grouped = query.groupBy.length > 0 || columns?.some(({ aggregate }) => aggregate);
	const result = grouped ? groupRows(query, rows) : projectRows(columns, matching(where, rows));
	let count = 0;
	for (const row of result) {
		if (count >= top) return;
		count += 1;
		yield row;
	}
}

function* matching(where: Expression | undefined, rows: Iterable<KeyedRow>): Generator<KeyedRow> {
	for (const keyed of rows) {
		if (where === undefined || evaluate(where, keyed[1]) === true) yield keyed;
	}
}

function* projectRows(
	columns: readonly Column[] | undefined,
	rows: Iterable<KeyedRow>,
): Generator<KeyedRow> {
	for (const [key, row] of rows) {
		if (columns === undefined) yield [key, row];
		else yield [key, objectOf(columns.map((column) => [column.name, columnValue(column, row)]))];
	}
}

interface Group {
	readonly first: JsonObject;
	readonly totals: Total[];
}

function* groupRows(query: Query, rows: Iterable<KeyedRow>): Generator<KeyedRow> {
	const columns = query.columns ?? [];
	const groups = new Map<string, Group>();
	// Aggregates without groups have a row even where nothing matches.
	if (query.groupBy.length === 0) groups.set('[]', newGroup(columns, {}));
	for (const [, row] of matching(query.where, rows)) {
		// JSON leaves undefined to null, which is a group of its own.
		const key = JSON.stringify(
			query.groupBy.map((group) => [evaluate(group, row)].filter(isThere)),
		);
		const group = groups.get(key) ?? newGroup(columns, row);
		groups.set(key, group);
		for (const total of group.totals) total.add(row);
	}
	let index = 0;
	for (const { first, totals } of groups.values()) {
		const values = columns.map((column, position) => {
			const value = column.aggregate ? totals[position]?.value : columnValue(column, first);
			return [column.name, value] as const;
		});
		yield [String(index).padStart(12, '0'), objectOf(values)];
		index += 1;
	}
}

function newGroup(columns: readonly Column[], first: JsonObject): Group {
	return { first, totals: columns.map((column) => new Total(column)) };
}

/** Sums up one column of a group. */
class Total {
	readonly #aggregate: AggregateName | undefined;
	readonly #expression: Expression | undefined;
	#count = 0;
	#sum = 0;
	#least: string | number | boolean | undefined;
	#most: string | number | boolean | undefined;

	constructor({ aggregate, expression }: Column) {
		this.#aggregate = aggregate;
		this.#expression = expression;
	}

	add(row: JsonObject): void {
		if (this.#aggregate === undefined) return;
		const value = this.#expression === undefined ? true : evaluate(this.#expression, row);
		if (this.#aggregate === 'count') {
			if (value !== undefined) this.#count += 1;
			return;
		}
		if (!isScalar(value)) return;
		if (typeof value === 'number') {
			this.#count += 1;
			this.#sum += value;
		}
		if (this.#least === undefined || value < this.#least) this.#least = value;
		if (this.#most === undefined || value > this.#most) this.#most = value;
	}

	get value(): Value {
		switch (this.#aggregate) {
			case 'count':
				return this.#count;
			case 'sum':
				return this.#sum;
			case 'avg':
				return this.#count === 0 ? undefined : this.#sum / this.#count;
			case 'min':
				return this.#least;
			default:
				return this.#most;
		}
	}
}

function columnValue({ expression }: Column, row: JsonObject): Value {
	return expression === undefined ? undefined : evaluate(expression, row);
}

function isThere(value: Value): value is JsonValue {
	return value !== undefined;
}

function objectOf(entries: readonly (readonly [string, Value])[]): JsonObject {
	return Object.fromEntries(entries.filter(([, value]) => isThere(value)));
}
