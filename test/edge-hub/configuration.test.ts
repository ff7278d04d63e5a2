import test from 'ava';
import { desiredStatus, readConfiguration } from '../../src/edge-hub/configuration.ts';
import { defaultPriority } from '../../src/edge-hub/routing/route.ts';
import type { JsonObject, JsonValue } from '../../src/runtime/json.ts';

const route = 'FROM /messages/* INTO $upstream';
const store = { timeToLiveSecs: 60 };

function read(desired: JsonObject) {
	return readConfiguration(desired, { edgeDeviceId: 'edge1' });
}

/** Messages of the problems; none where the properties can be used. */
function problemsOf(desired: JsonObject): string[] {
	const outcome = read(desired);
	return 'problems' in outcome ? outcome.problems.map(({ message }) => message) : [];
}

test('schema versions 1.0 to 1.3 are read, further components are ignored', (t) => {
	for (const schemaVersion of ['1.0', '1.1', '1.2', '1.3', '1.1.0', '1.3.9.1', ' 1.0 ']) {
		const desired = { schemaVersion, routes: { r: route }, storeAndForwardConfiguration: store };
		t.deepEqual(problemsOf(desired), [], schemaVersion);
	}
	const bad: (JsonValue | undefined)[] = [
		'1',
		'1.4',
		'0.1',
		'2.0',
		'1.0.0.0.0',
		'one',
		'',
		1.1,
		null,
		undefined,
	];
	for (const schemaVersion of bad) {
		const desired = {
			...(schemaVersion === undefined ? {} : { schemaVersion }),
			routes: { r: route },
			storeAndForwardConfiguration: store,
		};
		t.regex(problemsOf(desired).join(), /^Invalid schema version: /, `${schemaVersion}`);
	}
});

test('a bad schema version makes no other faults', (t) => {
	const desired = {
		schemaVersion: '9',
		routes: { r: { route, priority: 1 }, bad: 'FROM' },
		storeAndForwardConfiguration: store,
	};
	t.is(problemsOf(desired).length, 2);
});

test('routes come with priority and time to live from schema version 1.1 on', (t) => {
	const outcome = read({
		schemaVersion: '1.1',
		routes: {
			plain: route,
			object: { route, priority: 3, timeToLiveSecs: 4_294_967_295 },
			half: { route },
			text: { route, priority: '0', timeToLiveSecs: ' 60 ' },
		},
		storeAndForwardConfiguration: {
			timeToLiveSecs: -1,
			storeLimits: { maxSizeBytes: '1000000000000' },
		},
		mqttBroker: {},
		$version: 7,
	});
	if ('problems' in outcome) return t.fail(JSON.stringify(outcome));
	t.like(outcome, { schemaVersion: '1.1', timeToLiveSecs: -1, maxSizeBytes: 1e12 });
	t.deepEqual(
		outcome.routes.routes.map(({ name, priority, timeToLiveSecs }) => [
			name,
			priority,
			timeToLiveSecs,
		]),
		[
			['plain', defaultPriority, 0],
			['object', 3, 4_294_967_295],
			['half', defaultPriority, 0],
			['text', 0, 60],
		],
	);
});

test('in schema version 1.0 routes are strings, blank ones are skipped, and there may be none', (t) => {
	const desired = { schemaVersion: '1.0', storeAndForwardConfiguration: store };
	t.deepEqual(problemsOf(desired), []);
	const outcome = read({ ...desired, routes: { a: '', b: null, c: '  ', d: route } });
	t.deepEqual('problems' in outcome ? outcome : outcome.routes.routes.map(({ name }) => name), [
		'd',
	]);
	t.deepEqual(problemsOf({ ...desired, routes: { a: { route } } }), [
		'Error parsing route a - a route must be a string.',
	]);
	t.is(problemsOf({ ...desired, schemaVersion: '1.1' }).length, 1);
});

test('every member of a wrong form is reported', (t) => {
	const routes = {
		'': route,
		number: 5,
		list: [route],
		nothing: null,
		blank: ' ',
		textless: { priority: 1 },
		high: { route, priority: 10 },
		fraction: { route, priority: 1.5 },
		text: { route, priority: 'one' },
		empty: { route, priority: '' },
		past: { route, timeToLiveSecs: -1 },
	};
	const outcome = read({ schemaVersion: '1.1', routes, storeAndForwardConfiguration: [] });
	const paths = 'problems' in outcome ? outcome.problems.map(({ path }) => path) : [];
	t.deepEqual(paths, [
		...Object.keys(routes).map((name) => `$.routes[${JSON.stringify(name)}]`),
		'$.storeAndForwardConfiguration',
	]);
});

test('the time to live must be an integer, and is two hours where it is missing', (t) => {
	const desired = { schemaVersion: '1.0', routes: {} };
	for (const [configuration, seconds] of [
		[{}, 7200],
		[{ timeToLiveSecs: 0 }, 0],
		[{ timeToLiveSecs: null }, 7200],
		[{ timeToLiveSecs: '-1' }, -1],
	] as const) {
		const outcome = read({ ...desired, storeAndForwardConfiguration: configuration });
		t.like(outcome, { timeToLiveSecs: seconds });
	}
	for (const configuration of [
		{ timeToLiveSecs: '60s' },
		{ timeToLiveSecs: 1.5 },
		{ timeToLiveSecs: 3e9 },
		{ timeToLiveSecs: 1, storeLimits: 5 },
		{ timeToLiveSecs: 1, storeLimits: { maxSizeBytes: 0 } },
		{ timeToLiveSecs: 1, storeLimits: { maxSizeBytes: '1e3' } },
	]) {
		const problems = problemsOf({ ...desired, storeAndForwardConfiguration: configuration });
		t.is(problems.length, 1, JSON.stringify(configuration));
	}
	t.is(problemsOf(desired).length, 1);
});

test('one bad route fails the configuration, type errors too, and the status says what and where', (t) => {
	const outcome = read({
		schemaVersion: '1.0',
		routes: {
			good: route,
			cut: 'FROM /messages/* INTO',
			types: 'FROM /messages/* WHERE level > 5 AND not kind INTO $upstream',
		},
		storeAndForwardConfiguration: store,
	});
	t.deepEqual(desiredStatus(outcome), {
		code: 400,
		description:
			'Error while parsing desired properties - ' +
			'Error parsing route cut - line 1, column 22: Expected $upstream or BrokeredEndpoint("…"), but the text ends. ' +
			"Error parsing route types - line 1, column 30: Operator '>' needs both of one type, but has string and number. " +
			'Properties are strings: use as_number(property). ' +
			"line 1, column 38: Operator 'not' needs bool, but has string. It binds more tightly than = and <.",
	});
	const good = read({ schemaVersion: '1.0', storeAndForwardConfiguration: store });
	t.deepEqual(desiredStatus(good), { code: 200, description: '' });
});

test('a route may have any name', (t) => {
	const desired = JSON.parse(
		`{"schemaVersion":"1.0","routes":{"__proto__":"${route}","constructor":"${route}"},"storeAndForwardConfiguration":{}}`,
	);
	const outcome = read(desired);
	t.deepEqual('problems' in outcome ? outcome : outcome.routes.routes.map(({ name }) => name), [
		'__proto__',
		'constructor',
	]);
});
