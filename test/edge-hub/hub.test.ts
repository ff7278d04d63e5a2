import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import test from 'ava';
import { connect } from 'mqtt';
import { createSasToken } from '../../src/protocol/sas-token.ts';
import { keyOf } from '../support/fake-iot-hub.ts';
import {
	edgeDeviceId,
	moduleOf,
	mqttOptions,
	newWorld,
	ownIdentity,
	routes,
	startHub,
	TestClient,
	tokenOf,
} from '../support/hub-world.ts';
import { until } from '../support/until.ts';

const sensor = moduleOf('sensor');
const filter = moduleOf('filter');
const toFilter =
	'FROM /messages/modules/sensor/* INTO BrokeredEndpoint("/modules/filter/inputs/in1")';
const toCloud = 'FROM /messages/modules/filter/outputs/out1 INTO $upstream';
const events = (moduleId: string, bag = '') =>
	`devices/${edgeDeviceId}/modules/${moduleId}/messages/events/${bag}`;

async function runningHub(t: Parameters<typeof startHub>[0], ...texts: string[]) {
	const world = await newWorld('sensor', 'filter');
	world.iotHub.patchDesired(
		ownIdentity,
		routes(...(texts.length > 0 ? texts : [toFilter, toCloud])),
	);
	const hub = await startHub(t, world);
	await hub.whenReady();
	return { world, hub };
}

const refusal = (code: number) => ({ code });

test('messages flow from module to module and on to IoT Hub, in the name of their sender', async (t) => {
	const { world, hub } = await runningHub(t);
	const from = await TestClient.connect(t, hub, mqttOptions(world, sensor));
	const to = await TestClient.connect(t, hub, mqttOptions(world, filter));
	await to.mqtt.subscribeAsync('devices/edge1/modules/filter/inputs/#', { qos: 1 });
	await from.mqtt.publishAsync(events('sensor', '%24.mid=m1&%24.on=temp&p%20q=a%2Fb/'), '21', {
		qos: 1,
	});
	t.deepEqual(await to.next(), {
		topic:
			'devices/edge1/modules/filter/inputs/in1/' +
			'p%20q=a%2Fb&%24.mid=m1&%24.cdid=edge1&%24.cmid=sensor',
		text: '21',
	});
	await to.mqtt.publishAsync(events('filter', '%24.on=out1&alert=1'), 'hot', { qos: 1 });
	await until(() => world.iotHub.messages.length > 0, 'a message in the cloud');
	const [arrived] = world.iotHub.messages;
	t.is(arrived?.sender, 'edge1/filter');
	t.is(Buffer.from(arrived?.message.body ?? []).toString(), 'hot');
	t.deepEqual([...(arrived?.message.properties ?? [])], [['alert', '1']]);
});

test('what a module has not acknowledged comes again, marked as such, before what is new', async (t) => {
	const { world, hub } = await runningHub(t);
	const from = await TestClient.connect(t, hub, mqttOptions(world, sensor));
	const first = await TestClient.connect(t, hub, mqttOptions(world, filter));
	first.mqtt.handleMessage = () => {};
	await first.mqtt.subscribeAsync('devices/edge1/modules/filter/inputs/#', { qos: 1 });
	await from.mqtt.publishAsync(events('sensor'), '1', { qos: 1 });
	await first.next();
	await first.mqtt.endAsync(true);
	await from.mqtt.publishAsync(events('sensor'), '2', { qos: 1 });
	const marks: (readonly [text: string, duplicate: boolean])[] = [];
	const options = mqttOptions(world, filter);
	const again = connect(`mqtts://localhost:${hub.mqttPort}`, options);
	again.on('message', (_, payload, { dup }) => marks.push([payload.toString(), dup]));
	t.teardown(() => again.endAsync(true));
	await until(() => marks.length === 2, 'both messages');
	t.deepEqual(marks, [
		['1', true],
		['2', false],
	]);
});

