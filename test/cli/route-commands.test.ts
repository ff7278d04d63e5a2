import { Readable } from 'node:stream';
import test from 'ava';
import { evaluateRoutes } from '../../src/cli/commands/route-evaluate.ts';
import { explainRoute } from '../../src/cli/commands/route-explain.ts';
import { RecordingTerminal } from '../support/recording-terminal.ts';

async function evaluated(
	questions: readonly unknown[],
	compatibility: 'none' | 'azure' = 'none',
): Promise<{ readonly answers: Record<string, unknown>[]; readonly code: number }> {
	const terminal = new RecordingTerminal();
	const lines = questions.map((each) => (typeof each === 'string' ? each : JSON.stringify(each)));
	const code = await evaluateRoutes(
		Readable.from([`${lines.join('\n\n')}\n`]),
		{ compatibility },
		terminal,
	);
	const answers = terminal.output
		.trimEnd()
		.split('\n')
		.map((line) => JSON.parse(line));
	return { answers, code };
}

const json = { contentType: 'application/json', contentEncoding: 'utf-8' };

test('each line with a message is answered with what the message comes to', async (t) => {
	const message = {
		source: '/messages/modules/filter/outputs/out',
		body: { temp: 31, absent: null },
		properties: { Level: '7', empty: null },
		systemProperties: { ...json, nothing: null },
	};
	const change = {
		source: '/twinChangeNotifications',
		body: { fan: null },
		systemProperties: json,
	};
	const includes = (name: string) => `twin_change_includes(properties.reported.${name})`;
	const table: [object, unknown][] = [
		[{ condition: '$body.temp > 30', message }, true],
		[{ condition: 'as_number(level) < 7', message }, false],
		[{ condition: "missing = 'x'", message }, 'undefined'],
		[{ condition: 'is_null(empty)', message }, true],
		[{ condition: 'is_defined($nothing)', message }, false],
		[{ condition: 'level = 7', message }, 'type-error'],
		[{ condition: 'level >', message }, 'syntax-error'],
		[{ route: 'FROM /messages/* INTO $upstream', message }, true],
		[{ route: 'FROM /messages/modules/other INTO $upstream', message }, false],
		[{ route: 'FROM /messages/* WHERE $body.temp > 31 INTO $upstream', message }, false],
		[{ route: 'FROM /messages/* INTO $cloud', message }, 'sink-error'],
		[{ condition: includes('fan'), message: change }, true],
		[{ condition: includes('light'), message: change }, false],
		[{ condition: includes('fan'), message }, 'type-error'],
		[
			{
				route: `FROM /twinChangeNotifications WHERE ${includes('fan')} INTO $upstream`,
				message: change,
			},
			true,
		],
	];
	const { answers, code } = await evaluated(table.map(([question]) => question));
	t.deepEqual(
		answers.map(({ result }) => result),
		table.map(([, result]) => result),
	);
	t.is(code, 0);
});

test('without a message it is said what the text means', async (t) => {
	const table: [object, unknown][] = [
		[
			{ route: 'select * from /messages/* into $Upstream', message: null },
			{ source: '/messages/*', condition: 'true', sink: { system: '$Upstream' } },
		],
		[
			{ route: "FROM / messages WHERE  a = 'x'\nINTO brokeredEndpoint('modules/m/inputs/i/')" },
			{
				source: '/messages',
				condition: "a = 'x'",
				sink: { function: 'brokeredEndpoint', parameter: 'modules/m/inputs/i/' },
			},
		],
		[{ condition: "level = '7'" }, 'valid'],
		[{ condition: 'null = null', message: null }, true],
		[{ condition: 'undefined = undefined' }, 'undefined'],
		[{ condition: '3 + 4 / 4' }, { value: 4 }],
		[{ condition: '1 / 0' }, { value: 'Infinity' }],
		[{ condition: "'a' || 'b'" }, { value: 'ab' }],
		[{ condition: '' }, 'undefined'],
	];
	const { answers } = await evaluated(table.map(([question]) => question));
	t.deepEqual(
		answers.map(({ result }) => result),
		table.map(([, result]) => result),
	);
});

test('the results of Azure IoT Edge can be asked for', async (t) => {
	const question = {
		condition: '$body.missing > 1',
		message: { body: {}, systemProperties: json },
	};
	t.is((await evaluated([question])).answers[0]?.['result'], 'undefined');
	t.is((await evaluated([question], 'azure')).answers[0]?.['result'], true);
});

