import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import azure from 'azure-iot-device';
import { Mqtt } from 'azure-iot-device-mqtt';
import type { EdgeHub } from '../../src/edge-hub/hub.ts';
import { WorkloadClient } from '../../src/edge-hub/workload-client.ts';
import type { Identity } from '../../src/protocol/identity.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { keyOf } from '../support/fake-iot-hub.ts';
import {
	edgeDeviceId,
	hubHostName,
	moduleOf,
	newWorld,
	ownIdentity,
	routes,
	startHub,
	type World,
} from '../support/hub-world.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const { Client, Message, ModuleClient } = azure;

const sensor = moduleOf('sensor');
const filter = moduleOf('filter');
const everything = [
	'FROM /messages/modules/sensor/outputs/temperature INTO BrokeredEndpoint("/modules/filter/inputs/in1")',
	'FROM /messages/modules/filter/outputs/* INTO $upstream',
	'FROM /messages/* WHERE NOT IS_DEFINED($connectionModuleId) INTO $upstream',
];

async function runningHub(t: ExecutionContext): Promise<{ world: World; hub: EdgeHub }> {
	const world = await newWorld('sensor', 'filter');
	world.iotHub.patchDesired(ownIdentity, routes(...everything));
	const hub = await startHub(t, world);
	await hub.whenReady();
	return { world, hub };
}

function connectionString(hub: EdgeHub, { deviceId, moduleId }: Identity): string {
	const identity = moduleId === undefined ? { deviceId } : { deviceId, moduleId };
	return [
		`HostName=${hubHostName}`,
		`DeviceId=${deviceId}`,
		...(moduleId === undefined ? [] : [`ModuleId=${moduleId}`]),
		`SharedAccessKey=${keyOf(identity)}`,
		`GatewayHostName=localhost:${hub.mqttPort}`,
	].join(';');
}

async function moduleClient(t: ExecutionContext, hub: EdgeHub, world: World, identity: Identity) {
	const client = ModuleClient.fromConnectionString(connectionString(hub, identity), Mqtt);
	await client.setOptions({ ca: world.workload.authority.certificate } as never);
	t.teardown(() => client.close().catch(() => {}));
	client.on('error', () => {});
	await client.open();
	return client;
}

test('modules of the Azure SDK send, receive, use their twins and answer methods', async (t) => {
	const { world, hub } = await runningHub(t);
	world.iotHub.patchDesired(filter, { threshold: 25 });
	const from = await moduleClient(t, hub, world, sensor);
	const to = await moduleClient(t, hub, world, filter);

	const input = new Promise<[string, azure.Message]>((resolve) => {
		to.on('inputMessage', (name, message) => resolve([name, message]));
	});
	const twin = await to.getTwin();
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
	message.contentEncoding = 'utf-8';
	message.messageId = 'm/1 ü';
	message.properties.add('unit', '°C & =');
	await from.sendOutputEvent('temperature', message);
	const [name, received] = await input;
	t.is(name, 'in1');
	t.is(received.getData().toString(), '{"temperature":21}');
	t.is(received.messageId, 'm/1 ü');
	t.is(received.contentType, 'application/json');
	t.is(received.properties.getValue('unit'), '°C & =');
	t.is(received.properties.getValue('$.cmid'), 'sensor');

	await to.sendOutputEvent('alert', received);
	await until(() => world.iotHub.messages.length === 1, 'the message in the cloud');
	t.is(world.iotHub.messages[0]?.sender, 'edge1/filter');
	t.is(world.iotHub.messages[0]?.message.systemProperties.get('messageId'), 'm/1 ü');

	await new Promise<void>((resolve, reject) => {
		twin.properties.reported['update']({ state: 'running' }, (error: Error | null) =>
			error ? reject(error) : resolve(),
		);
	});
	await until(() => world.iotHub.reportedOf(filter)['state'] === 'running', 'the report');
	const bad = new Promise<Error | null>((resolve) => {
		twin.properties.reported['update']({ 'a.b': 1 }, (error: Error | null) => resolve(error));
	});
	t.regex(String(await bad), /invalid character/);

	await until(() => world.iotHub.listensForMethods(filter), 'the method subscription');
	t.deepEqual(
		await world.iotHub.callMethod(filter, {
			name: 'reset',
			payload: [1],
			responseTimeoutSeconds: 30,
			connectTimeoutSeconds: 0,
		}),
		{ status: 200, payload: { echo: [1] } },
	);
	world.iotHub.patchDesired(filter, { threshold: 30 });
	t.deepEqual(await desired, { threshold: 30, $version: 3 });
});

