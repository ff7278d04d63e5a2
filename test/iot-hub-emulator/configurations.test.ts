import test from 'ava';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { hubRequest, runningEmulator } from '../support/running-emulator.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const base = {
	$edgeAgent: { 'properties.desired': { schemaVersion: '1.1', modules: { sensor: { v: 1 } } } },
	$edgeHub: { 'properties.desired': { schemaVersion: '1.1', routes: {} } },
	sensor: { 'properties.desired': { interval: 1, limits: { low: 0, high: 9 } } },
};

const layer = {
	$edgeAgent: { 'properties.desired.modules.filter': { v: 2 } },
	$edgeHub: { 'properties.desired.routes.upstream': 'FROM /* INTO $upstream' },
	sensor: { 'properties.desired.limits.high': 5 },
};

async function put(
	emulator: IotHubEmulator,
	id: string,
	body: object,
	headers: Record<string, string> = {},
) {
	return hubRequest(emulator, { method: 'PUT', path: `/configurations/${id}`, body, headers });
}

function desiredOf(emulator: IotHubEmulator, deviceId: string, moduleId?: string): JsonObject {
	const identity = moduleId === undefined ? { deviceId } : { deviceId, moduleId };
	return emulator.twins.get(identity).desired.values;
}

function edge(emulator: IotHubEmulator, deviceId: string, tags: object): void {
	emulator.registry.putDevice(deviceId, { capabilities: { iotEdge: true } });
	emulator.twins.patch({ deviceId }, { tags });
}

test('a base deployment and the layers above it become the twins of every device that matches', async (t) => {
	const emulator = await runningEmulator(t);
	edge(emulator, 'edge1', { site: 'x' });
	edge(emulator, 'edge2', { site: 'y' });
	const modulesContent = base;
	const made = await put(emulator, 'base', {
		content: { modulesContent },
		targetCondition: "tags.site = 'x'",
		priority: 10,
		labels: { team: 'a' },
		metrics: { queries: { all: 'SELECT deviceId FROM devices' } },
	});
	t.is(made.status, 201);
	t.like(made.body, {
		id: 'base',
		schemaVersion: '1.0',
		priority: 10,
		labels: { team: 'a' },
		targetCondition: "tags.site = 'x'",
		metrics: { results: { all: 2 } },
		systemMetrics: {
			results: {
				targetedCount: 1,
				appliedCount: 1,
				reportedSuccessfulCount: 0,
				reportedFailedCount: 0,
			},
		},
	});
	t.is(made.headers['etag'], `"${made.body['etag']}"`);
	await put(emulator, 'layer', {
		content: { modulesContent: layer },
		targetCondition: '*',
		priority: 20,
	});
	await put(emulator, 'below', {
		content: { modulesContent: { sensor: { 'properties.desired': { interval: 99 } } } },
		targetCondition: '*',
		priority: 5,
	});

	t.deepEqual(desiredOf(emulator, 'edge1', '$edgeAgent'), {
		schemaVersion: '1.1',
		modules: { sensor: { v: 1 }, filter: { v: 2 } },
	});
	t.deepEqual(desiredOf(emulator, 'edge1', '$edgeHub')['routes'], {
		upstream: 'FROM /* INTO $upstream',
	});
	t.deepEqual(desiredOf(emulator, 'edge1', 'sensor'), {
		interval: 1,
		limits: { low: 0, high: 5 },
	});
	t.deepEqual(desiredOf(emulator, 'edge2', '$edgeAgent'), {}, 'a layer lies on a base');
	const { body: twin } = await hubRequest(emulator, { path: '/twins/edge1' });
	t.deepEqual(twin['configurations'], {
		base: { status: 'Applied' },
		below: { status: 'Targeted' },
		layer: { status: 'Applied' },
	});
	emulator.twins.patchReported(
		{ deviceId: 'edge1', moduleId: '$edgeAgent' },
		{
			lastDesiredVersion: emulator.twins.get({ deviceId: 'edge1', moduleId: '$edgeAgent' }).desired
				.version,
			lastDesiredStatus: { code: 200 },
		},
	);
	const { body: read } = await hubRequest(emulator, { path: '/configurations/layer' });
	t.deepEqual((read['systemMetrics'] as JsonObject)['results'], {
		targetedCount: 2,
		appliedCount: 1,
		reportedSuccessfulCount: 1,
		reportedFailedCount: 0,
	});
});

