import test from 'ava';
import fc from 'fast-check';
import { IotHubError } from '../../../src/iot-hub-emulator/iot-hub-error.ts';
import { queryPage } from '../../../src/iot-hub-emulator/query/query-page.ts';
import { parseQuery } from '../../../src/iot-hub-emulator/query/query-parser.ts';
import { type KeyedRow, runQuery } from '../../../src/iot-hub-emulator/query/run-query.ts';
import type { JsonObject } from '../../../src/runtime/json.ts';

const rows: KeyedRow[] = [
	[
		'a',
		{
			deviceId: 'a',
			status: 'enabled',
			capabilities: { iotEdge: true },
			tags: { site: 'x', floor: 1, 'odd name': { $in: 2 }, list: ['p', 'q'], none: null },
			properties: {
				desired: { $version: 3, interval: 10 },
				reported: { $version: 7, interval: 10, state: 'ok', 'a.b': true },
			},
			configurations: { 'dep-1': { status: 'Applied' } },
		},
	],
	[
		'b',
		{
			deviceId: 'b',
			status: 'disabled',
			capabilities: { iotEdge: false },
			tags: { site: 'y', floor: 2 },
			properties: {
				desired: { $version: 1 },
				reported: { $version: 1, interval: 20, state: 'ok' },
			},
		},
	],
	[
		'c',
		{
			deviceId: 'c',
			status: 'enabled',
			capabilities: { iotEdge: false },
			tags: { site: "it's", floor: 3.5 },
			properties: { desired: { $version: 1 }, reported: { $version: 1, interval: 'x' } },
		},
	],
];

function run(query: string): JsonObject[] {
	return [...runQuery(parseQuery(query), rows)].map(([, row]) => row);
}

function idsWhere(condition: string): string {
	return run(`SELECT deviceId FROM devices WHERE ${condition}`)
		.map(({ deviceId }) => deviceId)
		.join('');
}

for (const [condition, expected] of [
	["tags.site = 'x'", 'a'],
	['tags.site = "x"', 'a'],
	["tags.site = 'it''s'", 'c'],
	["tags.site = 'it\\'s'", 'c'],
	["tags.site != 'x'", 'bc'],
	["tags.site <> 'x'", 'bc'],
	["NOT tags.site = 'x'", 'bc'],
	['tags.floor >= 2', 'bc'],
	['tags.floor < 1.5', 'a'],
	['tags.floor + 1 = 2 * 1', 'a'],
	['-tags.floor = -1', 'a'],
	['tags.floor % 2 = 0', 'b'],
	["tags.site > 'w' AND tags.floor < 5 OR deviceId = 'c'", 'abc'],
	["tags.site > 'w' and (tags.floor > 5 or deviceId = 'b')", 'b'],
	["tags.site IN ['x', 'y']", 'ab'],
	["tags.site in ('x')", 'a'],
	["tags.site NIN ['x', 'y']", 'c'],
	["tags.site NOT IN ['x', 'y']", 'c'],
	["tags.other NIN ['x']", ''],
	['tags.site IN []', ''],
	['is_defined(tags.list)', 'a'],
	['NOT IS_DEFINED(tags.list)', 'bc'],
	['is_defined(tags.none)', 'a'],
	['tags.none = null', 'a'],
	['tags.floor = null', ''],
	['tags.floor != null', 'abc'],
	["tags.missing != 'x'", ''],
	["NOT tags.missing = 'x'", ''],
	["tags.missing = 'x' OR status = 'disabled'", 'b'],
	["startswith(tags.site, 'it')", 'c'],
	["STARTS_WITH(deviceId, 'a') OR endsWith(deviceId, 'b')", 'ab'],
	["contains(tags.site, 't')", 'c'],
	["upper(concat(deviceId, 'x')) = 'BX'", 'b'],
	['length(tags.site) > 1', 'c'],
	['is_number(properties.reported.interval)', 'ab'],
	['as_number(properties.reported.interval) > 5', 'ab'],
	['properties.desired.interval = properties.reported.interval', 'a'],
	['properties.reported.interval > 15', 'b'],
	['properties.desired = properties.reported', ''],
	['tags.[[odd name]].[[$in]] = 2', 'a'],
	['tags[[odd name]].$in = 2', 'a'],
	["tags['odd name'].$in = 2", 'a'],
	['properties.reported.[[a.b]] = true', 'a'],
	["tags.list[1] = 'q'", 'a'],
	['capabilities.iotEdge = true', 'a'],
	['capabilities.iotEdge', 'a'],
	["configurations.[[dep-1]].status = 'Applied'", 'a'],
	['properties.reported.$version = 7', 'a'],
	["devices.tags.site = 'y'", 'b'],
	["tags.floor = '1'", ''],
	["tags.floor != '1'", ''],
	['tags.toString = null', ''],
	['is_defined(tags.constructor)', ''],
	['tags.floor / 0 > 1', ''],
	["substring(tags.site, 1, 2) = 't'''", 'c'],
	["substring(tags.site, 3) = 's'", 'c'],
	['substring(tags.site, tags.site) = 1', ''],
	["index_of(tags.site, 's') = 3", 'c'],
	["lower(upper(deviceId)) = deviceId AND ends_with(tags.site, 's')", 'c'],
	['power(tags.floor, 2) = square(tags.floor) AND sqrt(4) = tags.floor', 'b'],
	['floor(tags.floor) = 3 AND ceiling(tags.floor) = 4', 'c'],
	['abs(-tags.floor) = sign(tags.floor)', 'a'],
	['power(tags.floor, deviceId) = 1 OR abs(deviceId) = 1', ''],
	['exp(0) = tags.floor', 'a'],
	["as_number('2') = tags.floor", 'b'],
	["is_number(as_number('x')) OR is_number(as_number(true))", ''],
	['is_null(tags.none)', 'a'],
	['is_bool(capabilities.iotEdge) AND is_string(deviceId) AND is_object(tags)', 'abc'],
	['is_array(tags.list) OR is_primitive(tags)', 'a'],
	["array_contains(tags.list, 'q') OR array_contains(tags.site, 's')", 'a'],
	['array_length(tags.list) > 0', 'a'],
	["concat(deviceId, tags.floor) = 'a1'", ''],
	["deviceId = '\\u0061'", 'a'],
	['- deviceId = 1 OR NOT deviceId', ''],
] as const) {
	test(`WHERE ${condition} finds ${expected || 'nothing'}`, (t) => {
		t.is(idsWhere(condition), expected);
	});
}