test('a property without a value stays one on its way through the hub', async (t) => {
	const { world, hub } = await runningHub(t);
	const from = await TestClient.connect(t, hub, mqttOptions(world, sensor));
	const to = await TestClient.connect(t, hub, mqttOptions(world, filter));
	await to.mqtt.subscribeAsync('devices/edge1/modules/filter/inputs/#', { qos: 1 });
	await from.mqtt.publishAsync(events('sensor', '%24.on=temp&empty=&bare&k=v'), '21', { qos: 1 });
	t.regex((await to.next()).topic, /\/empty=&bare=&k=v&%24\.cdid=edge1&%24\.cmid=sensor$/);
});

test('messages wait for their receivers over a restart of the hub, and keep their order', async (t) => {
	const { world, hub } = await runningHub(t, 'FROM /messages/* INTO $upstream', toFilter);
	world.iotHub.setOnline(false);
	const from = await TestClient.connect(t, hub, mqttOptions(world, sensor));
	const bodies = Array.from({ length: 200 }, (_, index) => String(index));
	await Promise.all(
		bodies.map((body) => from.mqtt.publishAsync(events('sensor'), body, { qos: 1 })),
	);
	await hub.stop();
	t.is(world.iotHub.messages.length, 0);

	const again = await startHub(t, world);
	await again.whenReady();
	const to = await TestClient.connect(t, again, mqttOptions(world, filter));
	await to.mqtt.subscribeAsync('devices/edge1/modules/filter/inputs/#', { qos: 1 });
	for (const body of bodies) t.is((await to.next()).text, body);
	world.iotHub.setOnline(true);
	await until(() => world.iotHub.messages.length === 200, 'all messages in the cloud');
	const arrived = world.iotHub.messages.map(({ message }) => Buffer.from(message.body).toString());
	t.deepEqual(arrived, bodies);
});

test('clients are asked to come again until there is a configuration', async (t) => {
	const world = await newWorld('sensor');
	world.iotHub.setOnline(false);
	const hub = await startHub(t, world);
	const connect = () => TestClient.connect(t, hub, mqttOptions(world, sensor));
	await t.throwsAsync(connect(), refusal(3));
	const health = async (path: string) =>
		(await fetch(`http://127.0.0.1:${hub.monitoringPort}${path}`)).status;
	t.deepEqual([await health('/healthz'), await health('/readyz')], [200, 200]);
	t.false(hub.ready);
	world.iotHub.setOnline(true);
	world.iotHub.patchDesired(ownIdentity, routes(toCloud));
	await hub.whenReady();
	t.true(hub.ready);
	await until(async () => (await connect().catch(() => undefined)) !== undefined, 'a connection');
});

test('a hub that was configured once starts and serves without the cloud', async (t) => {
	const { world, hub } = await runningHub(t);
	const before = await TestClient.connect(t, hub, mqttOptions(world, filter));
	await before.mqtt.subscribeAsync('$iothub/twin/res/#');
	await before.request('$iothub/twin/GET/?$rid=1', ' ');
	await hub.stop();
	world.iotHub.setOnline(false);
	const again = await startHub(t, world);
	t.true(again.ready);
	const to = await TestClient.connect(t, again, mqttOptions(world, filter));
	const twin = await to.request('$iothub/twin/GET/?$rid=2', ' ');
	t.is(twin.topic, '$iothub/twin/res/200/?$rid=2');
	t.deepEqual(JSON.parse(twin.text), { desired: { $version: 1 }, reported: { $version: 1 } });
});

