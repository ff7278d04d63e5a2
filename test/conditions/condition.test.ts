import test from 'ava';
import fc from 'fast-check';
import type { Compatibility } from '../../src/conditions/compatibility.ts';
import { compileCondition, evaluate } from '../../src/conditions/condition.ts';
import type { Message } from '../../src/protocol/message.ts';

const reading = {
	machine: { temperature: 71.5, 'serial-number': 'K7', ok: true, note: null },
	history: [70, [71, 72], { at: 'noon' }],
	stamp: '2026-01-01T00:00:00Z',
	'1st': 1,
	empty: '',
	['__proto__']: 1,
};

const message: Message = {
	body: Buffer.from(JSON.stringify(reading)),
	properties: new Map([
		['Kind', 'Alarm'],
		['level', '7'],
		['price', '(1,234.5)'],
		['novalue', null],
		['$userId', 'from the application'],
		['it!', 'x'],
		['a-1', 'dash'],
		['e5', 'exponent'],
		["it''s", 'quotes'],
	]),
	systemProperties: new Map([
		['contentType', 'application/JSON'],
		['contentEncoding', 'UTF-8'],
		['connectionDeviceId', 'edge1'],
		['connectionModuleId', 'sensor'],
		['userId', 'from the client'],
		['dt-subject', 'thermostat'],
	]),
};

/** `undefined`, a truth value, or the kind of the first problem. */
function outcomeOf(text: string, compatibility: Compatibility = 'standard', of = message) {
	const condition = compileCondition(text, { compatibility });
	return 'problems' in condition ? `${condition.problems[0]?.kind} error` : evaluate(condition, of);
}

type Outcome = boolean | undefined | string;

/** A test for each group: every condition of it has the outcome. */
function outcomes(title: string, table: readonly (readonly [outcome: Outcome, ...string[]])[]) {
	test(title, (t) => {
		for (const [outcome, ...conditions] of table) {
			for (const condition of conditions) t.is(outcomeOf(condition), outcome, condition);
		}
	});
}

outcomes('properties are found whatever the case of their names, values keep theirs', [
	[true, "kind = 'Alarm'", "KIND = 'Alarm'", `Kind = "Alarm"`, "kind <> 'alarm'"],
	[false, "kind = 'alarm'", "kind != 'Alarm'"],
	[undefined, "absent = 'x'", "absent != 'x'", "novalue = ''", "novalue <> 'x'", "absent < 'x'"],
	[true, "$connectionDeviceId = 'edge1'", "$CONNECTIONdeviceid = 'edge1'", "$dt-subject > 'a'"],
	[true, "$userId = 'from the application'", "{$userId} = 'from the client'"],
	[true, "{ $userId } = 'from the client'", 'NOT is_defined($modelId)'],
	[undefined, "$cid = 'x'", "Absent = 'x'"],
]);

outcomes('words go as far as they can', [
	[true, "a-1 = 'dash'", "it!='x'", "it''s = 'quotes'", "e5 = 'exponent'"],
	[undefined, "True = 'true'", "NULL = 'x'", "3+4 = 'x'", "p!='x'", "'a'||'b'='ab'"],
	[true, '1<2', '3=3 and true', "level>'6'", '(1)=(1)', '0x1F = 31', '.5 = 0.5'],
	[true, '-1 < 0', '- 1 < 0', '1 - -2 = 3', '007 = 7', '1e3 = 1000', '-1.5E+1 = -15'],
	[true, "'it\\'s' = \"it's\"", '"\\u0041\\\\" = \'A\\\\\'', "'a\nb' = 'a\nb'"],
	[true, '/* why */ true', 'true /* not */ and /**/ true', "kind/* c */= 'Alarm'"],
	[
		'syntax error',
		"'\\x41' = 'A'",
		"'open",
		'"open\'',
		'{kind} = 1',
		'and',
		'not',
		'(true',
		'true)',
	],
	['syntax error', '= 1', '1 =', 'a b', "kind === 'x'", 'list[0]', 'a:b', '@x = 1', ';', 'f(,)'],
	['syntax error', "select = 'x'", "WHERE = 'x'", 'true true', '3 +4 = 7', 'true -- note'],
	[undefined, '', ' \t\r\n '],
]);

outcomes('operators bind as tightly as in Azure IoT Edge, from the left', [
	[true, '1 + 2 * 3 = 7', '10 - 4 - 3 = 3', '8 / 4 / 2 = 1', '2 * 7 % 4 = 2', '1 < 2 = true'],
	[true, 'true or false and false', 'not false and true', 'not not true', '- - 1 = 1'],
	[true, "(absent ?? 'x') = 'x'", "'a' || 'b' = 'ab'", 'true ?? true = false'],
	[true, 'not (1 = 2)', '(1 = 1) = (2 = 2)', 'NOT (false OR false)', '-(3 + 4) = -7'],
	['type error', "not kind = 'x'", "absent ?? 'a' = 'a'", '1 < 2 < 3'],
]);