test('columns are named after what they end in, or by AS, and left out where there is nothing', (t) => {
	t.deepEqual(
		run('SELECT deviceId, tags.floor AS level, properties.reported.state, 1 FROM devices'),
		[
			{ deviceId: 'a', level: 1, state: 'ok', $4: 1 },
			{ deviceId: 'b', level: 2, state: 'ok', $4: 1 },
			{ deviceId: 'c', level: 3.5, $4: 1 },
		],
	);
	t.deepEqual(run('select * from devices d where d.tags.floor = 1')[0], rows[0]?.[1]);
	t.deepEqual(run('SELECT TOP 2 deviceId FROM devices'), [{ deviceId: 'a' }, { deviceId: 'b' }]);
});

test('aggregates sum up all rows or each group', (t) => {
	t.deepEqual(
		run(
			'SELECT COUNT() AS n, SUM(tags.floor) AS s, AVG(tags.floor) AS m, MIN(tags.site) AS lo, MAX(properties.reported.interval) AS hi, COUNT(tags.list) AS lists FROM devices',
		),
		[{ n: 3, s: 6.5, m: 6.5 / 3, lo: "it's", hi: 20, lists: 1 }],
	);
	t.deepEqual(
		run(
			'SELECT properties.reported.state AS state, COUNT() AS n FROM devices GROUP BY properties.reported.state',
		),
		[{ state: 'ok', n: 2 }, { n: 1 }],
	);
	t.deepEqual(run('SELECT COUNT(*) AS n, AVG(tags.x) AS m FROM devices WHERE tags.x = 1'), [
		{ n: 0 },
	]);
	t.deepEqual(run('SELECT status, COUNT() FROM devices GROUP BY status'), [
		{ status: 'enabled', $2: 2 },
		{ status: 'disabled', $2: 1 },
	]);
	t.deepEqual(run('SELECT count FROM devices WHERE status = "disabled"'), [{}]);
});