test('a leaf device of the Azure SDK sends and is sent to through the hub', async (t) => {
	const { world, hub } = await runningHub(t);
	const leaf = { deviceId: 'leaf-1' };
	world.iotHub.register(leaf);
	const client = Client.fromConnectionString(connectionString(hub, leaf), Mqtt);
	await client.setOptions({ ca: world.workload.authority.certificate } as never);
	t.teardown(() => client.close().catch(() => {}));
	await client.open();
	await client.sendEvent(new Message('20'));
	await until(() => world.iotHub.messages.length === 1, 'the message in the cloud');
	t.is(world.iotHub.messages[0]?.sender, 'leaf-1');
	const received = new Promise<azure.Message>((resolve) => client.on('message', resolve));
	await until(() => world.iotHub.listensForMessages(leaf), 'the subscription');
	await world.iotHub.sendToDevice(leaf, {
		body: Buffer.from('hello'),
		properties: new Map(),
		systemProperties: new Map([['messageId', 'c1']]),
	});
	t.is((await received).messageId, 'c1');
});

test('a token that is renewed loses neither subscriptions nor twin updates', async (t) => {
	const { world, hub } = await runningHub(t);
	const client = ModuleClient.fromConnectionString(connectionString(hub, filter), Mqtt);
	// Renewed after a second: the SDK disconnects, connects again, and subscribes to nothing.
	await client.setOptions({
		ca: world.workload.authority.certificate,
		tokenRenewal: { tokenValidTimeInSeconds: 3, tokenRenewalMarginInSeconds: 2 },
	} as never);
	t.teardown(() => client.close().catch(() => {}));
	client.on('error', () => {});
	await client.open();
	const inputs: string[] = [];
	client.on('inputMessage', (name) => inputs.push(name));
	const twin = await client.getTwin();
	const patches: { after?: string }[] = [];
	twin.on('properties.desired', (patch) => patches.push(patch));
	const connects = async () => {
		const page = await (await fetch(`http://127.0.0.1:${hub.monitoringPort}/metrics`)).text();
		return Number(/^edgehub_client_connect_success_total\{.*\} (\d+)$/m.exec(page)?.[1]);
	};
	await until(async () => (await connects()) >= 2, 'a renewal');
	world.iotHub.patchDesired(filter, { after: 'renewal' });
	await until(() => patches.some(({ after }) => after === 'renewal'), 'the patch');
	const from = await moduleClient(t, hub, world, sensor);
	await from.sendOutputEvent('temperature', new Message('x'));
	await until(() => inputs.length === 1, 'the input message');
	t.deepEqual(inputs, ['in1']);
});

test('a module starts from its environment, with the workload API', async (t) => {
	const { world, hub } = await runningHub(t);
	const { uri, requests, stop } = await world.workload.listen();
	t.teardown(stop);
	const env = {
		IOTEDGE_WORKLOADURI: uri,
		IOTEDGE_DEVICEID: edgeDeviceId,
		IOTEDGE_MODULEID: 'sensor',
		IOTEDGE_IOTHUBHOSTNAME: hubHostName,
		IOTEDGE_AUTHSCHEME: 'sasToken',
		IOTEDGE_MODULEGENERATIONID: '1',
		IOTEDGE_GATEWAYHOSTNAME: `localhost:${hub.mqttPort}`,
	};
	Object.assign(process.env, env);
	t.teardown(() => {
		for (const name of Object.keys(env)) delete process.env[name];
	});
	const client = await ModuleClient.fromEnvironment(Mqtt);
	t.teardown(() => client.close().catch(() => {}));
	await client.open();
	const twin = await client.getTwin();
	t.is(twin.properties.desired['$version'], 1);
	t.deepEqual(requests.length, 2);
});

test('the workload API is used over HTTP and over a socket, and tried again until it answers', async (t) => {
	const world = await newWorld('sensor');
	const { uri, requests, stop } = await world.workload.listen();
	t.teardown(stop);
	const surroundings = { clock: systemClock, logger: silentLogger };
	const hubModule = { moduleId: '$edgeHub', generationId: '1', ...surroundings };
	const client = new WorkloadClient({ uri, ...hubModule });
	t.is(await client.sign('x'), await world.workload.for('$edgeHub').sign('x'));
	t.true((await client.trustBundle()).startsWith('-----BEGIN CERTIFICATE-----'));
	const { expiresAt, privateKey } = await client.createServerCertificate('edgehub');
	t.true(expiresAt > Date.now());
	t.true(privateKey.startsWith('-----BEGIN PRIVATE KEY-----'));
	t.regex(requests[0] ?? '', /^POST \/modules\/%24edgeHub\/genid\/1\/sign\?api-version=/);

	const socketPath = join(await temporaryFolder(t), 'workload.sock');
	const overSocket = new WorkloadClient({ uri: `unix://${socketPath}`, ...hubModule });
	const signing = overSocket.sign('x', AbortSignal.timeout(5_000));
	const target = new URL(uri);
	const proxy = createServer((socket) => {
		const onward = connect(Number(target.port), target.hostname);
		socket.pipe(onward).pipe(socket);
		for (const each of [socket, onward]) each.on('error', () => each.destroy());
	});
	proxy.listen(socketPath);
	t.teardown(() => proxy.close());
	t.is(await signing, await client.sign('x'));
});