test('who is not who he says is refused', async (t) => {
	const { world, hub } = await runningHub(t);
	const attempt = (changes: object) =>
		TestClient.connect(t, hub, { ...mqttOptions(world, sensor), ...changes });
	await t.throwsAsync(attempt({ password: tokenOf(sensor, keyOf(filter)) }), refusal(5));
	await t.throwsAsync(attempt({ password: tokenOf(filter) }), refusal(5));
	await t.throwsAsync(attempt({ clientId: 'edge1/filter' }), refusal(5));
	await t.throwsAsync(attempt({ username: 'hub.test/edge1/sensor' }), refusal(5));
	await t.throwsAsync(attempt({ password: undefined }), refusal(5));
	const own = mqttOptions(world, ownIdentity);
	await t.throwsAsync(TestClient.connect(t, hub, own), refusal(5));
	const expired = createSasToken({
		resource: 'hub.test/devices/edge1/modules/sensor',
		key: keyOf(sensor),
		expiry: Math.floor(Date.now() / 1000) - 400,
	});
	await t.throwsAsync(attempt({ password: expired }), refusal(5));
});

test('nobody sends in the name of another, and the connection says so', async (t) => {
	const { world, hub } = await runningHub(t, 'FROM /messages/* INTO $upstream');
	const topics = [
		events('filter'),
		'devices/edge1/messages/events/',
		'devices/edge2/modules/sensor/messages/events/',
	];
	for (const topic of topics) {
		const client = await TestClient.connect(t, hub, mqttOptions(world, sensor));
		const closed = client.closed();
		client.mqtt.publishAsync(topic, 'x', { qos: 1 }).catch(() => {});
		await closed;
	}
	const client = await TestClient.connect(t, hub, mqttOptions(world, sensor));
	const forged = '%24.cdid=edge9&%24.cmid=boss&connectionDeviceId=edge9';
	await client.mqtt.publishAsync(events('sensor', forged), 'mine', { qos: 1 });
	await until(() => world.iotHub.messages.length === 1, 'only the honest message');
	t.is(world.iotHub.messages[0]?.sender, 'edge1/sensor');
});

test('nobody listens to another', async (t) => {
	const { world, hub } = await runningHub(t);
	const client = await TestClient.connect(t, hub, mqttOptions(world, sensor));
	for (const filterText of [
		'#',
		'devices/#',
		'devices/edge1/modules/filter/inputs/#',
		'devices/edge1/modules/+/inputs/#',
		'devices/edge1/messages/devicebound/#',
		'$iothub/#',
	]) {
		const granted = await client.mqtt.subscribeAsync(filterText).catch((error) => error);
		t.true(granted instanceof Error || granted[0]?.qos === 128, filterText);
	}
});

test('a topic without meaning is acknowledged and does no harm', async (t) => {
	const { world, hub } = await runningHub(t);
	const client = await TestClient.connect(t, hub, mqttOptions(world, sensor));
	await client.mqtt.publishAsync('my/own/topic', 'x', { qos: 1 });
	await client.mqtt.publishAsync(events('sensor'), 'x', { qos: 1 });
	t.pass();
});

test('a request or an answer without its $rid ends the connection', async (t) => {
	const { world, hub } = await runningHub(t);
	for (const topic of [
		'$iothub/twin/GET/',
		'$iothub/twin/PATCH/properties/reported/x',
		'$iothub/methods/res/200/',
	]) {
		const client = await TestClient.connect(t, hub, mqttOptions(world, sensor));
		const closed = client.closed();
		client.mqtt.publish(topic, ' ');
		await t.notThrowsAsync(closed, topic);
	}
});

test('twin requests are answered, bad ones with an error that the SDKs understand', async (t) => {
	const { world, hub } = await runningHub(t);
	const client = await TestClient.connect(t, hub, mqttOptions(world, filter));
	await client.mqtt.subscribeAsync('$iothub/twin/res/#');
	const patch = '$iothub/twin/PATCH/properties/reported/?$rid=';
	t.deepEqual(await client.request(`${patch}a`, '{"state":"ok"}'), {
		topic: '$iothub/twin/res/204/?$rid=a&$version=1',
		text: '',
	});
	await until(() => world.iotHub.reportedOf(filter)['state'] === 'ok', 'the report in the cloud');
	const twin = await client.request('$iothub/twin/GET/?$rid=b', ' ');
	t.is(twin.topic, '$iothub/twin/res/200/?$rid=b');
	t.like(JSON.parse(twin.text), { reported: { state: 'ok', $version: 2 } });
	for (const bad of ['{"a.b":1}', 'no json', '[1]', '']) {
		const { topic, text } = await client.request(`${patch}c`, bad);
		t.is(topic, '$iothub/twin/res/400/?$rid=c');
		t.like(JSON.parse(text), { errorCode: 400_000 });
	}
});

