import { X509Certificate } from 'node:crypto';
import { Agent, request } from 'node:https';
import test, { type ExecutionContext } from 'ava';
import mqtt from 'mqtt';
import { HubNetwork } from '../../src/iot-hub-client/hub-network.ts';
import { IotHubRest } from '../../src/iot-hub-client/iot-hub-rest.ts';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import { type Identity, identityKey } from '../../src/protocol/identity.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { MemoryKeyValueStore } from '../../src/storage/memory-key-value-store.ts';
import {
	type EdgeBelow,
	type EdgeBelowOptions,
	keyIn,
	registerEdge,
	startEdgeBelow,
} from '../support/edge-below-emulator.ts';
import { routes } from '../support/hub-world.ts';
import { hubRequest, identityToken, runningEmulator } from '../support/running-emulator.ts';
import { until } from '../support/until.ts';

const upwards = routes('FROM /messages/* INTO $upstream');

/** `sender: body` of every message that has reached IoT Hub. */
async function telemetryOf(emulator: IotHubEmulator): Promise<string[]> {
	const all: string[] = [];
	for await (const { identity, body } of emulator.telemetry.read()) {
		all.push(`${identityKey(identity)}: ${Buffer.from(body)}`);
	}
	return all;
}

/** Edge devices below each other, the first below IoT Hub, all of them ready. */
async function layers(
	t: ExecutionContext,
	emulator: IotHubEmulator,
	...deviceIds: readonly string[]
): Promise<EdgeBelow[]> {
	const edges: EdgeBelow[] = [];
	for (const deviceId of deviceIds) {
		const parent = edges.at(-1);
		const place = { deviceId, modules: ['sensor'], ...(parent === undefined ? {} : { parent }) };
		edges.push(await startedLayer(t, emulator, { ...place, desired: upwards }));
	}
	return edges;
}

async function startedLayer(
	t: ExecutionContext,
	emulator: IotHubEmulator,
	options: EdgeBelowOptions,
): Promise<EdgeBelow> {
	registerEdge(emulator, options);
	const edge = await startEdgeBelow(t, emulator, options);
	await edge.hub.whenReady();
	return edge;
}

function registerLeaf({ registry }: IotHubEmulator, deviceId: string, parent: string): Identity {
	registry.putDevice(deviceId, { deviceScope: registry.device(parent).deviceScope });
	return { deviceId };
}

/** A leaf device below an edge device that proves itself with a certificate of its own. */
async function certifiedLeaf(emulator: IotHubEmulator, edge: EdgeBelow, deviceId: string) {
	const issued = await edge.workload.authority.issue({
		commonName: deviceId,
		usages: ['client'],
		days: 5,
	});
	const { fingerprint } = new X509Certificate(issued.certificate);
	const thumbprint = fingerprint.replaceAll(':', '');
	emulator.registry.putDevice(deviceId, {
		deviceScope: emulator.registry.device(edge.deviceId).deviceScope,
		authentication: {
			type: 'selfSigned',
			x509Thumbprint: { primaryThumbprint: thumbprint, secondaryThumbprint: thumbprint },
		},
	});
	return { cert: issued.certificate, key: issued.privateKey };
}

/** Connects an identity to the hub of an edge device, by default with its own token. */
async function connect(
	t: ExecutionContext,
	emulator: IotHubEmulator,
	{ hub, workload }: EdgeBelow,
	identity: Identity,
	options: mqtt.IClientOptions = {},
): Promise<mqtt.MqttClient> {
	const key = identityKey(identity);
	const proof = options.cert === undefined ? { password: identityToken(emulator, identity) } : {};
	const client = await mqtt.connectAsync(`mqtts://localhost:${hub.mqttPort}`, {
		ca: workload.authority.certificate,
		clientId: key,
		username: `${emulator.hostName}/${key}/?api-version=2021-04-12`,
		reconnectPeriod: 0,
		...proof,
		...options,
	});
	t.teardown(() => client.endAsync(true));
	return client;
}

/** The next message whose topic begins so. */
function received(
	client: mqtt.MqttClient,
	topic: string,
): Promise<{ topic: string; text: string }> {
	return new Promise((resolve) => {
		client.on('message', (name, payload) => {
			if (name.startsWith(topic)) resolve({ topic: name, text: payload.toString() });
		});
	});
}

