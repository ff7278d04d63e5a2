import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import iot, {
	type Client,
	type DeviceMethodRequest,
	type DeviceMethodResponse,
} from 'azure-iot-device';
import { Mqtt } from 'azure-iot-device-mqtt';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import type { TelemetryEvent } from '../../src/iot-hub-emulator/telemetry/telemetry-event.ts';
import type { Identity } from '../../src/protocol/identity.ts';
import { createSasToken } from '../../src/protocol/sas-token.ts';
import { hubRequest, runningEmulator } from '../support/running-emulator.ts';
import { until } from '../support/until.ts';

const device = { deviceId: 'dev1' };

async function emulatorWithDevice(t: ExecutionContext, settings = {}): Promise<IotHubEmulator> {
	const emulator = await runningEmulator(t, settings);
	emulator.registry.putDevice('dev1', {});
	return emulator;
}

async function clientOf(
	t: ExecutionContext,
	emulator: IotHubEmulator,
	identity: Identity = device,
	connectionString = emulator.deviceConnectionString(identity),
): Promise<Client> {
	const kind = identity.moduleId === undefined ? iot.Client : iot.ModuleClient;
	const client = kind.fromConnectionString(connectionString, Mqtt) as Client;
	await client.setOptions({ ca: emulator.caCertificate } as never);
	t.teardown(() => client.close().catch(() => {}));
	return client;
}

async function allTelemetry(emulator: IotHubEmulator): Promise<TelemetryEvent[]> {
	const events: TelemetryEvent[] = [];
	for await (const event of emulator.telemetry.read()) events.push(event);
	return events;
}

test('telemetry arrives with all its properties, however they are spelt', async (t) => {
	const emulator = await emulatorWithDevice(t);
	const client = await clientOf(t, emulator);
	await client.open();
	const message = new iot.Message(Buffer.from([0, 1, 254, 255]));
	Object.assign(message, { messageId: 'mid/1', correlationId: 'cid 2', userId: 'u&3', to: 'to=4' });
	message.contentType = 'application/json';
	message.contentEncoding = 'utf-8';
	message.properties.add('p one', 'v/1&=?#+%é');
	message.properties.add('empty', '');
	message.properties.add('$.sub', 'component');
	await client.sendEvent(message);
	await client.sendEvent(new iot.Message('{"plain":true}'));

	const [event, plain] = await allTelemetry(emulator);
	t.deepEqual(event?.identity, device);
	t.deepEqual([...(event?.body ?? [])], [0, 1, 254, 255]);
	t.deepEqual(event?.properties, { 'p one': 'v/1&=?#+%é', empty: '' });
	t.like(event?.systemProperties, {
		'message-id': 'mid/1',
		'correlation-id': 'cid 2',
		'user-id': 'u&3',
		to: 'to=4',
		'content-type': 'application/json',
		'content-encoding': 'utf-8',
		'dt-subject': 'component',
		'iothub-connection-device-id': 'dev1',
		'iothub-connection-auth-generation-id': emulator.registry.device('dev1').generationId,
		'iothub-message-source': 'Telemetry',
	});
	t.deepEqual(JSON.parse(event?.systemProperties['iothub-connection-auth-method'] ?? ''), {
		scope: 'device',
		type: 'sas',
		issuer: 'iothub',
		acceptingIpFilterRule: null,
	});
	t.is(plain?.sequenceNumber, (event?.sequenceNumber ?? 0) + 1);
});

test('a module sends as itself', async (t) => {
	const emulator = await emulatorWithDevice(t);
	const identity = { deviceId: 'dev1', moduleId: "mod'$1" };
	emulator.registry.putModule(identity, {});
	const client = await clientOf(t, emulator, identity);
	await client.open();
	await client.sendEvent(new iot.Message('1'));
	const [event] = await allTelemetry(emulator);
	t.deepEqual(event?.identity, identity);
	t.is(event?.systemProperties['iothub-connection-module-id'], "mod'$1");
});

