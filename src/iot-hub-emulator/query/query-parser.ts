import { parseExpression, parseSteps } from './expression-parser.ts';
import { invalidQuery } from './query-lexer.ts';
import {
	type AggregateName,
	type Collection,
	type Column,
	type Expression,
	hubCollections,
	type Query,
} from './query-syntax.ts';
import { TokenReader } from './token-reader.ts';

const aggregates: readonly string[] = ['count', 'avg', 'sum', 'min', 'max'];

/**
 * Reads a query of the identity registry's query language (IoT Hub documentation, "IoT Hub query
 * language"): `SELECT [TOP n] * | columns FROM … [WHERE …] [GROUP BY …]`.
 *
 * @param collections that there are; where there is one, `FROM` may be left out
 * @throws IotHubError ArgumentInvalid with the place of the fault
 */
export function parseQuery(
	text: string,
	collections: readonly Collection[] = hubCollections,
): Query {
	const reader = new TokenReader(text);
	reader.expectWord('select');
	const top = reader.word('top') ? parseCount(reader) : undefined;
	const columns = reader.symbol('*') ? undefined : parseColumns(reader);
	const { from, alias } = parseSource(reader, collections);
	const where = reader.word('where') ? parseExpression(reader) : undefined;
	const groupBy = parseGroups(reader);
	if (reader.token.kind !== 'end') reader.fail('the end');
	const bare = <T extends Expression | undefined>(expression: T): T =>
		expression && (withoutSource(expression, from, alias) as T);
	const query: Query = {
		...(top === undefined ? {} : { top }),
		columns: columns?.map((column) =>
			column.expression ? { ...column, expression: bare(column.expression) } : column,
		),
		from,
		...(where === undefined ? {} : { where: bare(where) }),
		groupBy: groupBy.map(bare),
	};
	requireGrouping(query);
	return query;
}

/** Reads what stands behind `WHERE`, alone: a target condition. @throws IotHubError ArgumentInvalid */
export function parseCondition(text: string, from: Collection): Expression {
	const reader = new TokenReader(text);
	const condition = parseExpression(reader);
	if (reader.token.kind !== 'end') reader.fail('the end');
	return withoutSource(condition, from, undefined);
}

function parseCount(reader: TokenReader): number {
	const { kind, text } = reader.token;
	if (kind !== 'number' || !/^[1-9]\d{0,8}$/.test(text)) reader.fail('a whole number');
	reader.take();
	return Number(text);
}

function parseColumns(reader: TokenReader): Column[] {
	const columns: Column[] = [];
	do columns.push(parseColumn(reader, columns.length + 1));
	while (reader.symbol(','));
	return columns;
}

function parseColumn(reader: TokenReader, position: number): Column {
	const { aggregate, expression } = parseProjection(reader);
	const last =
		aggregate === undefined && expression?.kind === 'path' ? expression.segments.at(-1) : undefined;
	const name = parseAlias(reader) ?? (last === undefined ? `$${position}` : String(last));
	return {
		name,
		...(aggregate === undefined ? {} : { aggregate }),
		...(expression === undefined ? {} : { expression }),
	};
}

function parseProjection(reader: TokenReader): Pick<Column, 'aggregate' | 'expression'> {
	const { kind, text } = reader.token;
	const word = text.toLowerCase();
	if (kind !== 'word' || !aggregates.includes(word)) return { expression: parseExpression(reader) };
	reader.take();
	if (!reader.symbol('(')) {
		return { expression: { kind: 'path', segments: [text, ...parseSteps(reader)] } };
	}
	const aggregate = word as AggregateName;
	if (aggregate === 'count') reader.symbol('*');
	if (aggregate === 'count' && reader.symbol(')')) return { aggregate };
	const expression = parseExpression(reader);
	reader.expectSymbol(')');
	return { aggregate, expression };
}

function parseAlias(reader: TokenReader): string | undefined {
	if (!reader.word('as')) return undefined;
	const { kind } = reader.token;
	if (kind !== 'word' && kind !== 'name') reader.fail('a name');
	return reader.take().text;
}

function parseSource(
	reader: TokenReader,
	collections: readonly Collection[],
): { from: Collection; alias: string | undefined } {
	const [only, ...others] = collections;
	if (only !== undefined && others.length === 0 && !reader.isWord('from')) {
		return { from: only, alias: undefined };
	}
	reader.expectWord('from');
	const { at } = reader.token;
	if (reader.token.kind !== 'word') reader.fail('devices');
	const segments = [reader.take().text, ...parseSteps(reader)];
	const named = segments.join('.').toLowerCase();
	const from = collections.find((collection) => collection === named);
	if (from === undefined) {
		throw invalidQuery(`FROM at position ${at} is not one of ${collections.join(', ')}`);
	}
	const aliased =
		reader.token.kind === 'word' && !reader.isWord('where') && !reader.isWord('group');
	const alias =
		parseAlias(reader) ?? (aliased && !reader.isWord('order') ? reader.take().text : undefined);
	return { from, alias };
}

function parseGroups(reader: TokenReader): Expression[] {
	if (!reader.word('group')) return [];
	reader.expectWord('by');
	const groups: Expression[] = [];
	do groups.push(parseExpression(reader));
	while (reader.symbol(','));
	return groups;
}

/** Every plain column of a grouped query is one of the groups. */
function requireGrouping({ columns, groupBy }: Query): void {
	const aggregated = columns?.some(({ aggregate }) => aggregate !== undefined) ?? false;
	if (groupBy.length > 0 && columns === undefined) throw invalidQuery('GROUP BY has no columns');
	if (!aggregated && groupBy.length === 0) return;
	const groups = groupBy.map((group) => JSON.stringify(group));
	for (const { name, aggregate, expression } of columns ?? []) {
		if (aggregate !== undefined || groups.includes(JSON.stringify(expression))) continue;
		throw invalidQuery(`the column ${name} is neither aggregated nor in GROUP BY`);
	}
}

/** Paths may begin with what is read from: `devices.jobs.deviceId`, or with its alias. */
function withoutSource(
	expression: Expression,
	from: Collection,
	alias: string | undefined,
): Expression {
	const bare = (part: Expression) => withoutSource(part, from, alias);
	switch (expression.kind) {
		case 'literal':
			return expression;
		case 'path':
			return { ...expression, segments: bareSegments(expression.segments, from, alias) };
		case 'not':
		case 'minus':
			return { ...expression, operand: bare(expression.operand) };
		case 'binary':
			return { ...expression, left: bare(expression.left), right: bare(expression.right) };
		case 'in':
			return { ...expression, operand: bare(expression.operand), list: expression.list.map(bare) };
		case 'call':
			return { ...expression, operands: expression.operands.map(bare) };
	}
}

function bareSegments(
	segments: readonly (string | number)[],
	from: Collection,
	alias: string | undefined,
): readonly (string | number)[] {
	if (alias !== undefined && segments[0] === alias && segments.length > 1) return segments.slice(1);
	const prefix = from.split('.');
	const prefixed = prefix.every((name, index) => String(segments[index]).toLowerCase() === name);
	return prefixed && segments.length > prefix.length ? segments.slice(prefix.length) : segments;
}
