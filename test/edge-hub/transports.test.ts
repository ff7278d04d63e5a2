// What lets SDKs use a host name with a port over WebSocket has to be there before they are loaded.
import '../../src/iot-hub-emulator/sdk-port-preload.ts';
import test, { type ExecutionContext } from 'ava';
import azure from 'azure-iot-device';
import amqp from 'azure-iot-device-amqp';
import mqtt from 'azure-iot-device-mqtt';
import type { EdgeHub } from '../../src/edge-hub/hub.ts';
import type { Identity } from '../../src/protocol/identity.ts';
import { keyOf } from '../support/fake-iot-hub.ts';
import {
	hubHostName,
	moduleOf,
	newWorld,
	ownIdentity,
	routes,
	startHub,
	type World,
} from '../support/hub-world.ts';
import { until } from '../support/until.ts';

const { Client, Message, ModuleClient } = azure;

const sensor = moduleOf('sensor');
const filter = moduleOf('filter');
const everything = [
	'FROM /messages/modules/sensor/outputs/temperature INTO BrokeredEndpoint("/modules/filter/inputs/in1")',
	'FROM /messages/modules/filter/outputs/* INTO $upstream',
	'FROM /messages/* WHERE NOT IS_DEFINED($connectionModuleId) INTO $upstream',
];

const transports = {
	Amqp: { kind: amqp.Amqp, port: (hub: EdgeHub) => hub.amqpPort },
	AmqpWs: { kind: amqp.AmqpWs, port: (hub: EdgeHub) => hub.httpsPort },
	MqttWs: { kind: mqtt.MqttWs, port: (hub: EdgeHub) => hub.httpsPort },
} as const;

type Transport = keyof typeof transports;

async function runningHub(
	t: ExecutionContext,
	env: Readonly<Record<string, string>> = {},
): Promise<{ world: World; hub: EdgeHub }> {
	const world = await newWorld('sensor', 'filter');
	world.iotHub.patchDesired(ownIdentity, routes(...everything));
	const hub = await startHub(t, world, env);
	await hub.whenReady();
	return { world, hub };
}

async function clientOf(
	t: ExecutionContext,
	{ world, hub }: { readonly world: World; readonly hub: EdgeHub },
	transport: Transport,
	identity: Identity,
	key = keyOf(identity),
) {
	const { deviceId, moduleId } = identity;
	const { kind, port } = transports[transport];
	const connectionString = [
		`HostName=${hubHostName}`,
		`DeviceId=${deviceId}`,
		...(moduleId === undefined ? [] : [`ModuleId=${moduleId}`]),
		`SharedAccessKey=${key}`,
		`GatewayHostName=localhost:${port(hub)}`,
	].join(';');
	const type = moduleId === undefined ? Client : ModuleClient;
	const client = type.fromConnectionString(connectionString, kind as never);
	await client.setOptions({ ca: world.workload.authority.certificate } as never);
	t.teardown(() => client.close().catch(() => {}));
	client.on('error', () => {});
	return client as azure.Client & azure.ModuleClient;
}

