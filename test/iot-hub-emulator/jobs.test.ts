import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { FakeClock } from '../support/fake-clock.ts';
import {
	type HubResponse,
	hubRequest,
	mqttClient,
	runningEmulator,
} from '../support/running-emulator.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

function call(emulator: IotHubEmulator, method: string, path: string, body?: unknown) {
	return hubRequest(emulator, { method, path, body });
}

/** Asks until a job is over. */
async function ended(emulator: IotHubEmulator, jobId: string): Promise<JsonObject> {
	return until(async () => {
		const { body } = await call(emulator, 'GET', `/jobs/v2/${jobId}`);
		return !['queued', 'running', 'scheduled'].includes(String(body['status'])) && body;
	});
}

function rowsOf({ body }: HubResponse): JsonObject[] {
	return body as unknown as JsonObject[];
}

test('a job updates the twins of all devices that match, and can be queried', async (t) => {
	const emulator = await runningEmulator(t);
	for (const id of ['dev1', 'dev2', 'dev3']) {
		emulator.registry.putDevice(id, {});
		emulator.twins.patch({ deviceId: id }, { tags: { n: Number(id.at(-1)) } });
	}
	const job = {
		jobId: 'j1',
		type: 'scheduleUpdateTwin',
		queryCondition: 'tags.n >= 2',
		updateTwin: { etag: '*', properties: { desired: { mode: 'eco' } } },
		startTime: new Date(Date.now() - 1000).toISOString(),
		maxExecutionTimeInSeconds: 60,
	};
	const made = await call(emulator, 'PUT', '/jobs/v2/j1', job);
	t.is(made.status, 200, made.text);
	t.is((await call(emulator, 'PUT', '/jobs/v2/j1', job)).status, 409);
	t.like(await ended(emulator, 'j1'), {
		jobId: 'j1',
		type: 'scheduleUpdateTwin',
		status: 'completed',
		deviceJobStatistics: {
			deviceCount: 2,
			failedCount: 0,
			succeededCount: 2,
			runningCount: 0,
			pendingCount: 0,
		},
	});
	t.deepEqual(emulator.twins.get({ deviceId: 'dev1' }).desired.values, {});
	t.deepEqual(emulator.twins.get({ deviceId: 'dev3' }).desired.values, { mode: 'eco' });
	const query = "SELECT * FROM devices.jobs WHERE devices.jobs.jobId = 'j1'";
	const found = await call(emulator, 'POST', '/devices/query', { query });
	t.is(found.headers['x-ms-item-type'], 'deviceJob');
	t.deepEqual(
		rowsOf(found).map(({ deviceId, status, jobType }) => [deviceId, status, jobType]),
		[
			['dev2', 'completed', 'scheduleUpdateTwin'],
			['dev3', 'completed', 'scheduleUpdateTwin'],
		],
	);
});

test('a job calls methods, and says which devices did not answer', async (t) => {
	const emulator = await runningEmulator(t);
	for (const id of ['dev1', 'dev2']) emulator.registry.putDevice(id, {});
	const device = await mqttClient(emulator);
	t.teardown(() => device.endAsync(true));
	device.on('message', (topic, payload) => {
		const requestId = topic.split('$rid=')[1];
		device.publish(`$iothub/methods/res/200/?$rid=${requestId}`, `[${payload}]`);
	});
	await device.subscribeAsync('$iothub/methods/POST/#');
	await call(emulator, 'PUT', '/jobs/v2/reboot', {
		type: 'scheduleDeviceMethod',
		queryCondition: '*',
		cloudToDeviceMethod: { methodName: 'reboot', payload: { now: true } },
	});
	t.like(await ended(emulator, 'reboot'), {
		status: 'failed',
		deviceJobStatistics: { succeededCount: 1, failedCount: 1 },
	});
	const query = 'SELECT deviceId, status, outcome, error.code FROM devices.jobs';
	t.deepEqual(rowsOf(await call(emulator, 'POST', '/devices/query', { query })), [
		{
			deviceId: 'dev1',
			status: 'completed',
			outcome: { deviceMethodResponse: { status: 200, payload: [{ now: true }] } },
		},
		{ deviceId: 'dev2', status: 'failed', code: 'DeviceNotOnline' },
	]);
});