test('subscriptions outlive connections and the hub, as the SDKs expect', async (t) => {
	const { world, hub } = await runningHub(t);
	const client = await TestClient.connect(t, hub, mqttOptions(world, filter));
	await client.mqtt.subscribeAsync('$iothub/twin/PATCH/properties/desired/#');
	await client.mqtt.subscribeAsync('$iothub/twin/res/#');
	await client.request('$iothub/twin/GET/?$rid=1', ' ');
	await client.mqtt.endAsync();
	await hub.stop();

	const again = await startHub(t, world);
	const back = await TestClient.connect(t, again, mqttOptions(world, filter));
	await until(
		() => [...world.iotHub.clients].some((c) => c.identity.moduleId === 'filter'),
		'link',
	);
	world.iotHub.patchDesired(filter, { threshold: 30 });
	t.deepEqual(await back.next(), {
		topic: '$iothub/twin/PATCH/properties/desired/?$version=2',
		text: '{"threshold":30,"$version":2}',
	});
});

test('a direct method from the cloud reaches the module and its answer the cloud', async (t) => {
	const { world, hub } = await runningHub(t);
	const client = await TestClient.connect(t, hub, mqttOptions(world, filter));
	await client.mqtt.subscribeAsync('$iothub/methods/POST/#');
	const call = { payload: { a: 1 }, responseTimeoutSeconds: 30, connectTimeoutSeconds: 0 };
	const answered = async () => {
		const { topic, text } = await client.next();
		const rid = topic.split('$rid=')[1];
		t.is(topic, `$iothub/methods/POST/reset/?$rid=${rid}`);
		await client.mqtt.publishAsync(`$iothub/methods/res/207/?$rid=${rid}`, `{"got":${text}}`);
	};
	await until(() => world.iotHub.listensForMethods(filter), 'the method subscription');
	const [response] = await Promise.all([
		world.iotHub.callMethod(filter, { name: 'reset', ...call }),
		answered(),
	]);
	t.deepEqual(response, { status: 207, payload: { got: { a: 1 } } });
	const own = (name: string, payload: object) =>
		world.iotHub.callMethod(ownIdentity, { name, ...call, payload: { ...payload } });
	t.is((await own('nothing', {})).status, 404);
	t.is((await own('RefreshDeviceScopeIdentityCache', {})).status, 400);
	t.is((await own('RefreshDeviceScopeIdentityCache', { deviceIds: ['edge1'] })).status, 200);
});

test('a leaf device sends through the hub and gets messages from the cloud', async (t) => {
	const { world, hub } = await runningHub(t, 'FROM /messages/* INTO $upstream');
	const leaf = { deviceId: 'thermometer' };
	world.iotHub.register(leaf);
	const client = await TestClient.connect(t, hub, mqttOptions(world, leaf));
	await client.mqtt.publishAsync('devices/thermometer/messages/events/a=1', '20', { qos: 1 });
	await until(() => world.iotHub.messages.length === 1, 'the message in the cloud');
	t.is(world.iotHub.messages[0]?.sender, 'thermometer');
	await client.mqtt.subscribeAsync('devices/thermometer/messages/devicebound/#', { qos: 1 });
	await until(() => world.iotHub.listensForMessages(leaf), 'the subscription');
	await world.iotHub.sendToDevice(leaf, {
		body: Buffer.from('hello'),
		properties: new Map([['k', 'v']]),
		systemProperties: new Map([['messageId', 'c1']]),
	});
	t.deepEqual(await client.next(), {
		topic: 'devices/thermometer/messages/devicebound/k=v&%24.mid=c1',
		text: 'hello',
	});
});

