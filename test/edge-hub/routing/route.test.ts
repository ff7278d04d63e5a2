import test from 'ava';
import { deviations } from '../../../src/edge-hub/routing/deviations.ts';
import { telemetrySource } from '../../../src/edge-hub/routing/message-source.ts';
import {
	type CompiledRoute,
	compileRoute,
	defaultPriority,
} from '../../../src/edge-hub/routing/route.ts';
import { RouteSet } from '../../../src/edge-hub/routing/route-set.ts';
import { compileSourcePattern } from '../../../src/edge-hub/routing/source-pattern.ts';
import { messageOf } from '../../support/delivery-fixture.ts';

function compiled(text: string, options = {}): CompiledRoute {
	const route = compileRoute('r', text, options);
	if ('problems' in route) throw new Error(`${text}: ${route.problems[0]?.message}`);
	return route;
}

const upstream = { kind: 'upstream' };
const input = { kind: 'module-input', moduleId: 'filter', input: 'in1' };

test('a route has a source, a condition and a sink, in any case and with any blanks', (t) => {
	const table: [string, string, string, object][] = [
		['FROM /messages INTO $upstream', '/messages', 'true', upstream],
		['from /* into $UPSTREAM', '/*', 'true', upstream],
		[' SELECT *\n FROM\t/messages/*\r\nINTO $upstream ', '/messages/*', 'true', upstream],
		['FROM / messages / modules/m-1 INTO $upstream', '/messages/modules/m-1', 'true', upstream],
		["FROM /* WHERE (a = 'INTO') INTO $upstream", '/*', "(a = 'INTO')", upstream],
		[
			'FROM /messages/modules/*/outputs/o INTO $upstream',
			'/messages/modules/*/outputs/o',
			'true',
			upstream,
		],
		['FROM /* INTO BrokeredEndpoint("/modules/filter/inputs/in1")', '/*', 'true', input],
		["FROM /* INTO brokeredendpoint ( 'modules/filter/inputs/in1/' )", '/*', 'true', input],
		[
			"FROM /messages/* WHERE a = 'x' /* why */ INTO $upstream",
			'/messages/*',
			"a = 'x' /* why */",
			upstream,
		],
		['FROM /* WHERE 1 = 1 /* why */ INTO /* where */ $upstream', '/*', '1 = 1 /* why */', upstream],
	];
	for (const [text, source, conditionText, sink] of table) {
		const route = compiled(text);
		t.like(route, { name: 'r', text, source, conditionText, priority: defaultPriority }, text);
		t.deepEqual(route.sink as object, sink, text);
	}
	const placed = compiled('FROM /* INTO $upstream', { priority: 0, timeToLiveSecs: 60 });
	t.like(placed, { priority: 0, timeToLiveSecs: 60 });
});