test('messages of a leaf device with a certificate reach IoT Hub in its name', async (t) => {
	const emulator = await runningEmulator(t);
	registerEdge(emulator, { deviceId: 'edge1' });
	const edge = await startEdgeBelow(t, emulator, { deviceId: 'edge1', desired: upwards });
	const certificate = await certifiedLeaf(emulator, edge, 'leaf');
	await edge.hub.whenReady();
	const client = await connect(t, emulator, edge, { deviceId: 'leaf' }, certificate);
	await client.publishAsync('devices/leaf/messages/events/', '20', { qos: 1 });
	await until(async () => (await telemetryOf(emulator)).length > 0, 'the message');
	t.deepEqual(await telemetryOf(emulator), ['leaf: 20']);
});

test('through three layers of edge devices messages reach IoT Hub in the names of their senders', async (t) => {
	const emulator = await runningEmulator(t);
	const [, , bottom] = (await layers(t, emulator, 'top', 'middle', 'bottom')) as [
		EdgeBelow,
		EdgeBelow,
		EdgeBelow,
	];
	const leaf = registerLeaf(emulator, 'leaf', 'bottom');
	const certificate = await certifiedLeaf(emulator, bottom, 'certified');
	const sensor = { deviceId: 'bottom', moduleId: 'sensor' };
	const clients: [mqtt.MqttClient, string][] = [
		[await connect(t, emulator, bottom, leaf), 'devices/leaf'],
		[
			await connect(t, emulator, bottom, { deviceId: 'certified' }, certificate),
			'devices/certified',
		],
		[await connect(t, emulator, bottom, sensor), 'devices/bottom/modules/sensor'],
	];
	for (const [client, path] of clients) {
		await client.publishAsync(`${path}/messages/events/`, '1', { qos: 1 });
	}
	await until(async () => (await telemetryOf(emulator)).length === 3, 'three messages');
	t.deepEqual((await telemetryOf(emulator)).sort(), [
		'bottom/sensor: 1',
		'certified: 1',
		'leaf: 1',
	]);
});

test('twins, methods and messages from the cloud reach a device below a child edge device', async (t) => {
	const emulator = await runningEmulator(t);
	const [, child] = (await layers(t, emulator, 'parent', 'child')) as [EdgeBelow, EdgeBelow];
	const certificate = await certifiedLeaf(emulator, child, 'leaf');
	const leaf = { deviceId: 'leaf' };
	const client = await connect(t, emulator, child, leaf, certificate);
	await client.subscribeAsync(['$iothub/twin/res/#', '$iothub/twin/PATCH/properties/desired/#']);
	await client.subscribeAsync(['$iothub/methods/POST/#', 'devices/leaf/messages/devicebound/#'], {
		qos: 1,
	});

	emulator.twins.patch(leaf, { properties: { desired: { speed: 1 } } });
	const answered = received(client, '$iothub/twin/res/200');
	await client.publishAsync('$iothub/twin/GET/?$rid=1', '');
	t.like(JSON.parse((await answered).text), { desired: { speed: 1 } });

	await client.publishAsync(
		'$iothub/twin/PATCH/properties/reported/?$rid=2',
		JSON.stringify({ seen: true }),
	);
	const reported = () => emulator.twins.propertiesOf(leaf).reported;
	await until(() => reported()['seen'] === true, 'the reported property');

	const patched = received(client, '$iothub/twin/PATCH/properties/desired/');
	emulator.twins.patch(leaf, { properties: { desired: { speed: 2 } } });
	t.like(JSON.parse((await patched).text), { speed: 2 });

	const called = received(client, '$iothub/methods/POST/blink/').then(({ topic }) =>
		client.publishAsync(`$iothub/methods/res/200/?${topic.split('?')[1]}`, '{"blinked":true}'),
	);
	const answer = await until(async () => {
		const { status, body } = await hubRequest(emulator, {
			method: 'POST',
			path: '/twins/leaf/methods',
			body: { methodName: 'blink', payload: 1, responseTimeoutInSeconds: 60 },
		});
		return status === 200 ? body : undefined;
	}, 'the answer to the method');
	await called;
	t.deepEqual(answer as JsonObject, { status: 200, payload: { blinked: true } });

	const bound = received(client, 'devices/leaf/messages/devicebound/');
	emulator.sendToDevice('leaf', {
		body: Buffer.from('hello'),
		properties: new Map(),
		systemProperties: new Map(),
	});
	t.is((await bound).text, 'hello');
});

