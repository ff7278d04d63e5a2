// What lets SDKs use a host name with a port has to be there before they are loaded.
import '../../src/iot-hub-emulator/sdk-port-preload.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import iot, {
	type Client,
	type DeviceMethodRequest,
	type DeviceMethodResponse,
	type Message,
	type ModuleClient,
	type Twin,
} from 'azure-iot-device';
import amqp from 'azure-iot-device-amqp';
import mqtt from 'azure-iot-device-mqtt';
import { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import type { TelemetryEvent } from '../../src/iot-hub-emulator/telemetry/telemetry-event.ts';
import type { Identity } from '../../src/protocol/identity.ts';
import type { Message as HubMessage } from '../../src/protocol/message.ts';
import { createSasToken } from '../../src/protocol/sas-token.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { hubRequest } from '../support/running-emulator.ts';
import { ShiftedClock } from '../support/shifted-clock.ts';
import { until } from '../support/until.ts';

const transports = {
	Mqtt: mqtt.Mqtt,
	MqttWs: mqtt.MqttWs,
	Amqp: amqp.Amqp,
	AmqpWs: amqp.AmqpWs,
} as const;

type Transport = keyof typeof transports;

const emulator = new IotHubEmulator();

test.before(() => emulator.start());
test.after.always(() => emulator.stop());

/** A client of a new device, or of a new module. */
async function newClient(
	t: ExecutionContext,
	transport: Transport,
	moduleId?: string,
): Promise<{ identity: Identity; client: Client & ModuleClient }> {
	const deviceId = t.title.replaceAll(/[^A-Za-z0-9]/g, '');
	emulator.registry.putDevice(deviceId, {});
	const identity = moduleId === undefined ? { deviceId } : { deviceId, moduleId };
	if (moduleId !== undefined) emulator.registry.putModule({ deviceId, moduleId }, {});
	const client = await clientOf(t, transport, identity);
	return { identity, client };
}

async function clientOf(
	t: ExecutionContext,
	transport: Transport,
	identity: Identity,
	connectionString = emulator.deviceConnectionString(identity),
): Promise<Client & ModuleClient> {
	const kind = identity.moduleId === undefined ? iot.Client : iot.ModuleClient;
	const client = kind.fromConnectionString(connectionString, transports[transport] as never);
	await client.setOptions({ ca: emulator.caCertificate } as never);
	t.teardown(() => client.close().catch(() => {}));
	return client as Client & ModuleClient;
}

async function telemetryOf({ deviceId, moduleId }: Identity): Promise<TelemetryEvent[]> {
	const events: TelemetryEvent[] = [];
	for await (const event of emulator.telemetry.read()) {
		const { identity } = event;
		if (identity.deviceId === deviceId && identity.moduleId === moduleId) events.push(event);
	}
	return events;
}

function toDevice(text: string, systemProperties: [string, string][] = []): HubMessage {
	return {
		body: Buffer.from(text),
		properties: new Map([['k', 'v/1 ü']]),
		systemProperties: new Map(systemProperties),
	};
}

async function telemetry(t: ExecutionContext, transport: Transport): Promise<void> {
	const { identity, client } = await newClient(t, transport);
	await client.open();
	const message = new iot.Message(Buffer.from([0, 1, 254, 255]));
	const messageId = '7f3c8f3e-5f5c-4c6e-8d4b-0123456789ab';
	Object.assign(message, { messageId, correlationId: 'cid 2' });
	message.contentType = 'application/json';
	message.contentEncoding = 'utf-8';
	message.properties.add('p one', 'v/1&=?#+%é');
	message.properties.add('dt-subject', 'component');
	await client.sendEvent(message);
	await Promise.all([1, 2, 3].map((n) => client.sendEvent(new iot.Message(`{"n":${n}}`))));
	const [event, ...others] = await telemetryOf(identity);
	t.deepEqual([...(event?.body ?? [])], [0, 1, 254, 255]);
	t.deepEqual(event?.properties, { 'p one': 'v/1&=?#+%é' });
	t.like(event?.systemProperties, {
		'message-id': messageId,
		'correlation-id': 'cid 2',
		'content-type': 'application/json',
		'content-encoding': 'utf-8',
		'dt-subject': 'component',
		'iothub-connection-device-id': identity.deviceId,
		'iothub-message-source': 'Telemetry',
	});
	t.deepEqual(
		others.map(({ body }) => Buffer.from(body).toString()),
		['{"n":1}', '{"n":2}', '{"n":3}'],
	);
	t.true((await telemetryOf(identity)).length === 4);
}

async function moduleOutput(t: ExecutionContext, transport: Transport): Promise<void> {
	const { identity, client } = await newClient(t, transport, "mod'$1");
	await client.open();
	await client.sendOutputEvent('out put', new iot.Message('1'));
	const [event] = await telemetryOf(identity);
	t.is(event?.systemProperties['iothub-outputname'], 'out put');
	t.is(event?.systemProperties['iothub-connection-module-id'], "mod'$1");
	t.deepEqual(event?.properties, {});
}

async function twins(t: ExecutionContext, transport: Transport): Promise<void> {
	const { identity, client } = await newClient(t, transport, 'filter');
	emulator.twins.patch(identity, { properties: { desired: { a: { b: 1 } } } });
	await client.open();
	const twin = (await client.getTwin()) as Twin;
	t.deepEqual(twin.properties.desired, { a: { b: 1 }, $version: 2 });
	const report = promisify(twin.properties.reported['update']) as (patch: object) => Promise<void>;
	await report({ state: { ok: true, old: 1 } });
	await report({ state: { old: null } });
	t.deepEqual(emulator.twins.get(identity).reported.values, { state: { ok: true } });
	await t.throwsAsync(report({ 'a.b': 1 }));
	t.is(emulator.twins.get(identity).reported.version, 3);

	const patches: object[] = [];
	twin.on('properties.desired', (patch: object) => patches.push(patch));
	await until(() => patches.length);
	await until(() => {
		emulator.twins.patch(identity, { properties: { desired: { a: { b: null, c: 2 } } } });
		return patches.length > 1 || undefined;
	});
	t.like(patches.at(1), { a: { b: null, c: 2 } });
	await until(() => {
		const last = patches.at(-1) as { $version?: number };
		return last.$version === emulator.twins.get(identity).desired.version || undefined;
	});
}

async function cloudToDevice(t: ExecutionContext, transport: Transport): Promise<void> {
	const { identity, client } = await newClient(t, transport);
	const { deviceId } = identity;
	emulator.sendToDevice(
		deviceId,
		toDevice('early', [
			['messageId', 'id/1'],
			['ack', 'full'],
			['contentType', 'text/plain'],
		]),
	);
	const received: Message[] = [];
	client.on('message', (message: Message) => {
		received.push(message);
		void client.complete(message);
	});
	await client.open();
	await until(() => received.length);
	for (const text of ['second', 'third']) emulator.sendToDevice(deviceId, toDevice(text));
	await until(() => received.length === 3);
	t.deepEqual(
		received.map((message) => message.getData().toString()),
		['early', 'second', 'third'],
	);
	const [early] = received;
	t.is(early?.messageId, 'id/1');
	t.is(early?.contentType as string, 'text/plain');
	t.is(early?.properties.getValue('k'), 'v/1 ü');
	await become(deviceId, 'cloudToDeviceMessageCount', 0);
	t.is(received.length, 3);
}

/** Waits for a member of the device's twin document to have a value. */
async function become(deviceId: string, name: string, value: unknown): Promise<void> {
	await until(async () => {
		const { body } = await hubRequest(emulator, { path: `/twins/${deviceId}` });
		return body[name] === value || undefined;
	});
}

async function methods(t: ExecutionContext, transport: Transport): Promise<void> {
	const { identity, client } = await newClient(t, transport, 'm');
	await client.open();
	client.onMethod('add', (request?: DeviceMethodRequest, response?: DeviceMethodResponse) => {
		const { a, b } = request?.payload ?? {};
		void response?.send(207, { sum: a + b });
	});
	const path = `/twins/${identity.deviceId}/modules/m/methods`;
	const call = (methodName: string) =>
		hubRequest(emulator, {
			method: 'POST',
			path,
			body: { methodName, payload: { a: 1, b: 2 }, connectTimeoutInSeconds: 10 },
		});
	const calls = await Promise.all([call('add'), call('add')]);
	for (const { status, body } of calls) {
		t.deepEqual([status, body], [200, { status: 207, payload: { sum: 3 } }]);
	}
}

async function refusals(t: ExecutionContext, transport: Transport): Promise<void> {
	const { identity } = await newClient(t, transport);
	const wrong = emulator
		.deviceConnectionString(identity)
		.replace(/SharedAccessKey=.*/, `SharedAccessKey=${Buffer.alloc(32).toString('base64')}`);
	const client = await clientOf(t, transport, identity, wrong);
	await t.throwsAsync(client.open(), { name: 'UnauthorizedError' });
	const expired = createSasToken({
		resource: `${emulator.hostName}/devices/${identity.deviceId}`,
		key: emulator.registry.device(identity.deviceId).authentication.symmetricKey.primaryKey ?? '',
		expiry: 1_000_000_000,
	});
	const late = iot.Client.fromSharedAccessSignature(expired, transports[transport] as never);
	await late.setOptions({ ca: emulator.caCertificate } as never);
	await t.throwsAsync(late.open(), { name: 'UnauthorizedError' });
}

async function endings(t: ExecutionContext, transport: Transport): Promise<void> {
	const { identity, client } = await newClient(t, transport);
	const { deviceId } = identity;
	await client.open();
	await client.sendEvent(new iot.Message('1'));
	await become(deviceId, 'connectionState', 'Connected');
	emulator.registry.putDevice(deviceId, { status: 'disabled' }, '*');
	await become(deviceId, 'connectionState', 'Disconnected');
	await t.throwsAsync((await clientOf(t, transport, identity)).open(), {
		name: 'UnauthorizedError',
	});
	emulator.registry.putDevice(deviceId, { status: 'enabled' }, '*');
	// A client that has not noticed yet fails once more.
	await until(() =>
		client.sendEvent(new iot.Message('2')).then(
			() => true,
			() => undefined,
		),
	);
	t.is((await telemetryOf(identity)).length, 2);
}

const operations = {
	'telemetry arrives with all its properties, in order': telemetry,
	'a module sends to its outputs': moduleOutput,
	'a twin is read, reported to and listened to': twins,
	'messages from the cloud wait for their device and arrive once': cloudToDevice,
	'direct methods are called and answered': methods,
	'a wrong key and an old token are refused': refusals,
	'a disabled device is cut off, and comes back': endings,
};

for (const transport of Object.keys(transports) as Transport[]) {
	for (const [title, operation] of Object.entries(operations)) {
		test(`${transport}: ${title}`, (t) => operation(t, transport));
	}
}

for (const transport of ['Amqp', 'AmqpWs'] as const) {
	test(`${transport}: a device rejects a message, and abandons one until it has it`, async (t) => {
		const { identity, client } = await newClient(t, transport);
		const { deviceId } = identity;
		for (const text of ['bad', 'later']) emulator.sendToDevice(deviceId, toDevice(text));
		const seen: string[] = [];
		client.on('message', (message: Message) => {
			const text = message.getData().toString();
			seen.push(text);
			if (text === 'bad') void client.reject(message);
			else if (seen.filter((other) => other === 'later').length < 3) void client.abandon(message);
			else void client.complete(message);
		});
		await client.open();
		await become(deviceId, 'cloudToDeviceMessageCount', 0);
		t.deepEqual(seen.sort(), ['bad', 'later', 'later', 'later']);
	});

	test(`${transport}: a message that is too large is refused, and the connection lives`, async (t) => {
		const { identity, client } = await newClient(t, transport);
		await client.open();
		const large = new iot.Message(Buffer.alloc(262_145));
		await t.throwsAsync(client.sendEvent(large), { name: 'MessageTooLargeError' });
		await client.sendEvent(new iot.Message(Buffer.alloc(262_000)));
		t.is((await telemetryOf(identity))[0]?.body.length, 262_000);
	});
}

test('Amqp: a new token keeps a connection alive past the end of the old one', async (t) => {
	const clock = new ShiftedClock();
	const log: string[] = [];
	const logger = { ...silentLogger, debug: (message: string) => log.push(message) };
	const strict = new IotHubEmulator({ clockSkewSeconds: 0, clock, logger });
	await strict.start();
	t.teardown(() => strict.stop());
	strict.registry.putDevice('dev1', {});
	const connectionString = strict.deviceConnectionString({ deviceId: 'dev1' });
	const client = iot.Client.fromConnectionString(connectionString, amqp.Amqp);
	t.teardown(() => client.close().catch(() => {}));
	// Other times make the SDK renew its token at once.
	const living = (tokenValidTimeInSeconds: number) =>
		client.setOptions({
			ca: strict.caCertificate,
			tokenRenewal: { tokenValidTimeInSeconds, tokenRenewalMarginInSeconds: 60 },
		} as never);
	await living(600);
	await client.open();
	const since = async () => {
		const { body } = await hubRequest(strict, { path: '/devices/dev1' });
		return [body['connectionState'], body['connectionStateUpdatedTime']];
	};
	const before = await since();
	t.is(before[0], 'Connected');
	await living(36_000);
	await until(() => log.includes('a client has renewed its token'), 'a newer token');
	clock.shift(700_000);
	// The hub looks for what has ended every second.
	await sleep(1_200);
	t.deepEqual(await since(), before);
});