outcomes('operands must have types that go together', [
	['type error', 'kind = 1', 'kind = true', 'kind = null', "1 + '1'", "'1' + '1'", '1 || 2'],
	['type error', 'null = 1', 'null = undefined', '1 and true', "true or 'x'", 'not 1', '- kind'],
	['type error', '- null', 'not undefined', 'null and undefined', '1 ?? kind', 'kind ?? null'],
	['type error', '$body.a % 2', '- $body.a = 1', 'true and $body.a', '$body.a and null'],
	[true, 'null = null', 'null <= null', 'null or true', 'not null', '(null and null) = null'],
	[false, 'null != null', 'null < null', 'null', 'null and true', 'false and undefined'],
	[undefined, 'undefined = undefined', 'undefined or false', 'undefined', '5', "'text'", '1 + 1'],
	[true, 'false < true', "'10' < '9'", "'😀' < 'ﬀ'", "'' < 'a'", '0.1 + 0.2 != 0.3'],
]);

outcomes('what is undefined decides nothing', [
	[true, "true or absent = 'x'", "absent = 'x' or true", "is_defined(absent = 'x') = false"],
	[false, "false and absent = 'x'", "absent = 'x' and false"],
	[undefined, "not (absent = 'x')", "absent = 'x' or false", "absent = 'x' and true"],
	[undefined, '0 / 0 = 0 / 0', '0 / 0 != 1', '5 % 0 = 0', 'as_number(absent) > 1'],
	[true, '1 / 0 = 2 / 0', 'is_defined(1 / 0)', 'not is_number(1 / 0)', '10e999 = 1 / 0'],
]);

outcomes('functions on numbers', [
	[true, 'abs(-2) = 2', 'ABS (-2) = 2', 'ceiling(1.2) = 2', 'floor(-1.2) = -2', 'sign(-3) = -1'],
	[true, 'square(-4) = 16', 'sqrt(9) = 3', 'power(2, -1) = 0.5', 'exp(0) = 1', 'power(2, 0) = 1'],
	[false, 'is_defined(sqrt(-1))', 'is_defined(power(0 / 0, 0))', 'is_defined(abs(0 / 0))'],
	[true, 'as_number(level) = 7', 'as_number(price) = -1234.5', 'as_number(3) = 3'],
	['type error', 'abs()', "abs('1')", 'abs(true)', 'abs(1, 2)', 'power(2)', 'as_number(true)'],
	['type error', 'as_number(null)', 'log(1)', 'iif(true, 1, 2)', 'square(kind)'],
]);

outcomes('functions on strings', [
	[true, "concat('a', kind, 'b') = 'aAlarmb'", "'a' || novalue || 'b' = 'ab'", "length('é😀') = 3"],
	[true, "lower(kind) = 'alarm'", "upper('straße') = 'STRAßE'", "lower('ΟΔΟΣ') = 'οδοσ'"],
	[true, "index_of(kind, 'r') = 3", "index_of(kind, 'R') = -1", "contains(kind, '')"],
	[true, "starts_with(kind, 'Al')", "ends_with(kind, 'rm')", "not contains(kind, 'al')"],
	[true, "substring(kind, 2) = 'arm'", "substring(kind, 5) = ''", "substring(kind, 1, 2) = 'la'"],
	[true, "substring(kind, 1.9, 2.9) = 'la'", "substring(kind, 4, 1) = 'm'"],
	[undefined, "substring(kind, 6) = ''", "substring(kind, -1) = 'm'", "substring(kind, 5, 0) = ''"],
	[undefined, "substring(kind, 1, 9) = 'x'", "substring(kind, 1, -1) = ''", 'length(novalue) = 0'],
	[undefined, "starts_with(absent, 'a')", "concat('a', absent) = 'a'", "lower(novalue) = ''"],
	['type error', "concat('a')", 'length(1)', "index_of('a', 1)", "substring('a', '1')"],
	['type error', "contains('a')", 'upper(undefined)', "twin_change_includes('a')"],
]);

outcomes('functions on types', [
	[true, 'is_bool(true)', 'is_bool(1 = 1)', 'is_number(5)', 'is_string(kind)', 'is_null(novalue)'],
	[true, 'is_null(null)', 'is_defined(kind)', 'is_defined(novalue)', 'is_defined(null)'],
	[false, 'is_bool(kind)', 'is_number(level)', 'is_string(novalue)', 'is_string(absent)'],
	[false, 'is_null(absent)', 'is_null(1 / 0)', 'is_defined(absent)', 'is_defined(undefined)'],
	[undefined, "is_bool(absent = 'x')"],
	['type error', 'is_defined()', 'is_null(1, 2)'],
]);

