import test from 'ava';
import type { JsonObject } from '../../src/runtime/json.ts';
import { hubRequest, runningEmulator } from '../support/running-emulator.ts';

const device = { deviceId: 'dev1' };

test('a new twin looks as IoT Hub makes it', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	const { body, headers } = await hubRequest(emulator, { path: '/twins/dev1' });
	t.like(body, {
		deviceId: 'dev1',
		etag: 'AAAAAAAAAAE=',
		deviceEtag: emulator.registry.device('dev1').etag,
		status: 'enabled',
		connectionState: 'Disconnected',
		lastActivityTime: '0001-01-01T00:00:00Z',
		cloudToDeviceMessageCount: 0,
		authenticationType: 'sas',
		version: 2,
		tags: {},
		capabilities: { iotEdge: false },
	});
	t.is(headers['etag'], '"AAAAAAAAAAE="');
	const { desired, reported } = body['properties'] as Record<string, JsonObject>;
	t.is(desired?.['$version'], 1);
	t.like(desired?.['$metadata'], { $lastUpdatedVersion: 1 });
	t.deepEqual(Object.keys(reported?.['$metadata'] as JsonObject), ['$lastUpdated']);
});

test('patches count one version each, keep metadata in step, and need the right tag', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	const patch = (body: unknown, etag = '*') =>
		hubRequest(emulator, {
			method: 'PATCH',
			path: '/twins/dev1',
			body,
			headers: { 'if-match': `"${etag}"` },
		});
	const desiredOf = (body: JsonObject) =>
		(body['properties'] as JsonObject)['desired'] as JsonObject;

	const first = await patch({
		tags: { site: 'a' },
		properties: { desired: { a: { b: 1, c: 2 } } },
	});
	t.is(first.status, 200);
	t.like(first.body, { version: 3, etag: 'AAAAAAAAAAI=', tags: { site: 'a' } });

	const second = await patch(
		{ properties: { desired: { a: { b: 5, n: { gone: null } }, x: null } } },
		String(first.body['etag']),
	);
	const { $metadata, $version, ...values } = desiredOf(second.body);
	t.deepEqual(values, { a: { b: 5, c: 2, n: {} } });
	t.is($version, 3);
	const a = ($metadata as JsonObject)['a'] as Record<string, JsonObject>;
	t.deepEqual(
		['b', 'c', 'n'].map((name) => a[name]?.['$lastUpdatedVersion']),
		[3, 2, 3],
	);
	t.is(a['$lastUpdatedVersion'] as unknown, 3);

	t.is((await patch({ tags: {} }, String(first.body['etag']))).status, 412);
	const tagged = await patch({ tags: { site: null } });
	t.deepEqual(tagged.body['tags'], {});
	t.is(desiredOf(tagged.body)['$version'], 3, 'tags do not count as a desired change');

	const cleared = await patch({ properties: { desired: null } });
	const { $metadata: rest, ...left } = desiredOf(cleared.body);
	t.deepEqual(left, { $version: 4 });
	t.deepEqual(Object.keys(rest as JsonObject), ['$lastUpdated', '$lastUpdatedVersion']);
});

test('a replaced twin has nothing left of the old one, what a client read may be sent back', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	emulator.twins.patch(device, { tags: { old: 1 }, properties: { desired: { old: { x: 1 } } } });
	const { body } = await hubRequest(emulator, { path: '/twins/dev1' });
	const changed = { ...body, tags: { fresh: true } };
	const replaced = await hubRequest(emulator, {
		method: 'PUT',
		path: '/twins/dev1',
		body: changed,
		headers: { 'if-match': String(body['etag']) },
	});
	t.is(replaced.status, 200, replaced.text);
	t.deepEqual(replaced.body['tags'], { fresh: true });
	t.deepEqual(emulator.twins.get(device).desired.values, { old: { x: 1 } });
	t.is(emulator.twins.get(device).desired.version, 3);

	await hubRequest(emulator, { method: 'PUT', path: '/twins/dev1', body: {} });
	t.deepEqual(emulator.twins.get(device).desired.values, {});
	t.deepEqual(emulator.twins.get(device).tags, {});
});