for (const transport of Object.keys(transports) as Transport[]) {
	test(`${transport}: modules send, receive, use their twins and answer methods`, async (t) => {
		const running = await runningHub(t);
		const { world } = running;
		world.iotHub.patchDesired(filter, { threshold: 25 });
		const from = await clientOf(t, running, transport, sensor);
		const to = await clientOf(t, running, transport, filter);
		await Promise.all([from.open(), to.open()]);
		const input = new Promise<[string, azure.Message]>((resolve) => {
			to.on('inputMessage', (name, message) => {
				void to.complete(message);
				resolve([name, message]);
			});
		});
		const twin = (await to.getTwin()) as azure.Twin;
		t.is(twin.properties.desired['threshold'], 25);
		const desired = new Promise<Record<string, unknown>>((resolve) => {
			twin.on('properties.desired', (patch) => {
				if (patch.threshold !== 25) resolve(patch);
			});
		});
		to.onMethod('reset', (request, response) => {
			void response?.send(200, { echo: request?.payload });
		});

		const message = new Message(JSON.stringify({ temperature: 21 }));
		message.contentType = 'application/json';
		message.messageId = '7f3c8f3e-5f5c-4c6e-8d4b-0123456789ab';
		message.properties.add('unit', '°C & =');
		await from.sendOutputEvent('temperature', message);
		const [name, received] = await input;
		t.is(name, 'in1');
		t.is(received.getData().toString(), '{"temperature":21}');
		t.is(received.messageId, message.messageId);
		t.is(received.contentType, 'application/json');
		t.is(received.properties.getValue('unit'), '°C & =');

		await to.sendOutputEvent('alert', new Message('hot'));
		await until(() => world.iotHub.messages.length === 1, 'the message in the cloud');
		t.is(world.iotHub.messages[0]?.sender, 'edge1/filter');

		const report = (patch: object) =>
			new Promise<Error | null>((resolve) => {
				twin.properties.reported['update'](patch, resolve);
			});
		t.falsy(await report({ state: 'running' }));
		await until(() => world.iotHub.reportedOf(filter)['state'] === 'running', 'the report');
		t.true((await report({ 'a.b': 1 })) instanceof Error);

		await until(() => world.iotHub.listensForMethods(filter), 'the method subscription');
		const call = {
			name: 'reset',
			payload: [1],
			responseTimeoutSeconds: 30,
			connectTimeoutSeconds: 0,
		};
		t.deepEqual(await world.iotHub.callMethod(filter, call), {
			status: 200,
			payload: { echo: [1] },
		});
		world.iotHub.patchDesired(filter, { threshold: 30 });
		t.deepEqual(await desired, { threshold: 30, $version: 3 });
	});

	test(`${transport}: a leaf device sends and is sent to, strangers are refused`, async (t) => {
		const running = await runningHub(t);
		const { world } = running;
		const leaf = { deviceId: 'leaf-1' };
		world.iotHub.register(leaf);
		const stranger = await clientOf(t, running, transport, leaf, keyOf(sensor));
		await t.throwsAsync(stranger.open(), { name: 'UnauthorizedError' });
		const client = await clientOf(t, running, transport, leaf);
		await client.open();
		await client.sendEvent(new Message('20'));
		await until(() => world.iotHub.messages.length === 1, 'the message in the cloud');
		t.is(world.iotHub.messages[0]?.sender, 'leaf-1');
		const received = new Promise<azure.Message>((resolve) => {
			client.on('message', (message: azure.Message) => {
				void client.complete(message);
				resolve(message);
			});
		});
		await until(() => world.iotHub.listensForMessages(leaf), 'the subscription');
		await world.iotHub.sendToDevice(leaf, {
			body: Buffer.from('hello'),
			properties: new Map([['k', 'v']]),
			systemProperties: new Map([['messageId', 'c2d-1']]),
		});
		const message = await received;
		t.is(message.getData().toString(), 'hello');
		t.is(message.messageId, 'c2d-1');
		t.is(message.properties.getValue('k'), 'v');
	});
}

test('a module that does not settle a message over AMQP gets it again', async (t) => {
	const running = await runningHub(t, { MessageAckTimeoutSecs: '1' });
	const from = await clientOf(t, running, 'Amqp', sensor);
	const to = await clientOf(t, running, 'Amqp', filter);
	await Promise.all([from.open(), to.open()]);
	const seen: string[] = [];
	to.on('inputMessage', (_name, message) => {
		seen.push(message.getData().toString());
		if (seen.length > 1) void to.complete(message);
	});
	for (const text of ['a', 'b']) await from.sendOutputEvent('temperature', new Message(text));
	await until(() => seen.filter((text) => text === 'b').length > 0 && seen.length > 2, 'again');
	t.deepEqual(seen.slice(-2), ['a', 'b']);
});

test('a message that a module rejects over AMQP is set aside and counted, and the next one comes', async (t) => {
	const running = await runningHub(t);
	const from = await clientOf(t, running, 'Amqp', sensor);
	const to = await clientOf(t, running, 'Amqp', filter);
	await Promise.all([from.open(), to.open()]);
	const seen: string[] = [];
	to.on('inputMessage', (_name, message) => {
		const text = message.getData().toString();
		seen.push(text);
		void (text === 'bad' ? to.reject(message) : to.complete(message));
	});
	for (const text of ['bad', 'good']) await from.sendOutputEvent('temperature', new Message(text));
	await until(() => seen.includes('good'), 'the next message');
	t.deepEqual(seen, ['bad', 'good']);
	t.is([...running.world.values.entries('poison-messages')].length, 1);
});
