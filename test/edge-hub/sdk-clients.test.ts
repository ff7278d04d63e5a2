// What lets SDKs use a host name with a port over WebSocket has to be there before they are loaded.
import '../../src/iot-hub-emulator/sdk-port-preload.ts';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import azure from 'azure-iot-device';
import amqp from 'azure-iot-device-amqp';
import mqtt from 'azure-iot-device-mqtt';
import type { CertificateAndKey } from '../../src/certificates/certificate-authority.ts';
import type { EdgeHub } from '../../src/edge-hub/hub.ts';
import { type Identity, identityKey } from '../../src/protocol/identity.ts';
import { type CuttableRelay, cuttableRelay } from '../support/cuttable-relay.ts';
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
import { ShiftedClock } from '../support/shifted-clock.ts';
import { until } from '../support/until.ts';

const { Client, Message, ModuleClient } = azure;

/** Every transport of the SDK, unmodified. */
const transports = {
	Mqtt: { kind: mqtt.Mqtt, port: (hub: EdgeHub) => hub.mqttPort },
	MqttWs: { kind: mqtt.MqttWs, port: (hub: EdgeHub) => hub.httpsPort },
	Amqp: { kind: amqp.Amqp, port: (hub: EdgeHub) => hub.amqpPort },
	AmqpWs: { kind: amqp.AmqpWs, port: (hub: EdgeHub) => hub.httpsPort },
} as const;

type Transport = keyof typeof transports;

/** Whom the SDK plays. A module has inputs and outputs, a leaf device cloud-to-device messages. */
const players: Readonly<Record<'module' | 'leaf device', Identity>> = {
	module: moduleOf('filter'),
	'leaf device': { deviceId: 'leaf-1' },
};

const everything = routes(
	'FROM /messages/modules/filter/outputs/loop INTO BrokeredEndpoint("/modules/filter/inputs/in1")',
	'FROM /messages/modules/filter/outputs/up INTO $upstream',
	'FROM /messages/* WHERE NOT IS_DEFINED($connectionModuleId) INTO $upstream',
);

interface Running {
	readonly world: World;
	readonly hub: EdgeHub;
	readonly relay: CuttableRelay;
	readonly transport: Transport;
}

async function runningHub(
	t: ExecutionContext,
	transport: Transport,
	env: Readonly<Record<string, string>> = {},
	clock?: ShiftedClock,
): Promise<Running> {
	const world = await newWorld('filter');
	// So that a test comes to its renewal, and not to the end of what devices show.
	world.workload.certificateDays = 1;
	world.iotHub.register(players['leaf device']);
	world.iotHub.patchDesired(ownIdentity, everything);
	const hub = await startHub(t, world, env, clock);
	await hub.whenReady();
	const relay = await cuttableRelay(t, transports[transport].port(hub));
	return { world, hub, relay, transport };
}

type SdkClient = azure.Client & azure.ModuleClient;

async function clientOf(
	t: ExecutionContext,
	{ world, relay, transport }: Running,
	identity: Identity,
	key = keyOf(identity),
): Promise<SdkClient> {
	const { deviceId, moduleId } = identity;
	const connectionString = [
		`HostName=${hubHostName}`,
		`DeviceId=${deviceId}`,
		...(moduleId === undefined ? [] : [`ModuleId=${moduleId}`]),
		`SharedAccessKey=${key}`,
		`GatewayHostName=localhost:${relay.port}`,
	].join(';');
	const type = moduleId === undefined ? Client : ModuleClient;
	const client = type.fromConnectionString(connectionString, transports[transport].kind as never);
	const ca = world.workload.authority.certificate;
	await client.setOptions({ ca } as never);
	t.teardown(() => client.close().catch(() => {}));
	client.on('error', () => {});
	return client as SdkClient;
}

/** What a client of the SDK has been given, and what it can be asked to do. */
class Player {
	readonly #running: Running;
	readonly #client: SdkClient;
	readonly #identity: Identity;
	readonly received: azure.Message[] = [];
	readonly desired: Record<string, unknown>[] = [];
	#twin: azure.Twin | undefined;

	constructor(running: Running, client: SdkClient, identity: Identity) {
		this.#running = running;
		this.#client = client;
		this.#identity = identity;
	}