test('devices follow their tags, fall back to the next deployment, and keep what they had last', async (t) => {
	const clock = new FakeClock(Date.now());
	const emulator = await runningEmulator(t, { clock });
	edge(emulator, 'edge1', {});
	const deployment = (level: number) => ({
		modulesContent: { $edgeAgent: { 'properties.desired': { level } } },
	});
	await put(emulator, 'low', {
		content: deployment(1),
		targetCondition: "tags.stage = 'test' OR tags.stage = 'prod'",
		priority: 1,
	});
	await put(emulator, 'high', {
		content: deployment(2),
		targetCondition: "tags.stage = 'prod'",
		priority: 2,
	});
	const levelWith = async (tags: object) => {
		emulator.twins.patch({ deviceId: 'edge1' }, { tags });
		await clock.advance(1000);
		return desiredOf(emulator, 'edge1', '$edgeAgent')['level'];
	};
	t.is(await levelWith({ stage: 'none' }), undefined);
	t.is(await levelWith({ stage: 'prod' }), 2);
	t.is(await levelWith({ stage: 'test' }), 1);
	t.is(await levelWith({ stage: 'none' }), 1, 'what is there stays');
	t.is(await levelWith({ stage: 'prod' }), 2);
	const agent = { deviceId: 'edge1', moduleId: '$edgeAgent' };
	emulator.twins.patch(agent, { properties: { desired: { level: 7 } } });
	await clock.advance(1000);
	t.is(desiredOf(emulator, 'edge1', '$edgeAgent')['level'], 7, 'what others change stays');
	await hubRequest(emulator, { method: 'DELETE', path: '/configurations/high' });
	t.is(desiredOf(emulator, 'edge1', '$edgeAgent')['level'], 1);
	emulator.registry.deleteDevice('edge1');
	edge(emulator, 'edge1', { stage: 'test' });
	await clock.advance(1000);
	t.is(desiredOf(emulator, 'edge1', '$edgeAgent')['level'], 1, 'a new device gets it again');
});

test('configurations of devices and modules set their sections, the higher priority wins', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	emulator.registry.putModule({ deviceId: 'dev1', moduleId: 'm' }, {});
	emulator.twins.patch(
		{ deviceId: 'dev1' },
		{ properties: { desired: { own: 1, water: { old: 1 } } } },
	);
	const content = (value: object) => ({ deviceContent: { 'properties.desired.water': value } });
	await put(emulator, 'strong', {
		content: content({ temperature: 66 }),
		targetCondition: '*',
		priority: 5,
	});
	await put(emulator, 'weak', {
		content: content({ temperature: 11 }),
		targetCondition: "deviceId = 'dev1'",
		priority: 1,
	});
	await put(emulator, 'modules', {
		content: { moduleContent: { 'properties.desired.a.b': [1, 2] } },
		targetCondition: "FROM devices.modules WHERE moduleId = 'm'",
		priority: 1,
	});
	t.deepEqual(desiredOf(emulator, 'dev1'), { own: 1, water: { temperature: 66 } });
	t.deepEqual(desiredOf(emulator, 'dev1', 'm'), { a: { b: [1, 2] } });
	const { body } = await hubRequest(emulator, { path: '/twins/dev1' });
	t.deepEqual(body['configurations'], {
		strong: { status: 'Applied' },
		weak: { status: 'Targeted' },
	});
	const { body: modules } = await hubRequest(emulator, { path: '/configurations/modules' });
	t.deepEqual((modules['systemMetrics'] as JsonObject)['results'], {
		targetedCount: 1,
		appliedCount: 1,
	});
});