test('refuses twins beyond the limits and leaves them as they were', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	const before = emulator.twins.get(device);
	const deep = (levels: number): JsonObject => (levels === 0 ? {} : { d: deep(levels - 1) });
	const many = (count: number, length: number) =>
		Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, 'x'.repeat(length)]));
	const desired = (values: unknown) => ({ properties: { desired: values } });
	const bad: [string, unknown][] = [
		['a name with a dot', desired({ 'a.b': 1 })],
		['a name with a dollar sign', desired({ $a: 1 })],
		['a name with a blank', desired({ 'a b': 1 })],
		['a name with a control character', desired({ 'a\u0001': 1 })],
		['a name of more than 1024 bytes', desired({ ['ä'.repeat(600)]: 1 })],
		['a text of more than 4096 bytes', desired({ a: 'ä'.repeat(2049) })],
		['a number that is too large', desired({ a: 4503599627370497 })],
		['eleven levels', desired(deep(12))],
		['more than 32 KB of desired properties', desired(many(9, 4000))],
		['more than 8 KB of tags', { tags: many(3, 4000) }],
		['tags that are a list', { tags: [] }],
		['desired properties that are text', desired('x')],
		['properties that are a number', { properties: 1 }],
		['no object at all', '[1]'],
	];
	for (const [what, body] of bad) {
		const response = await hubRequest(emulator, { method: 'PATCH', path: '/twins/dev1', body });
		t.is(response.status, 400, what);
		t.regex(String(response.body['Message']), /^ErrorCode:ArgumentInvalid;/, what);
	}
	t.deepEqual(emulator.twins.get(device), before);

	const full = await hubRequest(emulator, {
		method: 'PATCH',
		path: '/twins/dev1',
		body: {
			tags: many(2, 3800),
			properties: { desired: { ...many(7, 4000), list: [1, { a: 2 }] } },
		},
	});
	t.is(full.status, 200, full.text);
	const over = { tags: { more: 'x'.repeat(1000) } };
	const refused = await hubRequest(emulator, { method: 'PATCH', path: '/twins/dev1', body: over });
	t.is(refused.status, 400, 'what is there counts too');

	const flags = Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`k${1000 + n}`, true]));
	const { status } = await hubRequest(emulator, {
		method: 'PUT',
		path: '/twins/dev1',
		body: desired(flags),
	});
	t.is(status, 200, 'signs between names and values do not count');
});

test('names that mean something to JavaScript are plain names', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	const body = '{"properties":{"desired":{"__proto__":{"polluted":1},"constructor":{"a":1}}}}';
	const { status } = await hubRequest(emulator, { method: 'PATCH', path: '/twins/dev1', body });
	t.is(status, 200);
	t.is(({} as JsonObject)['polluted'], undefined);
	const { values } = emulator.twins.get(device).desired;
	t.deepEqual(Object.keys(values), ['__proto__', 'constructor']);
});

test('twins of modules are apart from those of their device, unknown ones are not found', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	emulator.registry.putModule({ deviceId: 'dev1', moduleId: 'mod$1' }, {});
	const path = '/twins/dev1/modules/mod%241';
	const body = { properties: { desired: { a: 1 } } };
	const patched = await hubRequest(emulator, { method: 'PATCH', path, body });
	t.like(patched.body, { deviceId: 'dev1', moduleId: 'mod$1' });
	t.is(emulator.twins.get(device).desired.version, 1);
	const codes = await Promise.all(
		['/twins/none', '/twins/dev1/modules/none', '/twins/none/modules/x'].map(async (unknown) => {
			const response = await hubRequest(emulator, { path: unknown });
			return [response.status, String(response.body['Message']).split(';')[0]];
		}),
	);
	t.deepEqual(codes, [
		[404, 'ErrorCode:DeviceNotFound'],
		[404, 'ErrorCode:ModuleNotFound'],
		[404, 'ErrorCode:DeviceNotFound'],
	]);
});

test('a deployment replaces desired properties of its modules and makes those that are missing', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('edge1', { capabilities: { iotEdge: true } });
	const apply = (body: unknown, deviceId = 'edge1') =>
		hubRequest(emulator, {
			method: 'POST',
			path: `/devices/${deviceId}/applyConfigurationContent`,
			body,
		});
	const desired = (moduleId: string) => emulator.twins.get({ deviceId: 'edge1', moduleId }).desired;

	const first = await apply({
		modulesContent: {
			$edgeAgent: { 'properties.desired': { schemaVersion: '1.1', modules: { a: {} } } },
			$edgeHub: { 'properties.desired': { routes: { r: 'FROM /* INTO $upstream' } } },
			filter: { 'properties.desired': { threshold: 5 } },
		},
	});
	t.is(first.status, 204, first.text);
	t.is(first.text, '');
	t.deepEqual(desired('filter').values, { threshold: 5 });
	t.is(emulator.registry.module({ deviceId: 'edge1', moduleId: 'filter' }).managedBy, 'IotEdge');

	await apply({ modulesContent: { $edgeAgent: { 'properties.desired': { other: 1 } } } });
	t.deepEqual(desired('$edgeAgent').values, { other: 1 });
	t.is(desired('$edgeAgent').version, 3);
	t.deepEqual(desired('filter').values, { threshold: 5 }, 'modules it does not name stay');

	const bad = [
		{},
		{ modulesContent: {} },
		{ modulesContent: { a: 1 } },
		{ modulesContent: { a: { 'properties.reported': {} } } },
		{ modulesContent: { a: { 'properties.desired': 'x' } } },
		{ modulesContent: { 'a b': { 'properties.desired': {} } } },
		{ modulesContent: { b: { 'properties.desired': {} }, a: { 'properties.desired': { $x: 1 } } } },
	];
	for (const body of bad) t.is((await apply(body)).status, 400, JSON.stringify(body));
	t.is(emulator.registry.findModule({ deviceId: 'edge1', moduleId: 'b' }), undefined);
	t.is((await apply({ modulesContent: { a: {} } }, 'none')).status, 404);
	emulator.registry.putDevice('plain', {});
	t.is((await apply({ modulesContent: { a: {} } }, 'plain')).status, 400);
});