outcomes('values of the body', [
	[true, '$body.machine.temperature > 71', '$BODY.machine.temperature = 71.5', '$body.1st = 1'],
	[true, "$body.machine.serial-number = 'K7'", '$body.machine.ok', 'not $body.machine.ok = false'],
	[true, '$body.history[0] = 70', '$body.history[1][1] = 72', "$body.history[2].at = 'noon'"],
	[
		true,
		'{$body.machine.temperature} >= 71.5',
		"{ $body.empty } = ''",
		'$body.machine.note = null',
	],
	[true, '$body.machine.temperature + 1 = 72.5', "$body.machine.serial-number || 'x' = 'K7x'"],
	[true, 'is_null($body.machine.note)', 'not is_null($body.machine)', 'is_number($body.1st)'],
	[true, "($body.absent ?? 'none') = 'none'", '($body.machine ?? 1) = 1'],
	[false, "$body.machine.temperature = '71.5'", '$body.1st = true', "$body.empty = 'x'"],
	[true, '$body.__proto__ = 1', 'not is_defined($body.constructor)'],
	[false, 'is_defined($body.absent)', 'is_null($body.absent)', 'is_defined($body.machine)'],
	[undefined, '$body.absent = null', '$body.absent > 1', '$body.absent < 1', '$body.absent != 1'],
	[undefined, '$body.machine.note > 1', '1 < $body.machine.note', '$body.machine = 1', '$body'],
	[undefined, '$body.history = 1', '$body.machine.temperature.x = 1', '$body.toString = 1'],
	[undefined, '$body.stamp > 1', '$body.machine.Temperature = 1', '$body.history[9] = 1'],
	[
		'type error',
		'$body. = 1',
		'$body.a..b = 1',
		'$body.a[] = 1',
		'$body.a[x] = 1',
		'$body.a[-1]=1',
	],
	['type error', '$body.123 = 1', '$body.a[0]x = 1', '$body.a]= 1', '$body.[0] = 1'],
]);

test('the body is looked at only where the message says that it is JSON, in its encoding', (t) => {
	const text = '{"n": 5}';
	const utf32 = Buffer.alloc(text.length * 4);
	for (const [index, character] of [...text].entries()) {
		utf32.writeUInt32LE(character.charCodeAt(0), index * 4);
	}
	const cases: [string | undefined, string | undefined, Buffer, boolean | undefined][] = [
		['application/json', 'utf-8', Buffer.from(text), true],
		['APPLICATION/JSON', 'UTF-16', Buffer.from(text, 'utf16le'), true],
		['application/json', 'utf-32', utf32, true],
		['application/json', 'utf-16', Buffer.from(text), undefined],
		['application/json', 'utf-8', Buffer.from(text, 'utf16le'), undefined],
		['application/json', 'utf-8', Buffer.from(`\ufeff${text}`), undefined],
		['application/json', 'utf8', Buffer.from(text), undefined],
		['application/json', undefined, Buffer.from(text), undefined],
		['application/json; charset=utf-8', 'utf-8', Buffer.from(text), undefined],
		['text/json', 'utf-8', Buffer.from(text), undefined],
		[undefined, 'utf-8', Buffer.from(text), undefined],
	];
	for (const [contentType, contentEncoding, body, outcome] of cases) {
		const systemProperties = new Map(
			Object.entries({ contentType, contentEncoding }).filter(([, value]) => value !== undefined),
		) as Map<string, string>;
		const of = { body, properties: new Map(), systemProperties };
		t.is(outcomeOf('$body.n = 5', 'standard', of), outcome, `${contentType} ${contentEncoding}`);
	}
});

test('a body may be JSON as people write it, but must be an object', (t) => {
	const cases: [string, boolean | undefined][] = [
		["{n: 5, s: 'x',}", true],
		['{"n": /* five */ 5, // rest\n "a": [1, 2,]}', true],
		["{'n': 0x5}", true],
		['{"n": 1, "n": 5}', true],
		[`{n: 5, u: '\\u0041\\n', d: {e: [{}, []]}, t: true, z: null}`, true],
		['{n: NaN}', false],
		['{}', undefined],
		['', undefined],
		['5', undefined],
		['[{"n": 5}]', undefined],
		['{"n": 5} rest', undefined],
		['{"n": 5', undefined],
		['{n 5}', undefined],
		['{n: 5 m: 6}', undefined],
		["{n: '5}", undefined],
		['{n: five}', undefined],
		[`{"n": 5, x: ${'['.repeat(100)}${']'.repeat(100)}}`, undefined],
		[`{n: 5, x: ${'['.repeat(100_000)}`, undefined],
	];
	for (const [body, outcome] of cases) {
		const of = { ...message, body: Buffer.from(body) };
		t.is(outcomeOf('$body.n = 5', 'standard', of), outcome, body.slice(0, 60));
	}
});

