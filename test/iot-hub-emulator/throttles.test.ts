import test from 'ava';
import { throttledOperation } from '../../src/iot-hub-emulator/http/throttled-operation.ts';
import { IotHubError } from '../../src/iot-hub-emulator/iot-hub-error.ts';
import { parseHubSize, Throttles } from '../../src/iot-hub-emulator/throttles.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { hubRequest, mqttClient, runningEmulator } from '../support/running-emulator.ts';

function countTaken(throttles: Throttles, operation: Parameters<Throttles['take']>[0]): number {
	for (let count = 0; ; count += 1) {
		try {
			throttles.take(operation);
		} catch (error) {
			if (error instanceof IotHubError && error.code === 'ThrottlingException') return count;
			throw error;
		}
	}
}

test('a throttle lets a burst pass, fills again with time, and counts units', async (t) => {
	const clock = new FakeClock();
	const one = new Throttles(parseHubSize('S1'), clock);
	t.is(countTaken(one, 'query'), 20);
	t.is(countTaken(one, 'telemetry'), 100, 'each kind has its own');
	await clock.advance(30_000);
	t.is(countTaken(one, 'query'), 10);
	await clock.advance(3_600_000);
	t.is(countTaken(one, 'query'), 20, 'no more than a burst is saved up');
	const three = new Throttles(parseHubSize('s1:3'), clock);
	t.is(countTaken(three, 'query'), 60);
	t.is(countTaken(three, 'telemetry'), 100);
	const none = new Throttles(undefined, clock);
	t.notThrows(() => {
		for (let count = 0; count < 10_000; count += 1) none.take('query');
	});
});

test('larger tiers let more pass; a hub that has had its messages of the day takes no more', async (t) => {
	const clock = new FakeClock(Date.parse('2026-05-01T10:00:00Z'));
	t.is(countTaken(new Throttles(parseHubSize('S3'), clock), 'telemetry'), 6000);
	t.is(countTaken(new Throttles(parseHubSize('S2:2'), clock), 'twin-update'), 50);
	const free = new Throttles(parseHubSize('F1'), clock);
	for (let count = 0; count < 7_998; count += 1) free.meter(10);
	t.throws(() => free.meter(512 * 2 + 1), { code: 'IotHubQuotaExceeded' });
	free.meter(512 * 2);
	t.throws(() => free.meter(0), { code: 'IotHubQuotaExceeded' });
	await clock.advance(14 * 3_600_000);
	t.notThrows(() => free.meter(0), 'the next day');
	for (const wrong of ['S4', 'S1:0', 'one', '']) {
		t.throws(() => parseHubSize(wrong), { code: 'EDGE_SETTING_INVALID' });
	}
});

for (const [method, route, expected] of [
	['POST', '/devices/query', 'query'],
	['PUT', '/devices/:deviceId', 'registry'],
	['GET', '/devices/:deviceId/modules/:moduleId', 'registry'],
	['POST', '/devices/:deviceId/messages/events', 'telemetry'],
	['POST', '/devices/:deviceId/modules/:moduleId/messages/events', 'telemetry'],
	['GET', '/devices/:deviceId/messages/devicebound', 'cloud-to-device-receive'],
	['POST', '/devices/:deviceId/files', 'file-upload'],
	['POST', '/devices/:deviceId/applyConfigurationContent', 'configuration'],
	['POST', '/twins/:deviceId/methods', 'direct-method'],
	['GET', '/twins/:deviceId', 'twin-read'],
	['PATCH', '/twins/:deviceId/modules/:moduleId', 'twin-update'],
	['PUT', '/configurations/:id', 'configuration'],
	['PUT', '/jobs/v2/:jobId', 'job'],
	['PUT', '/device-files/*', undefined],
] as const) {
	test(`${method} ${route} is limited as ${expected ?? 'nothing'}`, (t) => {
		t.is(throttledOperation(method, route), expected);
	});
}

test('a throttled request is refused as IoT Hub does, a throttled client is told to come back', async (t) => {
	const clock = new FakeClock(Date.now());
	const emulator = await runningEmulator(t, { size: { tier: 'S1', units: 1 }, clock });
	emulator.registry.putDevice('dev1', {});
	const query = () =>
		hubRequest(emulator, {
			method: 'POST',
			path: '/devices/query',
			body: { query: 'SELECT * FROM devices' },
		});
	for (let count = 0; count < 20; count += 1) t.is((await query()).status, 200);
	const refused = await query();
	t.is(refused.status, 429);
	t.is(refused.headers['iothub-errorcode'], 'ThrottlingException');
	t.truthy(refused.headers['retry-after']);
	t.regex(String(refused.body['Message']), /^ErrorCode:ThrottlingException;/);
	t.is((await hubRequest(emulator, { path: '/twins/dev1' })).status, 200);

	const device = await mqttClient(emulator);
	t.teardown(() => device.endAsync(true));
	const closed = new Promise((resolve) => device.once('close', () => resolve(undefined)));
	device.on('error', () => {});
	for (let count = 0; count < 101; count += 1) {
		device.publish('devices/dev1/messages/events/', 'x', { qos: 1 });
	}
	await closed;
	t.is(emulator.telemetry.size.events, 100);
});