test('a message from the cloud is complete when the device has acknowledged it, not before', async (t) => {
	const { world, hub } = await runningHub(t);
	const leaf = { deviceId: 'thermometer' };
	world.iotHub.register(leaf);
	const client = await TestClient.connect(t, hub, mqttOptions(world, leaf));
	const held: (() => void)[] = [];
	client.mqtt.handleMessage = (_packet, done) => held.push(() => done());
	await client.mqtt.subscribeAsync('devices/thermometer/messages/devicebound/#', { qos: 1 });
	await until(() => world.iotHub.listensForMessages(leaf), 'the subscription');
	const message = { body: Buffer.from('x'), properties: new Map(), systemProperties: new Map() };
	const completed: number[] = [];
	const sends = [1, 2].map((index) =>
		world.iotHub.sendToDevice(leaf, message).then(() => completed.push(index)),
	);
	await until(() => held.length === 1, 'the first message');
	t.deepEqual(completed, []);
	held.shift()?.();
	await sends[0];
	t.deepEqual(completed, [1]);
	client.mqtt.stream.destroy();
	await t.throwsAsync(sends[1] as Promise<unknown>, { code: 'EDGE_CLIENT_GONE' });
});

test('the hub reports its configuration, what is wrong with it, and who is connected', async (t) => {
	const { world, hub } = await runningHub(t);
	const reported = () => world.iotHub.reportedOf(ownIdentity);
	await until(() => reported()['lastDesiredVersion'] === 2, 'the first report');
	t.like(reported(), {
		schemaVersion: '1.0',
		version: { version: '1.2.3' },
		lastDesiredStatus: { code: 200, description: '' },
	});
	world.iotHub.patchDesired(ownIdentity, { routes: { bad: 'FROM nowhere' } });
	await until(() => reported()['lastDesiredVersion'] === 3, 'the second report');
	t.like(reported(), { lastDesiredStatus: { code: 400 } });
	const client = await TestClient.connect(t, hub, mqttOptions(world, sensor));
	const to = await TestClient.connect(t, hub, mqttOptions(world, filter));
	await to.mqtt.subscribeAsync('devices/edge1/modules/filter/inputs/#', { qos: 1 });
	await client.mqtt.publishAsync(events('sensor'), 'still routed', { qos: 1 });
	t.is((await to.next()).text, 'still routed');
	const status = () =>
		(reported() as { clients?: Record<string, { status: string }> }).clients?.['edge1/sensor']
			?.status;
	await until(() => status() === 'Connected', 'the client in the report');
	await client.mqtt.endAsync();
	await until(() => status() === 'Disconnected', 'its end in the report');
	world.iotHub.patchDesired(ownIdentity, { routes: { bad: null } });
	await until(() => reported()['lastDesiredVersion'] === 4, 'the third report');
	t.like(reported(), { lastDesiredStatus: { code: 200 } });
});

test('clients that an earlier installation of the hub has reported are forgotten, those that are there are not', async (t) => {
	const world = await newWorld('sensor', 'filter');
	const stale = { status: 'Connected', lastConnectedTimeUtc: '2020-01-01T00:00:00.000Z' };
	world.iotHub.twins.set('edge1/$edgeHub', {
		desired: { $version: 1 },
		reported: { $version: 7, clients: { 'edge1/gone': stale, 'edge1/sensor': stale } },
	});
	world.iotHub.patchDesired(ownIdentity, routes(toCloud));
	const hub = await startHub(t, world);
	await hub.whenReady();
	await TestClient.connect(t, hub, mqttOptions(world, sensor));
	const reported = () =>
		(world.iotHub.reportedOf(ownIdentity)['clients'] ?? {}) as Record<string, typeof stale>;
	const isNew = () => (reported()['edge1/sensor']?.lastConnectedTimeUtc ?? '') > '2021';
	await until(() => isNew() && !('edge1/gone' in reported()), 'the clients of this run');
	t.deepEqual(Object.keys(reported()), ['edge1/sensor']);
});