test('lines are what JSON Lines has: only a line feed ends one, and a byte order mark counts for nothing', async (t) => {
	const terminal = new RecordingTerminal();
	const question = { condition: "p = 'a\u2028b'", message: { properties: { p: 'a\u2028b' } } };
	const text = `\ufeff${JSON.stringify(question)}\r\n\r\n{"condition":\r"true"}`;
	const bytes = Buffer.from(text);
	const cut = bytes.indexOf(0xe2) + 1;
	const input = Readable.from([bytes.subarray(0, cut), bytes.subarray(cut)]);
	t.is(await evaluateRoutes(input, { compatibility: 'none' }, terminal), 0);
	t.is(terminal.output, '{"result":true}\n{"result":true}\n');
});

test('a line that cannot be read is answered too, and those behind it', async (t) => {
	const { answers, code } = await evaluated(['{', '[]', {}, { condition: 'true', message: {} }]);
	t.deepEqual(
		answers.map((answer) => ('error' in answer ? answer['line'] : answer['result'])),
		[1, 3, 5, true],
	);
	t.is(code, 2);
});

function explained(text: string, output: 'text' | 'json' = 'text') {
	const terminal = new RecordingTerminal();
	const code = explainRoute(text, { compatibility: 'none', output }, terminal);
	return { code, text: terminal.output, notes: terminal.notes };
}

test('a route is explained part by part', (t) => {
	const route =
		'FROM /messages/modules/filter/outputs/out WHERE as_number(level) > 4 AND $body.t > $connectionDeviceId INTO BrokeredEndpoint("/modules/sink/inputs/in")';
	t.is(
		explained(route).text,
		[
			'from   /messages/modules/filter/outputs/out: messages of module filter on output out',
			'where  as_number(level) > 4 AND $body.t > $connectionDeviceId',
			'reads  application property level, body $body.t, system property $connectionDeviceId',
			'needs  content type application/json and content encoding utf-8, utf-16 or utf-32',
			'into   input in of module sink',
			'',
		].join('\n'),
	);
	t.deepEqual(JSON.parse(explained('FROM /* INTO $upstream', 'json').text), {
		source: '/*',
		condition: 'true',
		sink: { system: '$upstream' },
		reads: [],
	});
});

test('a source is explained, also one that no message has', (t) => {
	const table: [string, RegExp][] = [
		['/*', /every message, changes of twins included/],
		['/messages/*', /every message of modules and leaf devices/],
		['/messages/modules/*', /messages of modules$/m],
		['/Messages/Modules/a', /messages of module a$/m],
		['/twinChangeNotifications', /changes of reported properties/],
		['/messages/modules/*/outputs/o', /no message has such a source/],
		['/messages/devices/a', /no message has such a source/],
	];
	for (const [source, meaning] of table) {
		t.regex(explained(`FROM ${source} INTO $upstream`).text, meaning, source);
	}
});

test('a condition is explained on its own, also one that is never true', (t) => {
	t.is(explained("level = '7'").text, 'reads  application property level\n');
	t.regex(explained('1 + 1').text, /never true: it gives number/);
	t.regex(explained('1 = 1').text, /the same for every message/);
});

test('what compiles and is hardly meant is noted', (t) => {
	const table: [string, RegExp | undefined][] = [
		["kind!='x'", /note +kind! is the name of a property: blanks/],
		["ready = 'x' AND TRUE = 'y'", /note +TRUE is the name of a property; the literal is true/],
		["$CorrelationId = 'x'", /note +No message has .* \$CorrelationId; it is called \$cid/],
		["$nothing = 'x'", /note +No message has the system property \$nothing\./],
		["kind != 'x' AND a-1 = $connectionDeviceId AND $body.a!b = 1", undefined],
	];
	for (const [text, note] of table) {
		if (note === undefined) t.notRegex(explained(text).text, /note/, text);
		else t.regex(explained(text).text, note, text);
	}
});

test('what is wrong is shown under its place', (t) => {
	const { code, notes } = explained(
		"FROM /messages/* WHERE\n\tlevel = 5 AND upper(5) = 'x'\nINTO $cloud",
	);
	t.is(code, 2);
	t.deepEqual(
		notes.split('\n').map((line) => line.replace(/ [A-Z].*/, '')),
		[
			" level = 5 AND upper(5) = 'x'",
			'       ^',
			" level = 5 AND upper(5) = 'x'",
			'               ^^^^^',
			'INTO $cloud',
			'     ^^^^^^',
			'',
		].map((line) => line.replace(/ [A-Z].*/, '')),
	);
});