test('twin: read, report, hear of every desired change with its version', async (t) => {
	const emulator = await emulatorWithDevice(t);
	emulator.twins.patch(device, { properties: { desired: { a: { b: 1 }, gone: 1 } } });
	const client = await clientOf(t, emulator);
	await client.open();
	const twin = await client.getTwin();
	t.deepEqual(twin.properties.desired, { a: { b: 1 }, gone: 1, $version: 2 });

	const report = promisify(twin.properties.reported['update']) as (patch: object) => Promise<void>;
	await report({ state: { ok: true, old: 1 } });
	await report({ state: { old: null } });
	const { reported } = emulator.twins.get(device);
	t.deepEqual([reported.values, reported.version], [{ state: { ok: true } }, 3]);
	await t.throwsAsync(report({ 'a.b': 1 }), { message: /invalid char/ });
	t.is(emulator.twins.get(device).reported.version, 3);

	const patches: unknown[] = [];
	twin.on('properties.desired', (patch: unknown) => patches.push(structuredClone(patch)));
	await until(() => emulator.twins.get(device) && patches.length === 1);
	// The SDK does not say when it has subscribed; a request that follows is answered after that.
	await report({ state: { ok: true } });
	emulator.twins.patch(device, { properties: { desired: { a: { c: 2 } } } });
	emulator.twins.replace(device, { properties: { desired: { a: { b: 9 } } } });
	emulator.twins.patch(device, { properties: { desired: null } });
	await until(() => patches.length === 4);
	t.deepEqual(patches.slice(1), [
		{ a: { c: 2 }, $version: 3 },
		{ a: { b: 9, c: null }, gone: null, $version: 4 },
		{ a: null, $version: 5 },
	]);
});

test('direct methods: answers, waiting for the device, nobody there', async (t) => {
	const emulator = await emulatorWithDevice(t);
	const call = (body: object) =>
		hubRequest(emulator, { method: 'POST', path: '/twins/dev1/methods', body });

	const offline = await call({ methodName: 'm', payload: 1 });
	t.is(offline.status, 404);
	t.regex(String(offline.body['Message']), /^ErrorCode:DeviceNotOnline;/);

	const waiting = call({ methodName: 'm', payload: { x: 1 }, connectTimeoutInSeconds: 20 });
	const client = await clientOf(t, emulator);
	await client.open();
	const listener = (request: DeviceMethodRequest, response: DeviceMethodResponse) =>
		response.send(207, { got: request.payload as unknown });
	client.onDeviceMethod('m', listener as never);
	const answered = await waiting;
	t.is(answered.status, 200, answered.text);
	t.deepEqual(answered.body, { status: 207, payload: { got: { x: 1 } } });
	t.deepEqual((await call({ methodName: 'm', payload: null })).body, {
		status: 207,
		payload: { got: null },
	});

	const invalid = [
		{},
		{ methodName: 'x'.repeat(101) },
		{ methodName: 'm', responseTimeoutInSeconds: 4 },
		{ methodName: 'm', responseTimeoutInSeconds: 301 },
		{ methodName: 'm', connectTimeoutInSeconds: 301 },
		{ methodName: 'm', payload: 'x'.repeat(131_072) },
	];
	for (const body of invalid) t.is((await call(body)).status, 400);
	const unknown = { method: 'POST', path: '/twins/none/methods', body: { methodName: 'm' } };
	t.is((await hubRequest(emulator, unknown)).status, 404);
});

test('cloud-to-device messages wait for the device and arrive once, in order', async (t) => {
	const emulator = await emulatorWithDevice(t);
	const send = (n: number) =>
		emulator.sendToDevice('dev1', {
			body: Buffer.from(String(n)),
			properties: new Map([['k ey', 'v&=é']]),
			systemProperties: new Map([
				['messageId', `id ${n}`],
				['to', '/devices/dev1/messages/devicebound'],
				['ack', 'full'],
			]),
		});
	send(1);
	send(2);
	t.is((await hubRequest(emulator, { path: '/twins/dev1' })).body['cloudToDeviceMessageCount'], 2);

	const client = await clientOf(t, emulator);
	await client.open();
	const received: unknown[] = [];
	client.on('message', (message) => {
		const properties = message.properties.propertyList as { key: string; value: string }[];
		received.push([
			message.data.toString(),
			message.messageId,
			properties.map(({ key, value }) => [key, value]),
		]);
	});
	await until(() => received.length === 2);
	send(3);
	await until(() => received.length === 3);
	t.deepEqual(
		received,
		[1, 2, 3].map((n) => [
			String(n),
			`id ${n}`,
			[
				['iothub-ack', 'full'],
				['k ey', 'v&=é'],
			],
		]),
	);
	const drained = async () => {
		const { body } = await hubRequest(emulator, { path: '/devices/dev1' });
		return body['cloudToDeviceMessageCount'] === 0 || undefined;
	};
	t.true(await until(drained));
});