test('a route that breaks the grammar says where', (t) => {
	const table: [string, number, string][] = [
		['', 1, 'Expected FROM, but the text ends.'],
		['FORM /* INTO $upstream', 1, 'Expected FROM, not FORM.'],
		['SELECT a FROM /* INTO $upstream', 8, "Expected '*', not a."],
		[
			'FROM messages INTO $upstream',
			6,
			"Expected '/' and a source such as /messages/*, not messages.",
		],
		['FROM / INTO $upstream', 8, "Expected a name or '*', not INTO."],
		['FROM /messages/ INTO $upstream', 17, "Expected a name or '*', not INTO."],
		['FROM //x INTO $upstream', 7, "Expected a name or '*', not /."],
		['FROM /modules/123/outputs/* INTO $upstream', 15, "Expected a name or '*', not 123."],
		['FROM /modules/$edgeHub INTO $upstream', 15, "Expected a name or '*', not $edgeHub."],
		['FROM /modules/a b INTO $upstream', 17, "Expected '/', WHERE or INTO, not b."],
		['FROM /modules/a:b INTO $upstream', 16, "':' has no meaning here."],
		['FROM /* WHERE INTO $upstream', 15, 'Expected a value, a property or a function, not INTO.'],
		["FROM /* WHERE a = 'x' b INTO $upstream", 23, 'Expected an operator or INTO, not b.'],
		['FROM /* INTO', 13, 'Expected $upstream or BrokeredEndpoint("…"), but the text ends.'],
		['FROM /* INTO upstream', 14, 'Expected $upstream or BrokeredEndpoint("…"), not upstream.'],
		['FROM /* INTO other', 19, "Expected '(', but the text ends."],
		['FROM /* INTO BrokeredEndpoint()', 31, 'Expected "/modules/{module}/inputs/{input}", not ).'],
		['FROM /* INTO BrokeredEndpoint("/modules/a/inputs/b"', 52, "Expected ')', but the text ends."],
		['FROM /* INTO BrokeredEndpoint("/modules/a', 31, 'A string lacks its closing ".'],
		['FROM /* INTO $upstream please', 24, 'Expected the end of the route, not please.'],
		[
			'FROM /messages/* WHERE a = /* x */ INTO $upstream',
			36,
			'Expected a value, a property or a function, not INTO.',
		],
		[
			"FROM /* WHERE a == 'x' INTO $upstream",
			18,
			"Expected a value, a property or a function, not =. Equality is one '='.",
		],
		[
			"FROM /* WHERE a = 'x' && b = 'y' INTO $upstream",
			23,
			'Expected an operator or INTO, not &&. Conditions are joined by AND.',
		],
		[
			"FROM /* WHERE a LIKE 'x%' INTO $upstream",
			17,
			'Expected an operator or INTO, not LIKE. There is no LIKE: use starts_with, ends_with or contains.',
		],
		['FROM /* WHERE abs(1 > 2 INTO $upstream', 25, "Expected an operator, ',' or ')', not INTO."],
		['FROM /* WHERE (1 > 2 INTO $upstream', 22, "Expected an operator or ')', not INTO."],
		[
			`FROM ${'x'.repeat(50)}`,
			6,
			`Expected '/' and a source such as /messages/*, not ${'x'.repeat(40)}….`,
		],
		[`FROM /${'x'.repeat(70_000)} INTO $upstream`, 1, 'A route has 65536 characters at most.'],
	];
	for (const [text, column, message] of table) {
		const route = compileRoute('r', text);
		t.like(
			'problems' in route ? route.problems[0] : {},
			{ kind: 'syntax', line: 1, column, message },
			text,
		);
	}
});

test('type errors and an unknown sink are reported together', (t) => {
	const route = compileRoute('r', "FROM /* WHERE a = 5 AND b > 'x' OR not c INTO $downstream");
	const problems = 'problems' in route ? route.problems : [];
	t.deepEqual(
		problems.map(({ kind, column }) => [kind, column]),
		[
			['type', 17],
			['type', 36],
			['sink', 47],
		],
	);
});

test('sinks that lead nowhere are refused', (t) => {
	for (const sink of [
		...['$cloud', 'Other("/modules/a/inputs/b")', 'BrokeredEndpoint("a")', 'BrokeredEndpoint("")'],
		...['BrokeredEndpoint("/modules//a/inputs/b")', 'BrokeredEndpoint("//modules/a/inputs/b")'],
		...['BrokeredEndpoint("/modules/a/inputs/")', 'BrokeredEndpoint("/modules/a/inputs/b/c")'],
	]) {
		const route = compileRoute('r', `FROM /* INTO ${sink}`);
		t.is('problems' in route ? route.problems[0]?.kind : undefined, 'sink', sink);
	}
});