test('the REST rules of configurations: tags, conflicts, content that stays, faults', async (t) => {
	const emulator = await runningEmulator(t);
	const body = { content: { deviceContent: { 'properties.desired.a': 1 } }, targetCondition: '*' };
	const made = await put(emulator, 'c1', body);
	t.is((await put(emulator, 'c1', body)).status, 409);
	t.is((await put(emulator, 'c2', body, { 'if-match': '"*"' })).status, 404);
	t.is((await put(emulator, 'c1', body, { 'if-match': '"other"' })).status, 412);
	const etag = `"${made.body['etag']}"`;
	const changed = { ...body, priority: 3, targetCondition: "tags.a = 'b'" };
	const updated = await put(emulator, 'c1', changed, { 'if-match': etag });
	t.is(updated.status, 200);
	t.like(updated.body, { priority: 3, createdTimeUtc: made.body['createdTimeUtc'] });
	const other = { ...body, content: { deviceContent: { 'properties.desired.a': 2 } } };
	const immutable = await put(emulator, 'c1', other, { 'if-match': '*' });
	t.is(immutable.status, 400);
	t.is(immutable.headers['iothub-errorcode'], 'CannotModifyImmutableConfigurationContent');
	const listed = await hubRequest(emulator, { path: '/configurations?top=5' });
	t.deepEqual(
		(listed.body as unknown as JsonObject[]).map(({ id }) => id),
		['c1'],
	);
	const [argument, content, condition, query] = [
		'ArgumentInvalid',
		'InvalidConfigurationContent',
		'InvalidConfigurationTargetCondition',
		'InvalidConfigurationCustomMetricsQuery',
	];
	const long = { deviceContent: { 'properties.desired.a': 'x'.repeat(40_000) } };
	const cases: [object, string][] = [
		[{ ...body, targetCondition: 'tags.a =' }, condition],
		[{ ...body, content: {} }, content],
		[{ content: { deviceContent: {}, modulesContent: {} } }, content],
		[{ content: { deviceContent: { 'properties.reported.a': 1 } } }, content],
		[{ content: { modulesContent: { m: { 'properties.desired': 1 } } } }, content],
		[{ content: { moduleContent: {} }, targetCondition: 'tags.a = 1' }, condition],
		[{ ...body, priority: -1 }, argument],
		[{ ...body, labels: { a: 1 } }, argument],
		[{ ...body, metrics: { queries: { a: 'SELECT' } } }, query],
		[{ ...body, content: long }, argument],
	];
	for (const [wrong, code] of cases) {
		const { status, headers } = await put(emulator, 'wrong', wrong);
		const what = JSON.stringify(wrong).slice(0, 100);
		t.deepEqual([status, headers['iothub-errorcode']], [400, code], what);
	}
	t.is((await put(emulator, 'Upper', body)).status, 400);
	const tested = await hubRequest(emulator, {
		method: 'POST',
		path: '/configurations/testQueries',
		body: {
			targetCondition: 'tags.x = = 1',
			customMetricQueries: { good: 'SELECT deviceId FROM devices', bad: 'SELECT' },
		},
	});
	t.is(tested.status, 200);
	t.regex(String(tested.body['targetConditionError']), /position/);
	const errors = tested.body['customMetricQueryErrors'] as JsonObject;
	t.is(errors['good'], null);
	t.regex(String(errors['bad']), /expected/);
	const deleted = await hubRequest(emulator, { method: 'DELETE', path: '/configurations/c1' });
	t.is(deleted.status, 204);
	t.is((await hubRequest(emulator, { path: '/configurations/c1' })).status, 404);
	t.is((await hubRequest(emulator, { path: '/configurations', policy: 'device' })).status, 401);
});

test('configurations and what they have done are there after a restart', async (t) => {
	const folder = await temporaryFolder(t);
	const first = await runningEmulator(t, { folder });
	first.registry.putDevice('dev1', {});
	await put(first, 'c1', {
		content: { deviceContent: { 'properties.desired.a': 1 } },
		targetCondition: '*',
	});
	first.twins.patch({ deviceId: 'dev1' }, { properties: { desired: { a: 2 } } });
	await first.stop();
	const second = await runningEmulator(t, { folder });
	t.deepEqual(desiredOf(second, 'dev1'), { a: 2 }, 'nothing new has come of the configurations');
	const { body } = await hubRequest(second, { path: '/twins/dev1' });
	t.deepEqual(body['configurations'], { c1: { status: 'Applied' } });
});

test('a deployment reaches a fleet of any size, without the hub standing still for it', async (t) => {
	const clock = new FakeClock(Date.now());
	const emulator = await runningEmulator(t, { clock });
	const ids = Array.from({ length: 250 }, (_, index) => `dev${index}`);
	for (const id of ids) emulator.registry.putDevice(id, {});
	await put(emulator, 'c1', {
		content: { deviceContent: { 'properties.desired.a': 1 } },
		targetCondition: '*',
	});
	const reached = () => ids.filter((id) => desiredOf(emulator, id)['a'] === 1).length;
	t.is(reached(), 100);
	await clock.advance(1000);
	t.is(reached(), 250);
});