test('a bad configuration does not stop a hub that is restarted', async (t) => {
	const { world, hub } = await runningHub(t);
	const reported = () => world.iotHub.reportedOf(ownIdentity);
	world.iotHub.patchDesired(ownIdentity, { routes: { bad: 'FROM nowhere' } });
	await until(() => reported()['lastDesiredVersion'] === 3, 'the report');
	await hub.stop();
	world.iotHub.setOnline(false);
	const again = await startHub(t, world);
	t.true(again.ready);
	const from = await TestClient.connect(t, again, mqttOptions(world, sensor));
	const to = await TestClient.connect(t, again, mqttOptions(world, filter));
	await to.mqtt.subscribeAsync('devices/edge1/modules/filter/inputs/#', { qos: 1 });
	await from.mqtt.publishAsync(events('sensor'), 'still routed', { qos: 1 });
	t.is((await to.next()).text, 'still routed');
	world.iotHub.setOnline(true);
	await until(() => reported()['lastDesiredVersion'] === 3, 'the report again');
	t.like(reported(), { lastDesiredStatus: { code: 400 } });
});

test('a route that changes while the hub runs counts from then on', async (t) => {
	const { world, hub } = await runningHub(t, toFilter);
	const client = await TestClient.connect(t, hub, mqttOptions(world, sensor));
	await client.mqtt.publishAsync(events('sensor'), 'before', { qos: 1 });
	world.iotHub.patchDesired(ownIdentity, { routes: { all: 'FROM /messages/* INTO $upstream' } });
	const reported = () => world.iotHub.reportedOf(ownIdentity);
	await until(() => reported()['lastDesiredVersion'] === 3, 'the new configuration');
	await client.mqtt.publishAsync(events('sensor'), 'after', { qos: 1 });
	await until(() => world.iotHub.messages.length === 1, 'a message in the cloud');
	t.is(Buffer.from(world.iotHub.messages[0]?.message.body ?? []).toString(), 'after');
});

test('a client whose identity is disabled or deleted is disconnected', async (t) => {
	const { world, hub } = await runningHub(t);
	const client = await TestClient.connect(t, hub, mqttOptions(world, sensor));
	const closed = client.closed();
	world.iotHub.register({ deviceId: edgeDeviceId }, undefined, false);
	await world.iotHub.callMethod(ownIdentity, {
		name: 'RefreshDeviceScopeIdentityCache',
		payload: { deviceIds: [edgeDeviceId] },
		responseTimeoutSeconds: 30,
		connectTimeoutSeconds: 0,
	});
	await closed;
	await t.throwsAsync(TestClient.connect(t, hub, mqttOptions(world, sensor)), refusal(5));
});

