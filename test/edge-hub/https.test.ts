import { Agent, request as httpsRequest } from 'node:https';
import test, { type ExecutionContext } from 'ava';
import azure from 'azure-iot-device';
import { Http } from 'azure-iot-device-http';
import { Mqtt } from 'azure-iot-device-mqtt';
import mqtt from 'mqtt';
import type { EdgeHub } from '../../src/edge-hub/hub.ts';
import { createSasToken } from '../../src/protocol/sas-token.ts';
import { keyOf } from '../support/fake-iot-hub.ts';
import {
	edgeDeviceId,
	hubHostName,
	moduleOf,
	mqttOptions,
	newWorld,
	ownIdentity,
	routes,
	startHub,
	TestClient,
	tokenOf,
	type World,
} from '../support/hub-world.ts';
import { until } from '../support/until.ts';

const sensor = moduleOf('sensor');
const filter = moduleOf('filter');

async function runningHub(t: ExecutionContext, env: Readonly<Record<string, string>> = {}) {
	const world = await newWorld('sensor', 'filter');
	world.iotHub.patchDesired(ownIdentity, routes('FROM /messages/* INTO $upstream'));
	const hub = await startHub(t, world, env);
	await hub.whenReady();
	return { world, hub };
}

interface Answer {
	readonly status: number;
	readonly type: string | undefined;
	readonly retryAfter: string | undefined;
	readonly body: Record<string, unknown> | undefined;
}

function post(
	hub: EdgeHub,
	world: World,
	path: string,
	headers: Record<string, string>,
	body: string | Buffer,
	method = 'POST',
	shown: { readonly cert?: string; readonly key?: string } = {},
): Promise<Answer> {
	return new Promise((resolve, reject) => {
		const ca = world.workload.authority.certificate;
		const port = hub.httpsPort;
		const outgoing = httpsRequest({
			host: 'localhost',
			port,
			path,
			method,
			headers,
			ca,
			agent: false,
			...shown,
		});
		outgoing.on('error', reject);
		outgoing.on('response', async (incoming) => {
			const chunks: Buffer[] = [];
			for await (const chunk of incoming) chunks.push(chunk as Buffer);
			const text = Buffer.concat(chunks).toString();
			resolve({
				status: incoming.statusCode ?? 0,
				type: incoming.headers['content-type'],
				retryAfter: incoming.headers['retry-after'],
				body: text === '' ? undefined : JSON.parse(text),
			});
		});
		outgoing.end(body);
	});
}

/** Takes requests of SDKs, which know port 443 only, to a hub of a test. */
function agentTo(hub: EdgeHub): Agent {
	const agent = new Agent();
	const { createConnection } = agent;
	agent.createConnection = function (options, callback) {
		return createConnection.call(
			this,
			{ ...options, host: 'localhost', servername: 'localhost', port: hub.httpsPort },
			callback,
		);
	};
	return agent;
}

const call = JSON.stringify({ methodName: 'reset', payload: { hard: true } });
const bySensor = () => ({
	'x-ms-edge-moduleid': 'edge1/sensor',
	authorization: tokenOf(sensor),
});

test('a module of the Azure SDK calls a method of another module, without the cloud', async (t) => {
	const { world, hub } = await runningHub(t);
	const target = await TestClient.connect(t, hub, mqttOptions(world, filter));
	await target.mqtt.subscribeAsync('$iothub/methods/POST/#');
	target.mqtt.on('message', (topic, payload) => {
		const rid = topic.split('$rid=')[1];
		void target.mqtt.publishAsync(`$iothub/methods/res/207/?$rid=${rid}`, `[${payload}]`);
	});
	world.iotHub.setOnline(false);
	const client = azure.ModuleClient.fromConnectionString(
		[
			`HostName=${hubHostName}`,
			`DeviceId=${edgeDeviceId}`,
			'ModuleId=sensor',
			`SharedAccessKey=${keyOf(sensor)}`,
			`GatewayHostName=localhost:${hub.mqttPort}`,
		].join(';'),
		Mqtt,
	);
	t.teardown(() => client.close().catch(() => {}));
	await client.setOptions({
		ca: world.workload.authority.certificate,
		http: { agent: agentTo(hub) },
	} as never);
	// Only a client that was open stops its timers when it is closed.
	await client.open();
	const reset = { methodName: 'reset', payload: { hard: true }, responseTimeoutInSeconds: 5 };
	const invoke = (moduleId: string, params: typeof reset) =>
		client.invokeMethod(edgeDeviceId, moduleId, params as never) as unknown as Promise<object>;
	t.deepEqual(await invoke('filter', reset), { status: 207, payload: [{ hard: true }] });
	const absent = await t.throwsAsync(invoke('nobody', reset));
	t.is(absent?.name, 'DeviceNotFoundError');
	t.is(absent?.message, 'Client edge1/nobody not found');
	const invalid = await t.throwsAsync(invoke('filter', { ...reset, responseTimeoutInSeconds: 1 }));
	t.is(invalid?.name, 'ArgumentError');
	t.regex(invalid?.message ?? '', /responseTimeoutInSeconds/);
});

