import test, { type ExecutionContext } from 'ava';
import { parseProxy } from '../../src/iot-hub-client/http-proxy.ts';
import { HubNetwork, type HubNetworkOptions } from '../../src/iot-hub-client/hub-network.ts';
import type { ConnectionState } from '../../src/iot-hub-client/iot-hub-client.ts';
import { IotHubRest } from '../../src/iot-hub-client/iot-hub-rest.ts';
import { SdkIotHubClient } from '../../src/iot-hub-client/sdk-iot-hub-client.ts';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import { parseConnectionString } from '../../src/protocol/connection-string.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { connectProxy } from '../support/connect-proxy.ts';
import { runningEmulator } from '../support/running-emulator.ts';
import { until } from '../support/until.ts';

async function emulatorWithDevice(t: ExecutionContext) {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('edge1', { capabilities: { iotEdge: true } });
	return emulator;
}

function networkOf(emulator: IotHubEmulator, options: HubNetworkOptions) {
	return new HubNetwork({ trustedCertificates: emulator.caCertificate, ...options });
}

function credentialOf(emulator: IotHubEmulator) {
	const text = emulator.deviceConnectionString({ deviceId: 'edge1' });
	const { sharedAccessKey = '' } = parseConnectionString(text);
	return { kind: 'shared-access-key', key: sharedAccessKey } as const;
}

function clientOf(t: ExecutionContext, emulator: IotHubEmulator, network: HubNetwork) {
	const client = new SdkIotHubClient(
		{
			hostName: emulator.hostName,
			network,
			identity: { deviceId: 'edge1' },
			credential: credentialOf(emulator),
			clock: systemClock,
			logger: silentLogger,
		},
		{ backoff: { initial: 5, max: 20 } },
	);
	t.teardown(() => client.stop());
	return client;
}

const state = (client: SdkIotHubClient, kind: ConnectionState['kind']) =>
	until(() => (client.state.kind === kind ? client.state : undefined), kind);

const message = { body: Buffer.from('{}'), properties: new Map(), systemProperties: new Map() };

for (const mqttOver of ['tcp', 'web-socket'] as const) {
	test(`MQTT over ${mqttOver} goes through a proxy, and comes back when it is cut`, async (t) => {
		const emulator = await emulatorWithDevice(t);
		const proxy = await connectProxy(t);
		const address = parseProxy(`http://me:hush@127.0.0.1:${proxy.port}`);
		const network = networkOf(emulator, { mqttOver, proxy: address });
		const client = clientOf(t, emulator, network);
		await client.start();
		await state(client, 'connected');
		t.deepEqual(proxy.targets, [emulator.hostName]);
		t.deepEqual(proxy.authorizations, [`Basic ${Buffer.from('me:hush').toString('base64')}`]);
		await client.send(message);
		t.is((await client.getTwin()).desired['$version'], 1);
		proxy.cut();
		await until(() => proxy.targets.length > 1, 'another tunnel');
		await state(client, 'connected');
		await client.send(message);
		t.is(emulator.telemetry.nextSequenceNumber, 2);
	});

	test(`every byte of MQTT over ${mqttOver} is counted`, async (t) => {
		const emulator = await emulatorWithDevice(t);
		const proxy = await connectProxy(t);
		const address = parseProxy(`127.0.0.1:${proxy.port}`);
		const network = networkOf(emulator, { mqttOver, proxy: address });
		const client = clientOf(t, emulator, network);
		await client.start();
		await state(client, 'connected');
		await client.send({ ...message, body: Buffer.alloc(100_000) });
		await client.stop();
		await until(() => network.mqttTraffic.read().sent === proxy.fromClients(), 'all bytes sent');
		const { sent, received } = network.mqttTraffic.read();
		t.true(sent > 100_000 && sent < 110_000, `${sent}`);
		t.true(received <= proxy.toClients() && received > 1000, `${received}`);
	});
}

test('MQTT over WebSocket needs no proxy', async (t) => {
	const emulator = await emulatorWithDevice(t);
	const network = networkOf(emulator, { mqttOver: 'web-socket' });
	const client = clientOf(t, emulator, network);
	await client.start();
	await state(client, 'connected');
	await client.send(message);
	t.is(emulator.telemetry.nextSequenceNumber, 1);
	t.true(network.mqttTraffic.read().sent > 0);
	t.deepEqual(network.httpsTraffic.read(), { sent: 0, received: 0 });
});

test('requests go through the proxy, but for hosts that are to be reached without it', async (t) => {
	const emulator = await emulatorWithDevice(t);
	const proxy = await connectProxy(t);
	const address = parseProxy(`127.0.0.1:${proxy.port}`);
	const ask = async (noProxy: readonly string[]) => {
		const network = networkOf(emulator, { proxy: address, noProxy });
		const { hostName } = emulator;
		const credential = () => credentialOf(emulator);
		const identity = { deviceId: 'edge1' };
		const rest = new IotHubRest({ hostName, identity, credential, network, clock: systemClock });
		t.teardown(() => rest.close());
		t.is((await rest.listModules()).length, 2);
		t.true(network.httpsTraffic.read().received > 0);
	};
	await ask([]);
	t.deepEqual(proxy.targets, [emulator.hostName]);
	await ask(['localhost']);
	t.is(proxy.targets.length, 1);
});

test('a proxy that refuses is named, and what it was told is not', async (t) => {
	const emulator = await emulatorWithDevice(t);
	const proxy = await connectProxy(t, { answer: 'refuse' });
	const address = parseProxy(`http://me:hush@127.0.0.1:${proxy.port}`);
	const client = clientOf(t, emulator, networkOf(emulator, { proxy: address }));
	await client.start();
	const found = await state(client, 'disconnected');
	const reason = 'reason' in found ? found.reason : '';
	t.regex(reason, new RegExp(`proxy 127.0.0.1:${proxy.port} refuses: 407`));
	t.notRegex(JSON.stringify(found), /hush|bWU6aHVzaA/);
});

test('a tunnel does not lend its trust to what is behind it', async (t) => {
	const emulator = await emulatorWithDevice(t);
	const proxy = await connectProxy(t);
	const address = parseProxy(`127.0.0.1:${proxy.port}`);
	for (const mqttOver of ['tcp', 'web-socket'] as const) {
		const client = clientOf(t, emulator, new HubNetwork({ proxy: address, mqttOver }));
		await client.start();
		const found = await state(client, 'disconnected');
		t.regex('reason' in found ? found.reason : '', /certificate/);
		await client.stop();
	}
});

test('a client stops at once while a proxy keeps silent', async (t) => {
	const emulator = await emulatorWithDevice(t);
	const proxy = await connectProxy(t, { answer: 'silence' });
	const address = parseProxy(`127.0.0.1:${proxy.port}`);
	const client = clientOf(t, emulator, networkOf(emulator, { proxy: address }));
	await client.start();
	await until(() => proxy.targets.length > 0, 'a tunnel asked for');
	await client.stop();
	t.is(client.state.kind, 'disconnected');
});
