import test, { type ExecutionContext } from 'ava';
import { HubNetwork } from '../../src/iot-hub-client/hub-network.ts';
import type { ConnectionState } from '../../src/iot-hub-client/iot-hub-client.ts';
import {
	type IotHubClientTiming,
	SdkIotHubClient,
	type SdkIotHubClientOptions,
} from '../../src/iot-hub-client/sdk-iot-hub-client.ts';
import type { Message } from '../../src/protocol/message.ts';
import { parseSasToken, sign, verifySignature } from '../../src/protocol/sas-token.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { until } from '../support/until.ts';

const key = Buffer.from('a key of some length').toString('base64');
const module = { deviceId: 'edge 1', moduleId: '$edgeAgent' };

const fast: Partial<IotHubClientTiming> = {
	backoff: { initial: 5, max: 20 },
	refusedBackoff: { initial: 5, max: 20 },
	requestTimeout: 20_000,
	drainTimeout: 20_000,
};

async function setUp(
	t: ExecutionContext,
	timing: Partial<IotHubClientTiming> = {},
	options: Partial<SdkIotHubClientOptions> = {},
) {
	const hub = new FakeHub();
	await hub.start();
	const client = new SdkIotHubClient(
		{
			hostName: hub.hostName,
			identity: module,
			credential: { kind: 'shared-access-key', key },
			network: new HubNetwork({ trustedCertificates: hub.authority }),
			clock: systemClock,
			logger: silentLogger,
			...options,
		},
		{ ...fast, ...timing },
	);
	t.teardown(async () => {
		await client.stop();
		await hub.stop();
	});
	return { hub, client };
}

function reached(client: SdkIotHubClient, kind: ConnectionState['kind']): Promise<ConnectionState> {
	return new Promise((resolve) => {
		const registration = client.onState((state) => {
			if (state.kind !== kind) return;
			queueMicrotask(() => registration[Symbol.dispose]());
			resolve(state);
		});
	});
}

function telemetry(body: string): Message {
	return { body: Buffer.from(body), properties: new Map(), systemProperties: new Map() };
}

test('a client proves its identity with a token for the hub and its port', async (t) => {
	const { hub, client } = await setUp(t);
	await client.start();
	await reached(client, 'connected');
	const [connect] = hub.connects;
	const token = parseSasToken(String(connect?.password));
	t.is(connect?.clientId, 'edge 1/$edgeAgent');
	t.true(connect?.username?.startsWith(`${hub.hostName}/edge 1/$edgeAgent/?api-version=`));
	t.is(token.decodedResource, `${hub.hostName}/devices/edge 1/modules/$edgeAgent`);
	t.true(verifySignature(token, [key]));
});

test('a signer elsewhere can make the token', async (t) => {
	const credential = { kind: 'signer', sign: async (data: string) => sign(key, data) } as const;
	const { hub, client } = await setUp(t, {}, { credential });
	await client.start();
	await reached(client, 'connected');
	t.true(verifySignature(parseSasToken(String(hub.connects[0]?.password)), [key]));
});

test('a first connection that fails is repeated until it succeeds', async (t) => {
	const { hub, client } = await setUp(t);
	hub.connackCodes.push(3, 3, 1);
	await client.start();
	await reached(client, 'connected');
	t.is(hub.connects.length, 4);
});

test('a listener that is not there yet is waited for', async (t) => {
	const { hub, client } = await setUp(t);
	const { port } = hub;
	await hub.stop();
	await client.start();
	const state = await reached(client, 'disconnected');
	t.regex('reason' in state ? state.reason : '', /ECONNREFUSED/);
	await hub.start(port);
	await reached(client, 'connected');
	t.pass();
});

test('an identity that the hub does not accept is told apart', async (t) => {
	const { hub, client } = await setUp(t);
	hub.connackCodes.push(5);
	await client.start();
	const state = await reached(client, 'refused');
	t.regex('reason' in state ? state.reason : '', /has refused: .*Not authorized/);
	await reached(client, 'connected');
});