test('requests that break a rule are refused with the reason', async (t) => {
	const { world, hub } = await runningHub(t);
	const toFilter = '/twins/edge1/modules/filter/methods?api-version=2018-06-28';
	const refused = async (status: number, ...[path, headers, body, method]: Parts) => {
		const answer = await post(hub, world, path, headers, body, method);
		t.is(answer.status, status, `${path} ${JSON.stringify(headers)}`);
		t.is(answer.type, 'application/json; charset=utf-8');
		t.regex(String(answer.body?.['Message']), /^ErrorCode:\w+;./);
	};
	type Parts = [string, Record<string, string>, string, string?];
	await refused(400, toFilter, { authorization: tokenOf(sensor) }, call);
	await refused(401, toFilter, { 'x-ms-edge-moduleid': 'edge1/sensor' }, call);
	await refused(401, toFilter, { ...bySensor(), 'x-ms-edge-moduleid': 'edge1/filter' }, call);
	await refused(401, toFilter, { ...bySensor(), 'x-ms-edge-moduleid': 'edge2/sensor' }, call);
	await refused(400, toFilter, { ...bySensor(), 'x-ms-edge-moduleid': 'edge1' }, call);
	await refused(400, toFilter, bySensor(), 'no json');
	await refused(400, toFilter, bySensor(), '{"payload":1}');
	await refused(404, toFilter, bySensor(), call);
	await refused(404, '/twins/%65dge1/methods', bySensor(), call);
	await refused(400, '/twins/%ff/methods', bySensor(), call);
	await refused(413, toFilter, bySensor(), 'x'.repeat(1_000_000));
	await refused(405, toFilter, bySensor(), '', 'GET');
	await refused(404, '/', bySensor(), call);
	const target = await TestClient.connect(t, hub, mqttOptions(world, filter));
	await target.mqtt.subscribeAsync('$iothub/methods/POST/#');
	const gone = refused(504, toFilter, bySensor(), call);
	await target.next();
	await target.mqtt.endAsync(true);
	await gone;
});

test('messages are sent over HTTP, one or many, in the name of who sends them', async (t) => {
	const { world, hub } = await runningHub(t);
	const path = '/devices/edge1/modules/sensor/messages/events?api-version=2021-04-12';
	const headers = { authorization: tokenOf(sensor) };
	const one = await post(
		hub,
		world,
		path,
		{ ...headers, 'iothub-messageid': 'm1', 'iothub-app-unit': 'C', 'iothub-contenttype': 'a/b' },
		'21',
	);
	t.is(one.status, 204);
	const batch = JSON.stringify([
		{ body: Buffer.from('22').toString('base64'), properties: { 'iothub-app-Unit': 'F' } },
		{ body: '23', base64Encoded: false },
	]);
	const type = { 'content-type': 'application/vnd.microsoft.iothub.json' };
	t.is((await post(hub, world, path, { ...headers, ...type }, batch)).status, 204);
	await until(() => world.iotHub.messages.length === 3, 'all messages in the cloud');
	t.deepEqual(
		world.iotHub.messages.map(({ sender, message }) => [sender, String(message.body)]),
		['21', '22', '23'].map((text) => ['edge1/sensor', text]),
	);
	const [first, second] = world.iotHub.messages;
	t.is(first?.message.systemProperties.get('messageId'), 'm1');
	t.is(first?.message.systemProperties.get('contentType'), 'a/b');
	t.deepEqual([...(first?.message.properties ?? [])], [['unit', 'C']]);
	t.deepEqual([...(second?.message.properties ?? [])], [['Unit', 'F']]);
	const forged = '/devices/edge1/modules/filter/messages/events';
	t.is((await post(hub, world, forged, headers, 'x')).status, 401);
	t.is((await post(hub, world, path, headers, 'x'.repeat(300_000))).status, 400);
	t.is((await post(hub, world, path, { ...headers, ...type }, '[{}]')).status, 400);
	t.is(world.iotHub.messages.length, 3);
});

test('a client that sends more messages over HTTP than it may is told when to come again', async (t) => {
	const { world, hub } = await runningHub(t, { MaxClientMessagesPerSecond: '1' });
	const path = '/devices/edge1/modules/sensor/messages/events?api-version=2021-04-12';
	const headers = { authorization: tokenOf(sensor) };
	const type = { 'content-type': 'application/vnd.microsoft.iothub.json' };
	const batch = JSON.stringify(Array.from({ length: 5_000 }, () => ({ body: '' })));
	t.is((await post(hub, world, path, { ...headers, ...type }, batch)).status, 204);
	const { status, retryAfter, body } = await post(hub, world, path, headers, 'x');
	t.is(status, 429);
	t.true(Number(retryAfter) > 4_000 && Number(retryAfter) <= 5_000, retryAfter);
	t.regex(String(body?.['Message']), /^ErrorCode:ThrottlingException;./);
	const others = '/devices/edge1/modules/filter/messages/events';
	t.is((await post(hub, world, others, { authorization: tokenOf(filter) }, 'x')).status, 204);
	const page = await (await fetch(`http://127.0.0.1:${hub.monitoringPort}/metrics`)).text();
	t.regex(page, /^edgehub_client_held_back_seconds_total\{id="edge1\/sensor".*\} [1-9]/m);
});

