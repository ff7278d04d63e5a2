import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import test from 'ava';
import { type Protocol, protocolOf } from '../../src/iot-hub-emulator/protocol-switch.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { hubRequest, mqttClient, runningEmulator } from '../support/running-emulator.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

test('the first bytes tell the protocol', (t) => {
	const cases: [string | number[], Protocol | undefined][] = [
		[[0x10, 0x20], 'mqtt'],
		['GET / HTTP/1.1', 'http'],
		['PATCH /twins', 'http'],
		['D', 'http'],
		['AMQP\0\u0001\0\0', 'amqp'],
		[[0x16, 0x03], undefined],
		['get /', undefined],
		[[], undefined],
	];
	for (const [bytes, protocol] of cases) {
		t.is(protocolOf(typeof bytes === 'string' ? Buffer.from(bytes) : Buffer.from(bytes)), protocol);
	}
});

test('a hub that is away ends connections and takes no new ones, until it comes back', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	const client = await mqttClient(emulator);
	const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
	emulator.faults.goAway();
	await closed;
	await t.throwsAsync(mqttClient(emulator));
	await t.throwsAsync(hubRequest(emulator, { path: '/devices' }));
	emulator.faults.comeBack();
	t.is((await hubRequest(emulator, { path: '/devices' })).status, 200);
	await (await mqttClient(emulator)).endAsync();
});

test('a silent hub takes connections and never answers', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.faults.goAway('silent');
	const socket = connectTcp(emulator.port, '127.0.0.1');
	t.teardown(() => socket.destroy());
	socket.on('error', () => {});
	let ended = false;
	const closed = new Promise<void>((resolve) => {
		socket.on('close', () => {
			ended = true;
			resolve();
		});
	});
	socket.on('data', () => t.fail());
	socket.write('anything');
	await once(socket, 'connect');
	await sleep(300);
	t.false(ended);
	emulator.faults.comeBack();
	await closed;
	t.true(ended);
});

test('an unavailable hub says so: CONNACK 3 and HTTP 503', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	emulator.faults.goAway('unavailable');
	const refused = await t.throwsAsync(mqttClient(emulator));
	t.is((refused as Error & { code: number }).code, 3);
	const { status, body } = await hubRequest(emulator, { path: '/devices' });
	t.is(status, 503);
	t.regex(String(body['Message']), /^ErrorCode:ServiceUnavailable;/);
});

test('requests fail with 429 and 500, or take their time, when they are told to', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	const client = await mqttClient(emulator);
	t.teardown(() => client.endAsync(true));
	await client.subscribeAsync('$iothub/twin/res/#');
	const answers: string[] = [];
	client.on('message', (topic, payload) => answers.push(`${topic} ${payload}`));
	const ask = async (rid: number) => {
		const before = answers.length;
		await client.publishAsync(`$iothub/twin/GET/?$rid=${rid}`, '');
		while (answers.length === before) await sleep(5);
		return answers.at(-1) ?? '';
	};

	emulator.faults.failRequests('throttle');
	t.is((await hubRequest(emulator, { path: '/devices' })).status, 429);
	t.regex(await ask(1), /^\$iothub\/twin\/res\/429\/\?\$rid=1 \{"errorCode":429001,/);
	emulator.faults.failRequests('server-error');
	t.is((await hubRequest(emulator, { path: '/devices' })).status, 500);
	t.regex(await ask(2), /res\/500\//);
	emulator.faults.failRequests(undefined);
	t.regex(await ask(3), /res\/200\/\?\$rid=3 \{"desired":\{"\$version":1\},"reported":/);

	emulator.faults.delayRequests(200);
	const began = performance.now();
	await hubRequest(emulator, { path: '/devices' });
	t.true(performance.now() - began >= 190);
});

test('older AMQP and noise are turned away at once', async (t) => {
	const emulator = await runningEmulator(t);
	for (const bytes of ['AMQP\0\0\u0009\u0001', 'AMQP\0\u0001\0\0\u007f\0\0\0', '\0\0\0']) {
		const socket = connectTls({
			host: 'localhost',
			servername: 'localhost',
			port: emulator.port,
			ca: emulator.caCertificate,
		});
		socket.on('error', () => {});
		const closed = new Promise((resolve) => socket.once('close', () => resolve(true)));
		socket.write(bytes);
		t.true(await closed);
	}
});

test('faults are asked for with a request, and end by themselves or on request', async (t) => {
	const clock = new FakeClock(Date.now());
	const emulator = await runningEmulator(t, { clock });
	const faults = (method: string, body?: object) =>
		hubRequest(emulator, { method, path: '/emulator/faults', body });
	const status = async () => (await hubRequest(emulator, { path: '/devices' })).status;

	t.deepEqual((await faults('GET')).body, {});
	t.is((await faults('PUT', { requests: 'throttle', delayMs: 0.001 })).status, 200);
	await until(() => emulator.faults.now.requests === 'throttle');
	t.like((await faults('GET')).body, { requests: 'throttle', delayMs: 0.001 });
	t.is((await faults('DELETE')).status, 204);
	t.is(await status(), 200);

	t.is((await faults('PUT', { absence: 'unavailable', seconds: 30 })).status, 200);
	await until(() => emulator.faults.absence !== undefined);
	t.is(await status(), 503);
	await clock.advance(30_000);
	t.is(await status(), 200);

	emulator.registry.putDevice('dev1', {});
	const device = await mqttClient(emulator);
	t.teardown(() => device.endAsync(true));
	const closed = new Promise((resolve) => device.once('close', () => resolve(undefined)));
	t.is(
		(await hubRequest(emulator, { method: 'POST', path: '/emulator/dropConnections' })).status,
		204,
	);
	await closed;

	for (const wrong of [
		{ absence: 'reset' },
		{ absence: 'gone' },
		{ requests: 'often' },
		{ delayMs: -1 },
		{ seconds: 1e9 },
		{ nothing: 1 },
		[],
	]) {
		t.is((await faults('PUT', wrong)).status, 400, JSON.stringify(wrong));
	}
	const path = '/emulator/faults';
	t.is((await hubRequest(emulator, { path, authorization: '' })).status, 401);
});

test('a request says what the hub tells of itself, and the hub remembers it', async (t) => {
	const folder = await temporaryFolder(t);
	const path = '/emulator/eventSources';
	const emulator = await runningEmulator(t, { folder });
	t.deepEqual((await hubRequest(emulator, { path })).body as unknown, []);
	const sources = ['deviceLifecycleEvents', 'twinChangeEvents'];
	await hubRequest(emulator, { method: 'PUT', path, body: { sources } });
	emulator.registry.putDevice('dev1', {});
	await until(() => emulator.telemetry.size.events === 1);
	t.is((await hubRequest(emulator, { method: 'PUT', path, body: ['all'] })).status, 400);
	await emulator.stop();
	const again = await runningEmulator(t, { folder });
	t.deepEqual((await hubRequest(again, { path })).body as unknown, sources);
});