test('a hub with a certificate of an unknown authority is not trusted', async (t) => {
	const { hub, client } = await setUp(t, {}, { network: new HubNetwork() });
	await client.start();
	const state = await reached(client, 'disconnected');
	t.regex('reason' in state ? state.reason : '', /certificate/);
	t.is(hub.connects.length, 0);
});

test('requests without a connection fail at once', async (t) => {
	const { client } = await setUp(t);
	await t.throwsAsync(client.getTwin(), { code: 'EDGE_HUB_UNREACHABLE' });
	await t.throwsAsync(client.send(telemetry('x')), { code: 'EDGE_HUB_UNREACHABLE' });
});

test('a twin is read and reported properties are patched', async (t) => {
	const { hub, client } = await setUp(t);
	hub.twin = { desired: { color: 'red', $version: 4 }, reported: { $version: 2 } };
	await client.start();
	await reached(client, 'connected');
	t.deepEqual(await client.getTwin(), hub.twin as never);
	await client.patchReported({ color: 'red' });
	const [patch] = hub.latest.publishes('$iothub/twin/PATCH/');
	t.is(String(patch?.payload), '{"color":"red"}');
});

const badResponses: [name: string, status: number, body: string, code: string][] = [
	['an error status without a body', 400, '', 'EDGE_HUB_REQUEST_FAILED'],
	['an error status with a message', 429, '{"message":"slow down"}', 'EDGE_HUB_REQUEST_FAILED'],
	['a body that is not JSON', 200, 'oops', 'EDGE_HUB_REQUEST_FAILED'],
	['an empty body', 200, '', 'EDGE_HUB_REQUEST_FAILED'],
];

for (const [name, status, body, code] of badResponses) {
	test(`a twin response with ${name} is a failure`, async (t) => {
		const { hub, client } = await setUp(t);
		hub.intercept = (packet, from) => {
			if (packet.cmd !== 'publish') return false;
			from.publish(`$iothub/twin/res/${status}/${packet.topic.split('/').at(-1)}`, body);
			return true;
		};
		await client.start();
		await reached(client, 'connected');
		await t.throwsAsync(client.getTwin(), { code });
	});
}

test('a twin request that nobody answers fails after its timeout', async (t) => {
	const { hub, client } = await setUp(t, { requestTimeout: 30 });
	hub.intercept = (packet) => packet.cmd === 'publish';
	await client.start();
	await reached(client, 'connected');
	await t.throwsAsync(client.getTwin(), { code: 'EDGE_HUB_UNREACHABLE', message: /30 ms/ });
});

test('a request that is out when the connection breaks fails at once', async (t) => {
	const { hub, client } = await setUp(t, { requestTimeout: 60_000 });
	hub.intercept = (packet) => {
		if (packet.cmd === 'publish') hub.cut();
		return packet.cmd === 'publish';
	};
	await client.start();
	await reached(client, 'connected');
	await t.throwsAsync(client.getTwin(), { code: 'EDGE_HUB_UNREACHABLE' });
	await t.throwsAsync(client.send(telemetry('x')), { code: 'EDGE_HUB_UNREACHABLE' });
});

test('desired properties come again after a reconnection', async (t) => {
	const { hub, client } = await setUp(t);
	const patches: JsonObject[] = [];
	client.onDesired((patch) => patches.push(patch));
	await client.start();
	await reached(client, 'connected');
	hub.latest.publish('$iothub/twin/PATCH/properties/desired/?$version=2', '{"a":1,"$version":2}');
	await until(() => patches.length === 1);
	hub.cut();
	await until(() => hub.clients.length === 2 && client.state.kind === 'connected');
	hub.latest.publish('$iothub/twin/PATCH/properties/desired/?$version=3', 'not JSON');
	hub.latest.publish('$iothub/twin/PATCH/properties/desired/?$version=3', '{"a":2,"$version":3}');
	await until(() => patches.length === 2);
	t.deepEqual(patches, [
		{ a: 1, $version: 2 },
		{ a: 2, $version: 3 },
	]);
	await client.getTwin();
	t.true(hub.latest.subscriptions.includes('$iothub/twin/res/#'));
});