test('a source matches itself and what lies below it', (t) => {
	const table: [string, string, boolean][] = [
		['/*', '/messages', true],
		['/messages', '/messages', true],
		['/messages/*', '/messages', true],
		['/MESSAGES/*', '/messages/modules/m/outputs/o', true],
		['/messages/modules/m', '/messages/modules/m/outputs/o', true],
		['/messages/modules/m/*', '/messages/modules/M', true],
		['/messages/modules/m', '/messages/modules/m2', false],
		['/messages/modules/m/outputs/o', '/messages/modules/m', false],
		['/messages/modules/*/outputs/o', '/messages/modules/m/outputs/o', false],
		['/messages/*', '/twinChangeNotifications', false],
	];
	for (const [pattern, source, matches] of table) {
		t.is(compileSourcePattern(pattern)(source), matches, `${pattern} ${source}`);
	}
});

test('telemetry comes from the device, a module or an output', (t) => {
	t.is(telemetrySource({ deviceId: 'leaf' }), '/messages');
	t.is(telemetrySource({ deviceId: 'e', moduleId: 'm' }), '/messages/modules/m');
	t.is(telemetrySource({ deviceId: 'e', moduleId: 'm' }, ''), '/messages/modules/m');
	t.is(telemetrySource({ deviceId: 'e', moduleId: 'm' }, 'o'), '/messages/modules/m/outputs/o');
});

test('of the routes to one endpoint the smallest priority counts, whatever the number that match', (t) => {
	const routes = new RouteSet(
		[
			compiled('FROM /* INTO $upstream', { timeToLiveSecs: 1 }),
			compiled("FROM /messages/* WHERE kind = 'alarm' INTO $upstream", {
				priority: 1,
				timeToLiveSecs: 2,
			}),
			compiled('FROM /messages/* INTO $upstream', { priority: 7, timeToLiveSecs: 3 }),
			compiled('FROM /messages/* INTO BrokeredEndpoint("/modules/a/inputs/i1")'),
			compiled('FROM /messages/* INTO BrokeredEndpoint("/modules/a/inputs/i2")'),
			compiled('FROM /messages/modules/b INTO BrokeredEndpoint("/modules/c/inputs/i")'),
		],
		'edge1',
	);
	const targets = (source: string, properties = {}) =>
		routes
			.targetsOf(messageOf('edge1/a', 'x', properties), source)
			.map(({ endpoint, priority, timeToLiveSecs }) => [endpoint, priority, timeToLiveSecs]);
	t.deepEqual(targets('/messages', { kind: 'alarm' }), [
		['iothub', 1, 2],
		['edge1/a/i1', defaultPriority, 0],
		['edge1/a/i2', defaultPriority, 0],
	]);
	t.deepEqual(targets('/messages')[0], ['iothub', 7, 3]);
	t.deepEqual(targets('/twinChangeNotifications'), [['iothub', defaultPriority, 1]]);
	t.is(targets('/messages/modules/b/outputs/o').length, 4);
	t.deepEqual([...routes.sinks.keys()].sort(), ['edge1/a/i1', 'edge1/a/i2', 'edge1/c/i', 'iothub']);
	for (let made = 0; made < 3000; made += 1) targets(`/messages/modules/b/outputs/${made}`);
	t.is(targets('/messages/modules/b/outputs/1').length, 4);
});

test('the mode for Azure IoT Edge ignores text behind the sink and knows comments in sources', (t) => {
	const azure = { compatibility: 'azure' };
	t.deepEqual(compiled('FROM /* INTO $upstream INTO nowhere', azure).sink as object, upstream);
	const route = compiled("FROM /messages/* WHERE a = 'x' /* c */ INTO $upstream", azure);
	t.is(route.conditionText, 'true');
	t.true(route.matchesSource('/messages/modules/m'));
});

test('every deviation from Azure IoT Edge says what, instead of what, and why', (t) => {
	t.is(new Set(deviations.map(({ id }) => id)).size, deviations.length);
	for (const { id, azure, standard, reason } of deviations) {
		t.regex(id, /^[a-z]+(-[a-z]+)*$/);
		for (const text of [azure, standard, reason]) t.regex(text, /^[A-Z`].*\.$/);
	}
});