	get #isModule(): boolean {
		return this.#identity.moduleId !== undefined;
	}

	/** Registers everything that a client can listen for. */
	async listen(): Promise<void> {
		const client = this.#client;
		const got = (message: azure.Message) => {
			this.received.push(message);
			void client.complete(message);
		};
		if (this.#isModule) client.on('inputMessage', (_name, message) => got(message));
		else client.on('message', (message: azure.Message) => got(message));
		const echo = (request?: azure.DeviceMethodRequest, response?: azure.DeviceMethodResponse) => {
			void response?.send(200, { echo: request?.payload });
		};
		if (this.#isModule) client.onMethod('echo', echo);
		else client.onDeviceMethod('echo', echo);
		this.#twin = await client.getTwin();
		this.#twin.on('properties.desired', (patch) => this.desired.push(patch));
		const { iotHub } = this.#running.world;
		await until(() => iotHub.listensForMethods(this.#identity), 'the subscription to methods');
		await until(() => iotHub.listensForDesired(this.#identity), 'that to desired properties');
		if (!this.#isModule) {
			await until(() => iotHub.listensForMessages(this.#identity), 'that to messages');
		}
	}

	async send(text: string): Promise<void> {
		if (this.#isModule) await this.#client.sendOutputEvent('up', new Message(text));
		else await this.#client.sendEvent(new Message(text));
	}

	/** A message that comes to it: from its own output, or from the cloud. */
	async receive(text: string): Promise<azure.Message> {
		const messageId = '7f3c8f3e-5f5c-4c6e-8d4b-0123456789ab';
		if (this.#isModule) {
			const message = new Message(text);
			message.messageId = messageId;
			message.properties.add('unit', '°C & =');
			await this.#client.sendOutputEvent('loop', message);
		} else {
			const { iotHub } = this.#running.world;
			const message = {
				body: Buffer.from(text),
				properties: new Map([['unit', '°C & =']]),
				systemProperties: new Map([['messageId', messageId]]),
			};
			const taken = () =>
				iotHub.sendToDevice(this.#identity, message).then(
					() => true,
					() => false,
				);
			await until(taken, 'a device that takes the message');
		}
		return until(
			() => this.received.find((message) => message.getData().toString() === text),
			`the message ${text}`,
		);
	}

	report(patch: object): Promise<Error | null> {
		return new Promise((resolve) => {
			this.#twin?.properties.reported['update'](patch, (error: Error | null) => resolve(error));
		});
	}

	async changeDesired(patch: Record<string, number>): Promise<void> {
		this.#running.world.iotHub.patchDesired(this.#identity, patch as never);
		const [[name, value] = ['', 0]] = Object.entries(patch);
		await until(() => this.desired.some((seen) => seen[name] === value), `the change of ${name}`);
	}

	async call(payload: number): Promise<unknown> {
		const { iotHub } = this.#running.world;
		await until(() => iotHub.listensForMethods(this.#identity), 'the subscription to methods');
		return iotHub.callMethod(this.#identity, {
			name: 'echo',
			payload,
			responseTimeoutSeconds: 30,
			connectTimeoutSeconds: 30,
		});
	}
}

function sentBy({ world }: Running, identity: Identity): string[] {
	return world.iotHub.messages
		.filter(({ sender }) => sender === identityKey(identity))
		.map(({ message }) => Buffer.from(message.body).toString());
}

const certified = { deviceId: 'certified' };
const day = 86_400_000;

interface CertifiedDevice extends CertificateAndKey {
	/** How long its certificate lives. */
	readonly days: number;
}

/** Registers a device with the thumbprint of a new certificate; an older one is good no more. */
async function certifiedDevice({ iotHub, workload }: World, days = 5): Promise<CertifiedDevice> {
	const { deviceId } = certified;
	const usages = ['client'] as const;
	const issued = await workload.authority.issue({ commonName: deviceId, usages, days });
	const { fingerprint } = new X509Certificate(issued.certificate);
	iotHub.register(certified);
	const known = iotHub.registry.get(deviceId);
	if (known === undefined) throw new Error('The device is not registered.');
	const thumbprints = [fingerprint.replaceAll(':', '')];
	const authentication = { type: 'selfSigned', keys: [], thumbprints } as const;
	iotHub.registry.set(deviceId, { ...known, authentication });
	return { ...issued, days };
}

/** A connection string with `x509=true` ignores the gateway, so that the host is the hub. */
async function certifiedClient(
	t: ExecutionContext,
	{ world, relay, transport }: Running,
	{ certificate, privateKey }: CertificateAndKey,
): Promise<SdkClient> {
	const connectionString = `HostName=localhost:${relay.port};DeviceId=certified;x509=true`;
	const kind = transports[transport].kind as never;
	const client = Client.fromConnectionString(connectionString, kind) as SdkClient;
	const ca = world.workload.authority.certificate;
	await client.setOptions({ ca, cert: certificate, key: privateKey } as never);
	t.teardown(() => client.close().catch(() => {}));
	client.on('error', () => {});
	return client;
}

/** The fingerprint of the certificate that a server shows. */
async function certificateOf(port: number, { workload }: World): Promise<string> {
	const ca = workload.authority.certificate;
	const socket = connectTls({ port, host: 'localhost', ca });
	await once(socket, 'secureConnect');
	const { fingerprint256 } = socket.getPeerCertificate();
	socket.destroy();
	return fingerprint256;
}

for (const transport of Object.keys(transports) as Transport[]) {
	for (const [who, identity] of Object.entries(players)) {
		test(`${transport}, ${who}: messages both ways, twin, methods`, async (t) => {
			const running = await runningHub(t, transport);
			const stranger = await clientOf(t, running, identity, keyOf(ownIdentity));
			await t.throwsAsync(stranger.open(), { name: 'UnauthorizedError' });
			running.world.iotHub.patchDesired(identity, { before: 1 });
			const client = await clientOf(t, running, identity);
			await client.open();
			const player = new Player(running, client, identity);
			await player.listen();
			t.is((await client.getTwin()).properties.desired['before'], 1);
			await player.send('up');
			await until(() => sentBy(running, identity).includes('up'), 'the message in the cloud');
			const received = await player.receive('down');
			t.is(received.messageId, '7f3c8f3e-5f5c-4c6e-8d4b-0123456789ab');
			t.is(received.properties.getValue('unit'), '°C & =');
			t.is(await player.report({ state: 'running' }), null);
			const reported = () => running.world.iotHub.reportedOf(identity);
			await until(() => reported()['state'] === 'running', 'the report');
			t.true((await player.report({ 'a.b': 1 })) instanceof Error);
			await player.changeDesired({ speed: 1 });
			t.deepEqual(await player.call(1), { status: 200, payload: { echo: 1 } });
		});

		test(`${transport}, ${who}: a renewed token loses nothing`, async (t) => {
			const running = await runningHub(t, transport);
			const { hub } = running;
			const client = await clientOf(t, running, identity);
			await client.open();
			const player = new Player(running, client, identity);
			await player.listen();
			const accepted = async () => {
				const page = await (await fetch(`http://127.0.0.1:${hub.monitoringPort}/metrics`)).text();
				const id = identityKey(identity).replace('/', '\\/');
				const counter = `^edgehub_client_connect_success_total\\{.*id="${id}".*\\} (\\d+)$`;
				return Number(new RegExp(counter, 'm').exec(page)?.[1]);
			};
			// Other times make the SDK renew its token at once, for which it connects again over MQTT.
			const tokenRenewal = { tokenValidTimeInSeconds: 3600, tokenRenewalMarginInSeconds: 60 };
			const ca = running.world.workload.authority.certificate;
			await client.setOptions({ ca, tokenRenewal } as never);
			await until(async () => (await accepted()) >= 2, 'a renewal');
			await player.receive('after the renewal');
			await player.changeDesired({ renewal: 1 });
			t.deepEqual(await player.call(2), { status: 200, payload: { echo: 2 } });
		});

		test(`${transport}, ${who}: a connection that is cut comes back with everything`, async (t) => {
			const running = await runningHub(t, transport);
			const { relay } = running;
			const client = await clientOf(t, running, identity);
			await client.open();
			const player = new Player(running, client, identity);
			await player.listen();
			const before = relay.connections;
			relay.cut();
			await until(() => relay.connections > before, 'a new connection');
			await player.send('after the cut');
			await until(() => sentBy(running, identity).includes('after the cut'), 'the message');
			t.deepEqual(await player.call(3), { status: 200, payload: { echo: 3 } });
			await player.receive('after the cut');
			await player.changeDesired({ cut: 1 });
			t.is(await player.report({ back: true }), null);
		});
	}

	test(`${transport}, leaf device with a certificate: messages, twin, methods`, async (t) => {
		const running = await runningHub(t, transport);
		const client = await certifiedClient(t, running, await certifiedDevice(running.world));
		await client.open();
		const player = new Player(running, client, certified);
		await player.listen();
		await player.send('up');
		await until(() => sentBy(running, certified).includes('up'), 'the message in the cloud');
		await player.receive('down');
		await player.changeDesired({ speed: 1 });
		t.deepEqual(await player.call(1), { status: 200, payload: { echo: 1 } });
	});

	test(`${transport}, leaf device with a certificate: a cut connection comes back, and no message is lost`, async (t) => {
		const running = await runningHub(t, transport);
		const { relay } = running;
		const client = await certifiedClient(t, running, await certifiedDevice(running.world));
		await client.open();
		const player = new Player(running, client, certified);
		await player.listen();
		const before = relay.connections;
		const texts = Array.from({ length: 20 }, (_, n) => `message ${n}`);
		const sending = texts.map((text) => player.send(text));
		await until(() => sentBy(running, certified).length > 0, 'the first message');
		relay.cut();
		await Promise.all(sending);
		await until(() => relay.connections > before, 'a new connection');
		await until(() => new Set(sentBy(running, certified)).size === texts.length, 'all messages');
		t.deepEqual(await player.call(3), { status: 200, payload: { echo: 3 } });
		await player.receive('after the cut');
		await player.changeDesired({ cut: 1 });
		t.is(await player.report({ back: true }), null);
	});

	test(`${transport}, leaf device with a certificate: it outlives that of the hub, not its own`, async (t) => {
		const clock = new ShiftedClock();
		const running = await runningHub(t, transport, {}, clock);
		const { world, hub, relay } = running;
		const own = await certifiedDevice(world);
		const client = await certifiedClient(t, running, own);
		await client.open();
		const player = new Player(running, client, certified);
		await player.listen();
		const shown = () => certificateOf(transports[transport].port(hub), world);
		const first = await shown();
		const before = relay.connections;
		clock.shift(0.9 * day);
		await until(async () => (await shown()) !== first, 'another certificate of the hub');
		await player.send('after the renewal');
		await player.receive('after the renewal');
		t.deepEqual(await player.call(4), { status: 200, payload: { echo: 4 } });
		t.is(relay.connections, before, 'the connection is the same');
		await client.close();

		clock.shift(own.days * day);
		const late = await certifiedClient(t, running, own);
		const connect = async (other: SdkClient) => {
			await other.open();
			await other.sendEvent(new Message('late'));
		};
		await t.throwsAsync(connect(late), { name: 'UnauthorizedError' });
		const renewed = await certifiedDevice(world, 30);
		await connect(await certifiedClient(t, running, renewed));
		await until(() => sentBy(running, certified).includes('late'), 'the message in the cloud');
	});
}

test('a module that does not settle a message over AMQP gets it again', async (t) => {
	const running = await runningHub(t, 'Amqp', { MessageAckTimeoutSecs: '1' });
	const client = await clientOf(t, running, players.module);
	await client.open();
	const seen: string[] = [];
	client.on('inputMessage', (_name, message) => {
		seen.push(message.getData().toString());
		if (seen.length > 1) void client.complete(message);
	});
	for (const text of ['a', 'b']) await client.sendOutputEvent('loop', new Message(text));
	await until(() => seen.filter((text) => text === 'b').length > 0 && seen.length > 2, 'again');
	t.deepEqual(seen.slice(-2), ['a', 'b']);
});

test('a message that a module rejects over AMQP is set aside and counted, and the next one comes', async (t) => {
	const running = await runningHub(t, 'Amqp');
	const client = await clientOf(t, running, players.module);
	await client.open();
	const seen: string[] = [];
	client.on('inputMessage', (_name, message) => {
		const text = message.getData().toString();
		seen.push(text);
		void (text === 'bad' ? client.reject(message) : client.complete(message));
	});
	for (const text of ['bad', 'good']) await client.sendOutputEvent('loop', new Message(text));
	await until(() => seen.includes('good'), 'the next message');
	t.deepEqual(seen, ['bad', 'good']);
	t.is([...running.world.values.entries('poison-messages')].length, 1);
});

test('over AMQP a message may be as large as IoT Hub allows, and no larger; the connection stays', async (t) => {
	const running = await runningHub(t, 'Amqp');
	const { world, relay } = running;
	const leaf = players['leaf device'];
	const client = await clientOf(t, running, leaf);
	await client.open();
	const sized = (bytes: number) => client.sendEvent(new Message(Buffer.alloc(bytes, 'x') as never));
	await sized(262_000);
	await t.throwsAsync(sized(262_145), { name: 'MessageTooLargeError' });
	await sized(1);
	await until(() => world.iotHub.messages.length === 2, 'both messages in the cloud');
	t.is(relay.connections, 1);
});

test('a message of the cloud that a device abandons over AMQP stays in IoT Hub, one that it rejects does not', async (t) => {
	const running = await runningHub(t, 'Amqp');
	const { iotHub } = running.world;
	const leaf = players['leaf device'];
	const client = await clientOf(t, running, leaf);
	await client.open();
	client.on('message', (message: azure.Message) => {
		const abandoned = message.getData().toString() === 'later';
		void (abandoned ? client.abandon(message) : client.reject(message));
	});
	await until(() => iotHub.listensForMessages(leaf), 'the subscription to messages');
	const message = (text: string) => ({
		body: Buffer.from(text),
		properties: new Map(),
		systemProperties: new Map(),
	});
	await t.throwsAsync(iotHub.sendToDevice(leaf, message('later')), { code: 'EDGE_CLIENT_GONE' });
	await t.notThrowsAsync(iotHub.sendToDevice(leaf, message('never')));
	t.is(running.relay.connections, 1);
});