test('desired properties are asked for by a listener that comes later, and left by the last', async (t) => {
	const { hub, client } = await setUp(t);
	await client.start();
	await reached(client, 'connected');
	const registration = client.onDesired(() => {});
	await until(() => hub.latest.subscriptions.length === 1);
	registration[Symbol.dispose]();
	await until(() => hub.latest.received.some(({ cmd }) => cmd === 'unsubscribe'));
	t.is(client.state.kind, 'connected');
});

test('a refused subscription costs the connection', async (t) => {
	const { hub, client } = await setUp(t);
	let refusals = 1;
	hub.intercept = (packet, from) => {
		if (packet.cmd !== 'subscribe' || refusals === 0) return false;
		refusals -= 1;
		from.send({ cmd: 'suback', messageId: packet.messageId as number, granted: [0x80] });
		return true;
	};
	client.onDesired(() => {});
	await client.start();
	const state = await reached(client, 'disconnected');
	t.regex('reason' in state ? state.reason : '', /refused/);
	await reached(client, 'connected');
});

const methodNames = ['ping', 'RestartModule', 'with blank', 'ünï'];

for (const name of methodNames) {
	test(`a direct method called ${name} reaches the handler`, async (t) => {
		const { hub, client } = await setUp(t);
		client.onMethod(async (request) => ({ status: 207, payload: [request.name, request.payload] }));
		await client.start();
		await reached(client, 'connected');
		hub.latest.publish(`$iothub/methods/POST/${name}/?$rid=r1`, '{"x":1}');
		await until(() => hub.latest.publishes('$iothub/methods/res/207/?$rid=r1').length === 1);
		const [response] = hub.latest.publishes('$iothub/methods/res/');
		t.deepEqual(JSON.parse(String(response?.payload)), [name, { x: 1 }]);
	});
}

test('a method whose payload is not JSON, or whose handler fails, is answered', async (t) => {
	const { hub, client } = await setUp(t);
	client.onMethod(async () => {
		throw new Error('broken');
	});
	await client.start();
	await reached(client, 'connected');
	hub.latest.publish('$iothub/methods/POST/a/?$rid=r1', '{');
	hub.latest.publish('$iothub/methods/POST/b/?$rid=r2', '');
	await until(() => hub.latest.publishes('$iothub/methods/res/').length === 2);
	const topics = hub.latest.publishes('$iothub/methods/res/').map(({ topic }) => topic);
	t.deepEqual(topics, ['$iothub/methods/res/400/?$rid=r1', '$iothub/methods/res/500/?$rid=r2']);
});

test('a message is sent with its properties and resolves with its acknowledgement', async (t) => {
	const { hub, client } = await setUp(t);
	await client.start();
	await reached(client, 'connected');
	await client.send({
		body: Buffer.from('hot'),
		properties: new Map([
			['alert', 'yes=no'],
			['empty', null],
		]),
		systemProperties: new Map([
			['messageId', 'm 1'],
			['contentType', 'application/json'],
			['outputName', 'out/1'],
			['connectionDeviceId', 'edge 1'],
		]),
	});
	const [sent] = hub.latest.publishes('devices/');
	t.is(
		sent?.topic,
		'devices/edge 1/modules/$edgeAgent/messages/events/alert=yes%3Dno&empty=&%24.mid=m%201&%24.ct=application%2Fjson&%24.on=out%2F1',
	);
	t.is(String(sent?.payload), 'hot');
	t.is(sent?.qos, 1);
});