test('metrics carry the names that dashboards of Azure IoT Edge look for', async (t) => {
	const { world, hub } = await runningHub(t);
	const from = await TestClient.connect(t, hub, mqttOptions(world, sensor));
	const to = await TestClient.connect(t, hub, mqttOptions(world, filter));
	await to.mqtt.subscribeAsync('devices/edge1/modules/filter/inputs/#', { qos: 1 });
	await from.mqtt.publishAsync(events('sensor', '%24.on=temp'), 'x', { qos: 1 });
	await to.next();
	await to.mqtt.publishAsync(events('filter', '%24.on=nowhere'), 'x', { qos: 1 });
	await t.throwsAsync(
		TestClient.connect(t, hub, { ...mqttOptions(world, sensor), password: 'wrong' }),
	);
	const page = async () => (await fetch(`http://127.0.0.1:${hub.monitoringPort}/metrics`)).text();
	await until(
		async () => (await page()).includes('edgehub_messages_sent_total{'),
		'a sent message',
	);
	const lines = (await page()).split('\n');
	const has = (name: string, ...labels: string[]) => {
		const found = lines.find(
			(line) =>
				line.startsWith(`${name}{`) &&
				labels.every((label) => line.includes(label)) &&
				/ 1$/.test(line),
		);
		t.truthy(found, `${name} ${labels}`);
		t.regex(found ?? '', /iothub="hub.test",edge_device="edge1",instance_number="/);
	};
	has('edgehub_messages_received_total', 'route_output="temp"', 'id="edge1/sensor"');
	has(
		'edgehub_messages_sent_total',
		'from="edge1/sensor"',
		'to="edge1/filter"',
		'to_route_input="in1"',
	);
	has('edgehub_messages_dropped_total', 'reason="no_route"', 'from="edge1/filter"');
	has('edgehub_client_connect_failed_total', 'reason="not_authenticated"', 'id="edge1/sensor"');
	t.truthy(lines.find((line) => /^edgehub_connected_clients\{.*\} 2$/.test(line)));
});

test('clients that speak an older TLS than the hub may are refused by every protocol', async (t) => {
	const world = await newWorld();
	world.iotHub.patchDesired(ownIdentity, routes(toCloud));
	const hub = await startHub(t, world, { SslProtocols: 'tls1.3' });
	const ca = world.workload.authority.certificate;
	for (const port of [hub.mqttPort, hub.httpsPort, hub.amqpPort]) {
		const old = connectTls({ port, host: 'localhost', ca, maxVersion: 'TLSv1.2' });
		await t.throwsAsync(once(old, 'secureConnect'), { message: /version/ });
		const current = connectTls({ port, host: 'localhost', ca });
		await once(current, 'secureConnect');
		t.is(current.getProtocol(), 'TLSv1.3');
		current.destroy();
	}
});

test('more clients than allowed are asked to come again', async (t) => {
	const world = await newWorld('sensor', 'filter');
	world.iotHub.patchDesired(ownIdentity, routes(toCloud));
	const hub = await startHub(t, world, { MaxConnectedClients: '1' });
	await hub.whenReady();
	await TestClient.connect(t, hub, mqttOptions(world, sensor));
	await t.throwsAsync(TestClient.connect(t, hub, mqttOptions(world, filter)), refusal(3));
});

test('a client that sends more than it may is slowed down, and the metrics say for how long', async (t) => {
	const world = await newWorld('sensor');
	world.iotHub.patchDesired(ownIdentity, routes(toCloud));
	const hub = await startHub(t, world, { MaxClientMessagesPerSecond: '10' });
	await hub.whenReady();
	const client = await TestClient.connect(t, hub, mqttOptions(world, sensor));
	await Promise.all(
		Array.from({ length: 15 }, (_, index) =>
			client.mqtt.publishAsync(events('sensor'), `${index}`, { qos: 1 }),
		),
	);
	const page = await (await fetch(`http://127.0.0.1:${hub.monitoringPort}/metrics`)).text();
	t.regex(page, /^edgehub_client_held_back_seconds_total\{id="edge1\/sensor".*\} 0\.\d/m);
});

test('the server certificate is made out by the workload API', async (t) => {
	const { world, hub } = await runningHub(t);
	const socket = connectTls({
		port: hub.mqttPort,
		host: 'localhost',
		ca: world.workload.authority.certificate,
	});
	await once(socket, 'secureConnect');
	t.true(socket.authorized);
	socket.destroy();
});

test('stopping twice does no harm', async (t) => {
	const { hub } = await runningHub(t);
	await Promise.all([hub.stop(), hub.stop()]);
	await hub.stop();
	t.false(hub.ready);
});
