import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import type { EventSource } from '../../src/iot-hub-emulator/telemetry/hub-events.ts';
import { hubRequest, mqttClient, runningEmulator } from '../support/running-emulator.ts';
import { until } from '../support/until.ts';

/** Does everything that a hub could tell of. */
async function life(t: ExecutionContext, eventSources?: readonly EventSource[]) {
	const emulator = await runningEmulator(t, eventSources === undefined ? {} : { eventSources });
	emulator.registry.putDevice('dev1', {});
	emulator.registry.putModule({ deviceId: 'dev1', moduleId: 'm' }, {});
	await sleep(1);
	t.throws(() => emulator.registry.putDevice('dev1', {}));
	emulator.twins.patch(
		{ deviceId: 'dev1' },
		{ tags: { site: 'a' }, properties: { desired: { on: true } } },
	);
	emulator.twins.patchReported({ deviceId: 'dev1', moduleId: 'm' }, { state: 1 });
	const client = await mqttClient(emulator);
	await client.endAsync();
	await until(async () => {
		const { body } = await hubRequest(emulator, { path: '/devices/dev1' });
		return body['connectionState'] === 'Disconnected';
	});
	emulator.registry.deleteDevice('dev1');
	await sleep(20);
	return eventsOf(emulator);
}

async function eventsOf(emulator: IotHubEmulator) {
	const events: { source: string; type: string; schema: string; of: string; body: object }[] = [];
	for await (const { systemProperties, properties, body } of emulator.telemetry.read()) {
		events.push({
			source: systemProperties['iothub-message-source'] ?? '',
			type: properties['opType'] ?? '',
			schema: properties['iothub-message-schema'] ?? '',
			of: [properties['deviceId'], properties['moduleId']].filter(Boolean).join('/'),
			body: JSON.parse(Buffer.from(body).toString()),
		});
	}
	return events;
}

test('a hub tells of nothing but telemetry', async (t) => {
	t.deepEqual(await life(t), []);
});

test('changes of twins', async (t) => {
	const source = 'twinChangeEvents';
	const schema = 'twinChangeNotification';
	t.deepEqual(await life(t, [source]), [
		{
			source,
			schema,
			type: 'updateTwin',
			of: 'dev1',
			body: {
				version: 3,
				tags: { site: 'a' },
				properties: { desired: { on: true, $version: 2 } },
			},
		},
		{
			source,
			schema,
			type: 'updateTwin',
			of: 'dev1/m',
			body: { version: 3, properties: { reported: { state: 1, $version: 2 } } },
		},
	]);
});

test('devices and modules that come and go', async (t) => {
	const events = await life(t, ['deviceLifecycleEvents']);
	t.deepEqual(
		events.map(({ type, schema, of }) => [type, schema, of]),
		[
			['createDeviceIdentity', 'deviceLifecycleNotification', 'dev1'],
			['createModuleIdentity', 'moduleLifecycleNotification', 'dev1/m'],
			['deleteModuleIdentity', 'moduleLifecycleNotification', 'dev1/m'],
			['deleteDeviceIdentity', 'deviceLifecycleNotification', 'dev1'],
		],
	);
	t.like(events[0]?.body, {
		deviceId: 'dev1',
		version: 2,
		tags: {},
		properties: { desired: { $version: 1 }, reported: { $version: 1 } },
	});
});

test('connections', async (t) => {
	const events = await life(t, ['deviceConnectionStateEvents']);
	t.deepEqual(
		events.map(({ type, schema }) => [type, schema]),
		[
			['deviceConnected', 'deviceConnectionStateNotification'],
			['deviceDisconnected', 'deviceConnectionStateNotification'],
		],
	);
	const [connected, disconnected] = events.map(
		({ body }) => (body as { sequenceNumber: string }).sequenceNumber,
	);
	t.true((connected ?? '') < (disconnected ?? ''));
});