test('a scheduled job waits for its time, survives a restart, and can be cancelled', async (t) => {
	const folder = await temporaryFolder(t);
	const clock = new FakeClock(Date.now() - 41 * 86_400_000);
	const first = await runningEmulator(t, { clock, folder });
	first.registry.putDevice('dev1', {});
	const body = (seconds: number) => ({
		type: 'scheduleUpdateTwin',
		queryCondition: "deviceId IN ['dev1']",
		updateTwin: { tags: { done: seconds } },
		startTime: new Date(clock.now() + seconds * 1000).toISOString(),
	});
	await call(first, 'PUT', '/jobs/v2/soon', body(60));
	await call(first, 'PUT', '/jobs/v2/never', body(120));
	const cancelled = await call(first, 'POST', '/jobs/v2/never/cancel');
	t.like(cancelled.body, { status: 'cancelled' });
	t.is((await call(first, 'POST', '/jobs/v2/never/cancel')).status, 400);
	t.like((await call(first, 'GET', '/jobs/v2/soon')).body, { status: 'scheduled' });
	await first.stop();

	const second = await runningEmulator(t, { clock, folder });
	await clock.advance(61_000);
	t.like(await ended(second, 'soon'), { status: 'completed' });
	t.deepEqual(second.twins.get({ deviceId: 'dev1' }).tags, { done: 60 });
	await clock.advance(120_000);
	t.deepEqual(second.twins.get({ deviceId: 'dev1' }).tags, { done: 60 });
	const list = async (query: string) =>
		rowsOf(await call(second, 'GET', `/jobs/v2/query${query}`)).map(({ jobId }) => jobId);
	t.deepEqual(await list(''), ['never', 'soon']);
	t.deepEqual(await list('?jobStatus=completed&jobType=scheduleUpdateTwin'), ['soon']);
	t.is((await call(second, 'GET', '/jobs/v2/none')).status, 404);
	for (const wrong of [
		{ ...body(1), type: 'other' },
		{ ...body(1), queryCondition: 'tags.' },
		{ ...body(1), updateTwin: 1 },
		{ ...body(1), startTime: 'tomorrow' },
		{ ...body(1), maxExecutionTimeInSeconds: 0 },
		{ ...body(1), type: 'scheduleDeviceMethod', cloudToDeviceMethod: {} },
	]) {
		t.is((await call(second, 'PUT', '/jobs/v2/w', wrong)).status, 400);
	}
	await second.stop();
	clock.jump(40 * 86_400_000);
	const third = await runningEmulator(t, { clock, folder });
	const history = await call(third, 'GET', '/jobs/v2/query');
	t.deepEqual(rowsOf(history), [], 'what ended 30 days ago is forgotten');
});

/** Begins an import or export, and waits until it is over. */
async function transferred(emulator: IotHubEmulator, body: object): Promise<HubResponse> {
	const created = await call(emulator, 'POST', '/jobs/create', body);
	const path = `/jobs/${String(created.body['jobId'])}`;
	return until(async () => {
		const job = await call(emulator, 'GET', path);
		return !['enqueued', 'running'].includes(String(job.body['status'])) && job;
	});
}

test('an export of the registry is imported elsewhere, twins and keys included', async (t) => {
	const folder = await temporaryFolder(t);
	const container = String(pathToFileURL(folder));
	const [from, to] = [await runningEmulator(t), await runningEmulator(t)];
	from.registry.putDevice('dev1', { status: 'disabled', statusReason: 'sold' });
	from.registry.putDevice('edge1', { capabilities: { iotEdge: true } });
	from.registry.putModule({ deviceId: 'dev1', moduleId: 'm' }, {});
	from.twins.patch(
		{ deviceId: 'dev1' },
		{ tags: { a: 1 }, properties: { desired: { b: { c: 2 } } } },
	);
	const exported = await transferred(from, {
		type: 'export',
		outputBlobContainerUri: container,
	});
	t.like(exported.body, { type: 'export', status: 'completed', progress: 100 });
	const text = await readFile(join(folder, 'devices.txt'), 'utf8');
	t.is(text.trim().split('\n').length, 5);
	const imported = await transferred(to, {
		type: 'import',
		inputBlobContainerUri: container,
		outputBlobContainerUri: container,
	});
	t.like(imported.body, { type: 'import', status: 'completed', failureReason: null });
	t.like(to.registry.device('dev1'), {
		status: 'disabled',
		statusReason: 'sold',
		authentication: from.registry.device('dev1').authentication,
	});
	t.true(to.registry.device('edge1').capabilities.iotEdge);
	t.like(to.twins.get({ deviceId: 'dev1' }), { tags: { a: 1 } });
	t.deepEqual(to.twins.get({ deviceId: 'dev1' }).desired.values, { b: { c: 2 } });
	t.truthy(to.registry.findModule({ deviceId: 'dev1', moduleId: 'm' }));

	await writeFile(join(folder, 'devices.txt'), '{"id":"dev1","importMode":"create"}\n');
	const again = await transferred(to, {
		type: 'import',
		inputBlobContainerUri: container,
		outputBlobContainerUri: container,
	});
	t.is(again.body['status'], 'failed');
	t.regex(await readFile(join(folder, 'importErrors.log'), 'utf8'), /DeviceAlreadyExists/);
	t.is(rowsOf(await call(to, 'GET', '/jobs')).length, 2);
	const jobId = String(again.body['jobId']);
	t.is((await call(to, 'GET', `/jobs/${jobId}`)).body['status'], 'failed');
	for (const outputBlobContainerUri of ['https://example.test/x', undefined, 'nonsense']) {
		const refused = await call(to, 'POST', '/jobs/create', {
			type: 'export',
			outputBlobContainerUri,
		});
		t.is(refused.status, 400);
	}
	const hidden = await transferred(from, {
		type: 'export',
		outputBlobContainerUri: container,
		excludeKeysInExport: true,
	});
	t.is(hidden.body['status'], 'completed');
	const key = from.registry.device('dev1').authentication.symmetricKey.primaryKey ?? '';
	t.false((await readFile(join(folder, 'devices.txt'), 'utf8')).includes(key));
});