test('refuses a wrong key, an expired token, an unknown and a disabled device', async (t) => {
	const emulator = await emulatorWithDevice(t);
	emulator.registry.putDevice('off', { status: 'disabled' });
	const good = emulator.deviceConnectionString(device);
	const wrongKey = good.replace(/SharedAccessKey=.*/, `SharedAccessKey=${btoa('x'.repeat(32))}`);
	const strings = [
		wrongKey,
		good.replace('DeviceId=dev1', 'DeviceId=none'),
		emulator.deviceConnectionString({ deviceId: 'off' }),
	];
	for (const connectionString of strings) {
		const client = await clientOf(t, emulator, device, connectionString);
		const error = await t.throwsAsync(client.open(), undefined, connectionString);
		t.is(error?.name, 'UnauthorizedError');
	}
	const { primaryKey, secondaryKey } = emulator.registry.device('dev1').authentication.symmetricKey;
	const open = async (key: string | null, expiry: number) => {
		const resource = `${emulator.hostName}/devices/dev1`;
		const token = createSasToken({ resource, key: key ?? '', expiry });
		const client = iot.Client.fromSharedAccessSignature(token, Mqtt);
		await client.setOptions({ ca: emulator.caCertificate } as never);
		t.teardown(() => client.close().catch(() => {}));
		return client.open();
	};
	const now = Math.floor(Date.now() / 1000);
	await t.throwsAsync(open(primaryKey, now - 3600), { name: 'UnauthorizedError' });
	await t.notThrowsAsync(open(secondaryKey, now + 3600));
});

test('a device that is disabled, deleted or given other keys loses its connection', async (t) => {
	const emulator = await emulatorWithDevice(t);
	const state = async () =>
		(await hubRequest(emulator, { path: '/devices/dev1' })).body['connectionState'];
	const connected = async () => (await state()) === 'Connected' || undefined;
	const disconnected = async () => (await state()) !== 'Connected' || undefined;
	const changes: (() => void)[] = [
		() => emulator.registry.putDevice('dev1', { status: 'disabled' }, '*'),
		() => {
			const authentication = { symmetricKey: { primaryKey: btoa('y'.repeat(32)) } };
			emulator.registry.putDevice('dev1', { authentication }, '*');
		},
		() => emulator.registry.deleteDevice('dev1'),
	];
	for (const change of changes) {
		if (emulator.registry.device('dev1').status === 'disabled') {
			emulator.registry.putDevice('dev1', {}, '*');
		}
		const client = await clientOf(t, emulator);
		await client.open();
		t.true(await until(connected));
		change();
		t.true(await until(disconnected));
	}
});

test('token renewal and dropped connections lose neither messages nor subscriptions', async (t) => {
	const emulator = await emulatorWithDevice(t, { clockSkewSeconds: 0 });
	const client = await clientOf(t, emulator);
	const renewal = { tokenValidTimeInSeconds: 3, tokenRenewalMarginInSeconds: 2 };
	await client.setOptions({ ca: emulator.caCertificate, tokenRenewal: renewal } as never);
	await client.open();
	const twin = await client.getTwin();
	const versions: unknown[] = [];
	twin.on('properties.desired', (patch: { $version: number }) => versions.push(patch.$version));
	const listener = (_: DeviceMethodRequest, response: DeviceMethodResponse) => response.send(200);
	client.onDeviceMethod('m', listener as never);
	await sleep(100);
	let change = 0;
	const callM = async () => {
		const body = { methodName: 'm', connectTimeoutInSeconds: 10, responseTimeoutInSeconds: 5 };
		const path = '/twins/dev1/methods';
		return (await hubRequest(emulator, { method: 'POST', path, body })).status;
	};

	for (let n = 2; n <= 5; n += 1) {
		if (n === 4) emulator.faults.dropConnections();
		await client.sendEvent(new iot.Message(String(n)));
		// A call that falls into a renewal is lost with its connection, as with IoT Hub.
		await until(async () => (await callM()) === 200, 'an answer of the device');
		// What changes while a client is away is not sent again: a change may fall into a renewal.
		const seen = versions.length;
		await until(async () => {
			change += 1;
			emulator.twins.patch(device, { properties: { desired: { change } } });
			await sleep(200);
			return versions.length > seen;
		}, 'a change of the twin at the device');
		await sleep(700);
	}
	t.deepEqual(
		(await allTelemetry(emulator)).map(({ body }) => Buffer.from(body).toString()),
		['2', '3', '4', '5'],
	);
});

test('a second connection of the same device takes over', async (t) => {
	const emulator = await emulatorWithDevice(t);
	const first = await clientOf(t, emulator);
	await first.open();
	const gone = once(first, 'disconnect');
	const second = await clientOf(t, emulator);
	await second.open();
	await second.sendEvent(new iot.Message('2'));
	t.is(
		(await hubRequest(emulator, { path: '/devices/dev1' })).body['connectionState'],
		'Connected',
	);
	await Promise.race([gone, sleep(200)]);
	await second.sendEvent(new iot.Message('3'));
	t.is(emulator.telemetry.size.events, 2);
});