for (const [query, reason] of [
	['', /SELECT is expected at position 0/],
	['SELECT * FROM things', /FROM at position 14/],
	['SELECT * FROM devices WHERE', /a value is expected at position 27/],
	['SELECT * FROM devices WHERE a =', /a value is expected/],
	['SELECT * FROM devices WHERE a = 1 ORDER BY a', /the end is expected/],
	['SELECT *, deviceId FROM devices', /FROM is expected/],
	['SELECT deviceId, COUNT() FROM devices', /column deviceId is neither/],
	['SELECT * FROM devices GROUP BY status', /no columns/],
	['SELECT TOP 0 * FROM devices', /a whole number/],
	["SELECT * FROM devices WHERE nofunction(a) = 'x'", /no function nofunction/],
	['SELECT * FROM devices WHERE COUNT() > 1', /no function COUNT/],
	['SELECT * FROM devices WHERE is_defined(a, b)', /takes 1 arguments, not 2/],
	["SELECT * FROM devices WHERE a = 'x", /' at position 32/],
	["SELECT * FROM devices WHERE a = '\\q'", /escape/],
	['SELECT * FROM devices WHERE a IN 1', /\[ is expected/],
	['SELECT * FROM devices WHERE tags..a', /a name is expected/],
	['SELECT * FROM devices WHERE a[-1] = 1', /expected/],
	[`SELECT * FROM devices WHERE ${'('.repeat(100)}a`, /nested deeper/],
	[`SELECT * FROM devices WHERE ${'NOT '.repeat(100)}a`, /nested deeper/],
	[`SELECT * FROM devices WHERE ${'a AND '.repeat(2000)}a`, /longer than/],
] as const) {
	test(`refuses ${query.slice(0, 60) || 'nothing'}`, (t) => {
		const error = t.throws(() => parseQuery(query), { instanceOf: IotHubError });
		t.is(error?.code, 'ArgumentInvalid');
		t.regex(error?.message ?? '', reason);
	});
}

test('the longest chain of operators is evaluated', (t) => {
	t.is(idsWhere(`1${'+1'.repeat(990)} = 991`), 'abc');
	t.throws(() => idsWhere(`1${'+1'.repeat(1000)} = 1001`), { message: /more than 2000 words/ });
});

const name = fc.constantFrom('deviceId', 'tags.floor', 'tags.[[odd name]]', 'x.y', '$v');
const value = fc.oneof(
	name,
	fc.integer({ min: 0 }).map(String),
	fc.constantFrom('true', 'null', "'it''s'", '"b"'),
);
const { condition } = fc.letrec<{ condition: string; term: string }>((tie) => ({
	term: fc.oneof(
		{ depthSize: 'small', withCrossShrink: true },
		fc.tuple(value, fc.constantFrom('=', '!=', '<', '>='), value).map((parts) => parts.join(' ')),
		value.map((each) => `is_defined(${each})`),
		tie('condition').map((each) => `(${each})`),
		tie('condition').map((each) => `NOT (${each})`),
	),
	condition: fc
		.tuple(
			tie('term'),
			fc.array(fc.tuple(fc.constantFrom('AND', 'or'), tie('term')), { maxLength: 2 }),
		)
		.map(([first, rest]) => [first, ...rest.flat()].join(' ')),
}));

test('a condition and its negation never find the same device', (t) => {
	fc.assert(
		fc.property(condition, (text) => {
			const found = idsWhere(text);
			const others = idsWhere(`NOT (${text})`);
			return ![...found].some((id) => others.includes(id));
		}),
	);
	t.pass();
});

test('whatever the text, it is a query or it is refused', (t) => {
	const words = fc.constantFrom(
		..."SELECT * FROM devices WHERE AND OR NOT IN ( ) [ ] [[x]] . , = a 1 's' GROUP BY COUNT AS".split(
			' ',
		),
	);
	const text = fc.oneof(
		fc.string(),
		fc.array(words, { maxLength: 20 }).map((all) => all.join(' ')),
	);
	fc.assert(
		fc.property(text, (query) => {
			try {
				run(query);
				run(`SELECT * FROM devices WHERE ${query}`);
			} catch (error) {
				if (!(error instanceof IotHubError)) throw error;
			}
		}),
		{ numRuns: 500 },
	);
	t.pass();
});

test('pages together are the whole result, whatever their size', (t) => {
	fc.assert(
		fc.property(
			fc.integer({ min: 1, max: 5 }),
			fc.constantFrom(
				'SELECT * FROM devices',
				'SELECT TOP 2 deviceId FROM devices',
				'SELECT status, COUNT() AS n FROM devices GROUP BY status',
			),
			(size, query) => {
				const seen: JsonObject[] = [];
				let continuation: string | undefined;
				do {
					const page = queryPage(
						{ query, size, ...(continuation === undefined ? {} : { continuation }) },
						() => rows,
					);
					if (page.rows.length > size) return false;
					seen.push(...page.rows);
					continuation = page.continuation;
				} while (continuation !== undefined);
				return JSON.stringify(seen) === JSON.stringify(run(query));
			},
		),
	);
	t.pass();
});

test('a token continues only the query that it came from', (t) => {
	const first = queryPage({ query: 'SELECT * FROM devices', size: 1 }, () => rows);
	t.is(first.type, 'twin');
	const continuation = first.continuation ?? '';
	t.throws(() => queryPage({ query: 'SELECT deviceId FROM devices', continuation }, () => rows), {
		message: /continuation token/,
	});
	t.throws(() => queryPage({ query: 'SELECT * FROM devices', continuation: 'x' }, () => rows), {
		message: /continuation token/,
	});
	const later = queryPage({ query: 'SELECT * FROM devices', continuation }, () => rows.slice(1));
	t.deepEqual(
		later.rows.map(({ deviceId }) => deviceId),
		['b', 'c'],
		'a row that has gone is not missed',
	);
});