test('while IoT Hub is away both layers go on, and a child edge hub starts again', async (t) => {
	const emulator = await runningEmulator(t);
	const parent = await startedLayer(t, emulator, { deviceId: 'parent', desired: upwards });
	const place = { deviceId: 'child', desired: upwards, parent, values: new MemoryKeyValueStore() };
	const before = await startedLayer(t, emulator, place);
	const certificate = await certifiedLeaf(emulator, before, 'certified');
	const leaf = registerLeaf(emulator, 'leaf', 'child');
	const devices = [
		[leaf, {}],
		[{ deviceId: 'certified' }, certificate],
	] as const;
	for (const [device, options] of devices) {
		const client = await connect(t, emulator, before, device, options);
		await client.publishAsync(`devices/${device.deviceId}/messages/events/`, '1', { qos: 1 });
	}
	await until(async () => (await telemetryOf(emulator)).length === 2, 'two messages');
	await before.hub.stop();

	emulator.faults.goAway();
	const child = await startEdgeBelow(t, emulator, { ...place, workload: before.workload });
	await child.hub.whenReady();
	for (const [device, options] of devices) {
		const client = await connect(t, emulator, child, device, options);
		await client.publishAsync(`devices/${device.deviceId}/messages/events/`, '2', { qos: 1 });
	}
	emulator.faults.comeBack();
	await until(async () => (await telemetryOf(emulator)).length === 4, 'four messages');
	t.deepEqual((await telemetryOf(emulator)).sort(), [
		'certified: 1',
		'certified: 2',
		'leaf: 1',
		'leaf: 2',
	]);
});

test('the agent of a child edge device manages its modules through the parent', async (t) => {
	const emulator = await runningEmulator(t);
	const [, middle] = (await layers(t, emulator, 'top', 'middle')) as [EdgeBelow, EdgeBelow];
	registerEdge(emulator, { deviceId: 'bottom', parent: middle });
	const rest = new IotHubRest({
		hostName: emulator.hostName,
		gatewayHostName: `localhost:${middle.hub.httpsPort}`,
		identity: { deviceId: 'bottom' },
		credential: () => ({
			kind: 'shared-access-key',
			key: keyIn(emulator, { deviceId: 'bottom' }),
		}),
		network: new HubNetwork({ trustedCertificates: middle.workload.authority.certificate }),
		clock: systemClock,
	});
	t.teardown(() => rest.close());
	const made = await rest.createModule('filter', 'iotedge-k8s');
	t.like(made, { identity: { deviceId: 'bottom', moduleId: 'filter' }, managedBy: 'iotedge-k8s' });
	await t.throwsAsync(rest.createModule('filter', 'iotedge-k8s'), { message: /409/ });
	const key = Buffer.from('a key for the filter').toString('base64');
	await rest.setModuleKeys('filter', { primaryKey: key, secondaryKey: key });
	t.is(keyIn(emulator, { deviceId: 'bottom', moduleId: 'filter' }), key);
	const modules = (await rest.listModules()).map(({ identity }) => identity.moduleId);
	t.deepEqual(modules.sort(), ['$edgeAgent', '$edgeHub', 'filter']);
	t.true(await rest.deleteModule('filter'));
	t.false(await rest.deleteModule('filter'));
});