test('a client of the Azure SDK over HTTP that sends more than it may is only slowed down', async (t) => {
	const { world, hub } = await runningHub(t, { MaxClientMessagesPerSecond: '10' });
	const leaf = { deviceId: 'leaf' };
	world.iotHub.register(leaf);
	const client = azure.Client.fromConnectionString(
		`HostName=${hubHostName};DeviceId=leaf;SharedAccessKey=${keyOf(leaf)}`,
		Http,
	);
	t.teardown(() => client.close().catch(() => {}));
	const ca = world.workload.authority.certificate;
	// Without a receive policy the SDK never says that it has set the options.
	const http = { agent: agentTo(hub), receivePolicy: { manualPolling: true } };
	await client.setOptions({ ca, http } as never);
	for (let n = 0; n < 15; n += 1) await client.sendEvent(new azure.Message(`${n}`));
	await until(() => world.iotHub.messages.length === 15, 'all messages in the cloud');
	t.true(world.iotHub.messages.every(({ sender }) => sender === 'leaf'));
});

test('a device may show its certificate instead of a token, for itself alone', async (t) => {
	const { world, hub } = await runningHub(t);
	const issue = async (deviceId: string) => {
		const own = { commonName: deviceId, usages: ['client'] as const, days: 5 };
		const { certificate, privateKey } = await world.workload.authority.issue(own);
		return { cert: certificate, key: privateKey };
	};
	for (const deviceId of ['certified', 'other']) {
		world.iotHub.register({ deviceId });
		const known = world.iotHub.registry.get(deviceId);
		if (known === undefined) throw new Error('The device is not registered.');
		const authentication = { type: 'certificateAuthority', keys: [], thumbprints: [] } as const;
		world.iotHub.registry.set(deviceId, { ...known, authentication });
	}
	const shown = await issue('certified');
	const send = async (
		identity: string,
		headers: Record<string, string> = {},
		certificate = shown,
	) => {
		const path = `/devices/${identity}/messages/events?api-version=2021-04-12`;
		return post(hub, world, path, headers, '1', 'POST', certificate);
	};
	t.is((await send('certified')).status, 204);
	t.is((await send('certified', { authorization: 'nonsense' })).status, 204);
	await until(() => world.iotHub.messages.length === 2, 'the messages in the cloud');
	t.is((await send('other')).status, 401);
	t.is((await send('edge1/modules/sensor')).status, 401);
	t.is((await send('certified', {}, await issue('other'))).status, 401);
	t.is((await send('edge1/modules/sensor', { authorization: tokenOf(sensor) })).status, 204);
});

test('who is refused is told why, in the words of Azure IoT Edge', async (t) => {
	const expired = createSasToken({
		resource: `${hubHostName}/devices/edge1/modules/sensor`,
		key: keyOf(sensor),
		expiry: 1,
	});
	const table: [Record<string, string>, string][] = [
		[{}, 'Invalid authorization header count'],
		[
			{ authorization: 'invalidSasToken' },
			'Invalid Authorization header. Only SharedAccessSignature is supported.',
		],
		[
			{ authorization: expired },
			'Cannot parse SharedAccessSignature because of the following error - The specified SAS token is expired',
		],
		[
			{ authorization: tokenOf(sensor, keyOf(filter)) },
			'Unable to authenticate device with Id edge1/sensor',
		],
	];
	const { world, hub } = await runningHub(t);
	const path = '/devices/edge1/modules/sensor/messages/events';
	for (const [headers, message] of table) {
		const { body } = await post(hub, world, path, headers, 'x');
		t.is(body?.['Message'], `ErrorCode:IotHubUnauthorizedAccess;${message}`);
	}
});

test('MQTT is served over WebSocket as well', async (t) => {
	const { world, hub } = await runningHub(t);
	const url = `wss://localhost:${hub.httpsPort}/$iothub/websocket`;
	const client = mqtt.connect(url, mqttOptions(world, sensor));
	t.teardown(() => client.endAsync(true));
	await new Promise((resolve, reject) => {
		client.once('connect', resolve);
		client.once('error', reject);
	});
	const topic = 'devices/edge1/modules/sensor/messages/events/';
	await client.publishAsync(topic, 'over WebSocket', { qos: 1 });
	await until(() => world.iotHub.messages.length === 1, 'the message in the cloud');
	const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
	await hub.stop();
	await closed;
	t.is(String(world.iotHub.messages[0]?.message.body), 'over WebSocket');
});