test("import and export go through the hub's own container, too, with its signature", async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	const uri = emulator.registryContainerUri;
	const job = (body: object) => transferred(emulator, body);
	const exported = await job({ type: 'export', outputBlobContainerUri: uri });
	t.is(exported.body['status'], 'completed', exported.text);
	t.is(exported.body['outputBlobContainerUri'], uri.split('?')[0], 'without the signature');
	const list = new URL(uri);
	const fetched = await hubRequest(emulator, {
		path: `${list.pathname}/devices.txt${list.search}`,
		authorization: '',
	});
	t.is(JSON.parse(fetched.text).id, 'dev1');
	emulator.registry.deleteDevice('dev1');
	const places = { inputBlobContainerUri: uri, outputBlobContainerUri: uri };
	const imported = await job({ type: 'import', ...places });
	t.is(imported.body['status'], 'completed', imported.text);
	t.truthy(emulator.registry.findDevice('dev1'));
	const unsigned = await job({ type: 'export', outputBlobContainerUri: uri.split('?')[0] });
	t.like(unsigned.body, { status: 'failed' });
	t.regex(String(unsigned.body['failureReason']), /signature/);
	const missing = await job({ type: 'import', ...places, inputBlobName: 'none.txt' });
	t.regex(String(missing.body['failureReason']), /no blob/);
	t.is((await job({ type: 'export', ...places, outputBlobName: '../x' })).body['status'], 'failed');
	const { jobId } = exported.body;
	t.is((await call(emulator, 'DELETE', `/jobs/${jobId}`)).status, 400, 'it is over already');
});

test('an import or export is answered before it runs, and says how it ended', async (t) => {
	const container = String(pathToFileURL(await temporaryFolder(t)));
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	const create = () => {
		const body = { type: 'export', outputBlobContainerUri: container };
		return call(emulator, 'POST', '/jobs/create', body);
	};
	const first = await create();
	t.like(first.body, { type: 'export', status: 'enqueued', progress: 0, failureReason: null });
	t.false('endTimeUtc' in first.body);
	const path = `/jobs/${String(first.body['jobId'])}`;
	const over = await until(async () => {
		const { body } = await call(emulator, 'GET', path);
		return body['status'] === 'completed' && body;
	});
	t.like(over, { progress: 100 });
	t.true(String(over['endTimeUtc']) >= String(over['startTimeUtc']));
	t.is((await call(emulator, 'DELETE', path)).status, 400, 'it is over already');
	t.is((await call(emulator, 'DELETE', '/jobs/none')).status, 404);
});

test('a job that is cancelled stops where it is', async (t) => {
	const folder = await temporaryFolder(t);
	const container = String(pathToFileURL(folder));
	const emulator = await runningEmulator(t);
	const lines = Array.from({ length: 20_000 }, (_, index) => `{"id":"dev${index}"}\n`);
	await writeFile(join(folder, 'devices.txt'), lines.join(''));
	const places = { inputBlobContainerUri: container, outputBlobContainerUri: container };
	const created = ['import', 'import'].map((type) => {
		return call(emulator, 'POST', '/jobs/create', { type, ...places });
	});
	const [running, waiting] = (await Promise.all(created)).map(({ body }) => String(body['jobId']));
	await until(async () => emulator.registry.findDevice('dev0') !== undefined);
	t.like((await call(emulator, 'GET', `/jobs/${waiting}`)).body, { status: 'enqueued' });
	for (const jobId of [waiting, running]) {
		const cancelled = await call(emulator, 'DELETE', `/jobs/${jobId}`);
		t.like(cancelled.body, { status: 'cancelled', failureReason: null }, cancelled.text);
	}
	t.is(emulator.registry.findDevice('dev19999'), undefined);
	const statuses = rowsOf(await call(emulator, 'GET', '/jobs')).map(({ status }) => status);
	t.deepEqual(statuses, ['cancelled', 'cancelled']);
	await transferred(emulator, { type: 'export', outputBlobContainerUri: container });
	t.is(emulator.registry.findDevice('dev19999'), undefined, 'it does not go on');
});

test('a job that the end of the hub has cut off has failed', async (t) => {
	const folder = await temporaryFolder(t);
	const lists = await temporaryFolder(t);
	const lines = Array.from({ length: 5000 }, (_, index) => `{"id":"dev${index}"}\n`);
	await writeFile(join(lists, 'devices.txt'), lines.join(''));
	const container = String(pathToFileURL(lists));
	const places = { inputBlobContainerUri: container, outputBlobContainerUri: container };
	const first = await runningEmulator(t, { folder });
	const { body } = await call(first, 'POST', '/jobs/create', { type: 'import', ...places });
	await first.stop();
	const second = await runningEmulator(t, { folder });
	const job = await call(second, 'GET', `/jobs/${String(body['jobId'])}`);
	t.like(job.body, {
		status: 'failed',
		failureReason: 'The hub was stopped before the job was over.',
	});
});