test('a child edge hub speaks for nobody but those below it, in no protocol', async (t) => {
	const emulator = await runningEmulator(t);
	const [parent] = (await layers(t, emulator, 'parent')) as [EdgeBelow];
	registerEdge(emulator, { deviceId: 'child', parent });
	registerEdge(emulator, { deviceId: 'sibling', parent });
	registerEdge(emulator, { deviceId: 'stranger' });
	const mine = registerLeaf(emulator, 'mine', 'child');
	const theirs = registerLeaf(emulator, 'theirs', 'sibling');
	const direct = registerLeaf(emulator, 'direct', 'parent');
	const hubOf = (deviceId: string) => ({ deviceId, moduleId: '$edgeHub' });
	const as = (identity: Identity, authChain: string, holder: Identity) =>
		connect(t, emulator, parent, identity, {
			password: identityToken(emulator, holder),
			username: `${emulator.hostName}/${identityKey(identity)}/?api-version=2021-04-12&auth-chain=${encodeURIComponent(authChain)}`,
		});

	const client = await as(mine, 'mine;child', hubOf('child'));
	await client.publishAsync('devices/mine/messages/events/', '1', { qos: 1 });
	await until(async () => (await telemetryOf(emulator)).length > 0, 'the message');
	t.deepEqual(await telemetryOf(emulator), ['mine: 1']);

	const refused: [string, Identity, string, Identity][] = [
		['a leaf device of its sibling', theirs, 'theirs;child', hubOf('child')],
		['the sibling, in its chain', theirs, 'theirs;sibling', hubOf('child')],
		['a leaf device of the parent', direct, 'direct;child', hubOf('child')],
		['a leaf device of the parent, in its chain', direct, 'direct;parent', hubOf('child')],
		[
			'the parent',
			{ deviceId: 'parent', moduleId: 'sensor' },
			'parent/sensor;child',
			hubOf('child'),
		],
		['itself', hubOf('child'), 'child/$edgeHub;child', hubOf('child')],
		[
			'with the token of its agent',
			mine,
			'mine;child',
			{ deviceId: 'child', moduleId: '$edgeAgent' },
		],
		['with the token of its device', mine, 'mine;child', { deviceId: 'child' }],
		['with the token of the leaf device', mine, 'mine;child', mine],
		['from elsewhere', mine, 'mine;stranger', hubOf('stranger')],
		['with a chain that is none', mine, ';', hubOf('child')],
	];
	for (const [what, identity, authChain, holder] of refused) {
		await t.throwsAsync(as(identity, authChain, holder), { code: 5 }, what);
	}

	const ask = (holder: Identity, path: string, body: object, method = 'POST') =>
		httpsRequest(parent, {
			method,
			path: `${path}?api-version=2020-06-30-preview`,
			authorization: identityToken(emulator, holder),
			body,
		});
	const base = (deviceId: string, moduleId = '$edgeHub') =>
		`/devices/${deviceId}/modules/${encodeURIComponent(moduleId)}`;
	const list = 'devicesAndModulesInTargetDeviceScope';
	const one = 'getDeviceAndModuleOnBehalfOf';
	const agent = { deviceId: 'child', moduleId: '$edgeAgent' };
	const table: [number, Identity, string, object, string?][] = [
		[200, hubOf('child'), `${base('child')}/${list}`, { authChain: 'child' }],
		[401, hubOf('child'), `${base('child')}/${list}`, { authChain: 'sibling' }],
		[401, hubOf('child'), `${base('child')}/${list}`, { authChain: 'sibling;child' }],
		[401, hubOf('child'), `${base('child')}/${list}`, { authChain: 'parent' }],
		[400, hubOf('child'), `${base('child')}/${list}`, { authChain: ';' }],
		[400, hubOf('child'), `${base('child')}/${list}`, {}],
		[401, hubOf('sibling'), `${base('child')}/${list}`, { authChain: 'child' }],
		[401, agent, `${base('child', '$edgeAgent')}/${list}`, { authChain: 'child' }],
		[200, hubOf('child'), `${base('child')}/${one}`, { targetDeviceId: 'mine' }],
		[401, hubOf('child'), `${base('child')}/${one}`, { targetDeviceId: 'theirs' }],
		[401, hubOf('child'), `${base('child')}/${one}`, { targetDeviceId: 'direct' }],
		[401, hubOf('child'), `${base('child')}/${one}`, { targetDeviceId: 'parent' }],
		[401, hubOf('child'), `${base('child')}/${one}`, { targetDeviceId: 'nobody' }],
		[400, hubOf('child'), `${base('child')}/${one}`, {}],
		[200, hubOf('child'), `${base('child')}/getModulesOnTargetDevice`, { authChain: 'child' }],
		[401, hubOf('child'), `${base('child')}/getModulesOnTargetDevice`, { authChain: 'sibling' }],
		[401, hubOf('child'), `${base('sibling')}/getModulesOnTargetDevice`, { authChain: 'sibling' }],
		[
			401,
			hubOf('child'),
			`${base('child')}/deleteModuleOnBehalfOf`,
			{ authChain: 'sibling', moduleId: '$edgeAgent' },
		],
		[
			400,
			hubOf('child'),
			`${base('child')}/putModuleOnBehalfOf`,
			{ authChain: 'child', module: { deviceId: 'sibling', moduleId: 'm' } },
			'PUT',
		],
		[
			401,
			{ deviceId: 'child' },
			base('sibling', 'm'),
			{ deviceId: 'sibling', moduleId: 'm' },
			'PUT',
		],
		[400, { deviceId: 'child' }, base('child', 'm'), { deviceId: 'sibling', moduleId: 'm' }, 'PUT'],
		[405, hubOf('child'), `${base('child')}/${list}`, {}, 'PUT'],
	];
	for (const [status, holder, path, body, method] of table) {
		const answer = await ask(holder, path, body, method);
		t.is(answer, status, `${identityKey(holder)} ${path} ${JSON.stringify(body)}`);
	}
});

async function httpsRequest(
	{ hub, workload }: EdgeBelow,
	wanted: { method: string; path: string; authorization: string; body: object },
): Promise<number> {
	const agent = new Agent({ ca: workload.authority.certificate });
	const { method, path, authorization } = wanted;
	const body = JSON.stringify(wanted.body);
	return new Promise((resolve, reject) => {
		const sent = request(
			{ host: 'localhost', port: hub.httpsPort, agent, method, path, headers: { authorization } },
			(response) => {
				response.resume();
				response.on('end', () => resolve(response.statusCode ?? 0));
			},
		);
		sent.on('error', reject);
		sent.end(body);
	});
}