test('the mode for Azure IoT Edge brings its defects back', (t) => {
	const table: [string, Outcome, Outcome][] = [
		['true and false or', 'syntax error', 'syntax error'],
		["kind = 'Alarm' more words", 'syntax error', true],
		['true )', 'syntax error', true],
		['true @', 'syntax error', 'syntax error'],
		['$body.absent > 1', undefined, true],
		['$body.absent = null', undefined, true],
		['is_defined($body.absent)', false, true],
		['$body.machine.note > 1', undefined, true],
		['is_null($body.machine.temperature)', false, true],
		['is_null($body.machine.note)', true, true],
		['is_null($body.absent)', false, false],
		['is_null($body.machine)', false, false],
		["e5 = 'exponent'", true, 'type error'],
		['$body.a % 2', 'type error', 'type error'],
	];
	for (const [condition, standard, azure] of table) {
		t.is(outcomeOf(condition), standard, condition);
		t.is(outcomeOf(condition, 'azure'), azure, condition);
	}
});

test('problems say where they are and what was expected, type errors all at once', (t) => {
	const condition = compileCondition(
		"kind = 5 AND\n  nope(1) AND abs('x') > 1 AND -level > 1 OR - kind",
	);
	const problems = 'problems' in condition ? condition.problems : [];
	t.deepEqual(
		problems.map(({ line, column, endLine, endColumn, message: text }) => [
			[line, column, endLine, endColumn],
			text,
		]),
		[
			[
				[1, 6, 1, 7],
				"Operator '=' needs both of one type, but has string and number. Properties are strings: use as_number(property).",
			],
			[[2, 3, 2, 7], "There is no function 'nope'."],
			[[2, 15, 2, 18], "Function 'abs' takes (number), not (string)."],
			[
				[2, 39, 2, 40],
				"Operator '>' needs both of one type, but has string and number. Properties are strings: use as_number(property).",
			],
			[[2, 46, 2, 47], "Operator '-' needs number, but has string."],
		],
	);
	const cut = compileCondition("(kind = 'x'");
	t.like('problems' in cut ? cut.problems[0] : {}, {
		kind: 'syntax',
		column: 12,
		message: "Expected an operator or ')', but the text ends.",
	});
});

test('nesting, length and chains are bounded, not the stack', (t) => {
	t.is(outcomeOf(`${'('.repeat(190)}true${')'.repeat(190)}`), true);
	t.is(outcomeOf(`${'not '.repeat(190)}true`), true);
	t.is(outcomeOf(Array.from({ length: 900 }, () => 'true').join(' and ')), true);
	for (const text of [
		'('.repeat(30_000),
		'not '.repeat(15_000),
		'- '.repeat(30_000),
		'abs('.repeat(15_000),
		`${'('.repeat(300)}true${')'.repeat(300)}`,
		Array.from({ length: 5000 }, () => 'true').join(' and '),
		'x'.repeat(70_000),
	]) {
		t.is(outcomeOf(text), 'syntax error', text.slice(0, 20));
	}
	t.is(outcomeOf(`concat(${Array.from({ length: 5000 }, () => "'a'").join(',')}) = 'a'`), false);
});

test('any text compiles or has problems inside of it, and never throws', (t) => {
	const word = fc.constantFrom(
		...[
			'(',
			')',
			',',
			'=',
			'<>',
			'??',
			'||',
			'- ',
			'not ',
			' and ',
			' or ',
			'$body.a',
			'$body.b[0]',
		],
		...[
			'kind',
			"'x'",
			'"',
			"'",
			'1',
			'1.5',
			'null',
			'undefined',
			'true',
			'abs(',
			'concat(',
			'/*',
			'*/',
		],
		...['{$x}', '\\', '\n', ' ', ' + ', ' % ', 'is_null(', 'as_number(', 'substring('],
	);
	const text = fc.oneof(
		fc.array(word, { maxLength: 12 }).map((words) => words.join('')),
		fc.string({ maxLength: 20 }),
	);
	fc.assert(
		fc.property(
			text,
			fc.constantFrom<Compatibility>('standard', 'azure'),
			(written, compatibility) => {
				const condition = compileCondition(written, { compatibility });
				if (!('problems' in condition)) {
					t.true([true, false, undefined].includes(evaluate(condition, message)));
					return;
				}
				t.true(condition.problems.length > 0);
				const lines = written.split('\n');
				for (const { line, column } of condition.problems) {
					t.true(column >= 1 && column <= (lines[line - 1]?.length ?? -1) + 1);
				}
			},
		),
		{ numRuns: 2000 },
	);
});