test('a cloud-to-device message is acknowledged after its handler', async (t) => {
	const { hub, client } = await setUp(t, {}, { identity: { deviceId: 'leaf' } });
	const handled = Promise.withResolvers<void>();
	const seen: Message[] = [];
	client.onMessage((message) => {
		seen.push(message);
		return handled.promise;
	});
	await client.start();
	await reached(client, 'connected');
	hub.latest.publish('devices/leaf/messages/devicebound/%24.mid=m1&a=b', 'hello', 1);
	await until(() => seen.length === 1);
	t.false(hub.latest.received.some(({ cmd }) => cmd === 'puback'));
	handled.resolve();
	await until(() => hub.latest.received.some(({ cmd }) => cmd === 'puback'));
	t.deepEqual([...(seen[0]?.properties ?? [])], [['a', 'b']]);
	t.is(seen[0]?.systemProperties.get('messageId'), 'm1');
});

test('a cloud-to-device message whose handler fails is not acknowledged', async (t) => {
	const { hub, client } = await setUp(t, {}, { identity: { deviceId: 'leaf' } });
	let calls = 0;
	client.onMessage(async () => {
		calls += 1;
		throw new Error('the disk is full');
	});
	await client.start();
	await reached(client, 'connected');
	hub.latest.publish('devices/leaf/messages/devicebound/', 'hello', 1);
	await until(() => calls === 1);
	await client.send(telemetry('still alive'));
	t.false(hub.latest.received.some(({ cmd }) => cmd === 'puback'));
});

test('no message is lost and no state changes while a token is renewed', async (t) => {
	const { hub, client } = await setUp(t, {
		tokenLifetime: 60_000,
		renewalMargin: 60_000 - 40,
		requestTimeout: 5000,
	});
	hub.intercept = (packet, from) => {
		if (packet.cmd !== 'publish') return false;
		setTimeout(() => from.send({ cmd: 'puback', messageId: packet.messageId as number }), 10);
		return true;
	};
	const states: string[] = [];
	await client.start();
	await reached(client, 'connected');
	using _registration = client.onState(({ kind }) => states.push(kind));
	for (let index = 0; index < 20; index += 1) await client.send(telemetry(String(index)));
	t.true(hub.connects.length > 2);
	t.deepEqual(states, ['connected']);
	const bodies = hub.clients.flatMap((from) =>
		from.publishes('devices/').map((p) => `${p.payload}`),
	);
	t.deepEqual(
		bodies,
		Array.from({ length: 20 }, (_, index) => String(index)),
	);
});

test('a token that cannot be renewed yet leaves the connection alone', async (t) => {
	let signatures = 0;
	const credential = {
		kind: 'signer',
		sign: async (data: string) => {
			signatures += 1;
			if (signatures === 2 || signatures === 3) throw new Error('the signer rests');
			return sign(key, data);
		},
	} as const;
	const timing = { tokenLifetime: 60_000, renewalMargin: 60_000 - 30 };
	const { hub, client } = await setUp(t, timing, { credential });
	const states: string[] = [];
	await client.start();
	await reached(client, 'connected');
	using _registration = client.onState(({ kind }) => states.push(kind));
	await until(() => hub.connects.length === 2);
	t.is(signatures, 4);
	t.deepEqual(states, ['connected']);
});

test('stop waits for an acknowledgement that is out, then disconnects', async (t) => {
	const { hub, client } = await setUp(t);
	hub.intercept = (packet, from) => {
		if (packet.cmd !== 'publish') return false;
		setTimeout(() => from.send({ cmd: 'puback', messageId: packet.messageId as number }), 30);
		return true;
	};
	await client.start();
	await reached(client, 'connected');
	const sent = client.send(telemetry('last words'));
	await client.stop();
	await t.notThrowsAsync(sent);
	t.is(hub.latest.received.at(-1)?.cmd, 'disconnect');
	await client.stop();
	t.is(client.state.kind, 'disconnected');
});

test('stop ends an attempt to connect that hangs', async (t) => {
	const { hub, client } = await setUp(t, { connectTimeout: 2 ** 30 });
	hub.intercept = () => true;
	await client.start();
	await until(() => hub.clients.length === 1 && hub.latest.received.length === 1);
	await client.stop();
	t.is(client.state.kind, 'disconnected');
});
