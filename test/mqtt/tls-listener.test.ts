import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import mqtt from 'mqtt';
import { CertificateAuthority } from '../../src/certificates/certificate-authority.ts';
import { MemorySessionStore } from '../../src/mqtt/memory-session-store.ts';
import { defaultMqttServerLimits } from '../../src/mqtt/mqtt-server.ts';
import { StreamMqttServer } from '../../src/mqtt/stream-mqtt-server.ts';
import { TlsListener } from '../../src/mqtt/tls-listener.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { RecordingHandler } from '../support/mqtt-peer.ts';

async function serverOverTls(t: ExecutionContext, maxConnections = 10) {
	const authority = await CertificateAuthority.create({ commonName: 'test', days: 1 });
	const issue = (commonName: string) =>
		authority.issue({
			commonName,
			dnsNames: ['localhost'],
			ipAddresses: ['127.0.0.1'],
			usages: ['server', 'client'],
			days: 1,
		});
	const handler = new RecordingHandler();
	const server = new StreamMqttServer({
		handler,
		sessions: new MemorySessionStore(),
		limits: defaultMqttServerLimits,
		clock: systemClock,
		logger: silentLogger,
	});
	const listener = new TlsListener({
		port: 0,
		host: '127.0.0.1',
		certificate: await issue('first'),
		requestClientCertificate: true,
		maxConnections,
		handshakeTimeout: 2_000,
		accept: (socket, peer) => server.accept(socket, peer),
		logger: silentLogger,
	});
	await listener.start();
	t.teardown(async () => {
		await listener.stop();
		await server.stop();
	});
	const url = `mqtts://127.0.0.1:${listener.port}`;
	const client = async (options: mqtt.IClientOptions = {}) => {
		const connected = await mqtt.connectAsync(url, {
			ca: authority.certificate,
			reconnectPeriod: 0,
			...options,
		});
		t.teardown(() => connected.endAsync(true));
		return connected;
	};
	return { authority, issue, handler, server, listener, client };
}

test('MQTT.js connects over TLS, publishes and receives', async (t) => {
	const { handler, client } = await serverOverTls(t);
	const connected = await client({
		clientId: 'js',
		will: { topic: 'w', payload: Buffer.from('x') },
	});
	await connected.subscribeAsync('in/#', { qos: 1 });
	await connected.publishAsync('out/1', 'hello', { qos: 1 });
	await connected.publishAsync('out/2', Buffer.alloc(200_000, 1), { qos: 0 });
	const received = new Promise<[string, Buffer]>((resolve) => {
		connected.once('message', (topic, payload) => resolve([topic, payload]));
	});
	await handler.connections[0]?.publish({ topic: 'in/a', payload: Buffer.from('deep') }, 1);
	const [topic, payload] = await received;
	t.is(topic, 'in/a');
	t.is(String(payload), 'deep');
	await connected.endAsync();
	t.deepEqual(handler.events.slice(0, 4), [
		'connected js',
		'subscribed in/#',
		'published out/1 1',
		'published out/2 0',
	]);
	t.is(handler.publications[1]?.payload.byteLength, 200_000);
});

test('a thousand messages arrive once and in order', async (t) => {
	const { handler, client } = await serverOverTls(t);
	const connected = await client();
	await Promise.all(
		Array.from({ length: 1000 }, (_, index) =>
			connected.publishAsync(`t/${index}`, 'x', { qos: 1 }),
		),
	);
	t.deepEqual(
		handler.publications.map(({ topic }) => topic),
		Array.from({ length: 1000 }, (_, index) => `t/${index}`),
	);
});

test('another certificate is shown to new connections while open ones stay', async (t) => {
	const { authority, issue, listener, client, handler } = await serverOverTls(t);
	const open = await client();
	const shown = async () => {
		const socket = connectTls({
			port: listener.port,
			host: '127.0.0.1',
			ca: authority.certificate,
		});
		await once(socket, 'secureConnect');
		const { subject } = socket.getPeerCertificate();
		socket.destroy();
		return subject.CN;
	};
	t.is(await shown(), 'first');
	listener.replaceCertificate(await issue('second'));
	t.is(await shown(), 'second');
	await open.publishAsync('still/open', '', { qos: 1 });
	t.is(handler.publications.length, 1);
});

test('the certificate that a client shows is handed on', async (t) => {
	const { issue, client, handler } = await serverOverTls(t);
	const { certificate, privateKey } = await issue('leaf');
	await client({ cert: certificate, key: privateKey });
	await client();
	t.true((handler.connections[0]?.request.clientCertificate?.byteLength ?? 0) > 100);
	t.is(handler.connections[1]?.request.clientCertificate, undefined);
});

test('connections beyond the limit are closed, garbage too, and both leave the server at work', async (t) => {
	const { listener, client, handler, authority } = await serverOverTls(t, 2);
	const open = () =>
		connectTls({ port: listener.port, host: '127.0.0.1', ca: authority.certificate });
	const [first, second] = [open(), open()];
	await Promise.all([once(first, 'secureConnect'), once(second, 'secureConnect')]);
	const third = open();
	await t.throwsAsync(once(third, 'secureConnect'));
	first.write('GET / HTTP/1.1\r\n'.repeat(8));
	await once(first.resume(), 'close');
	second.destroy();
	for (;;) {
		const connected = await client().catch(() => undefined);
		if (connected !== undefined) break;
	}
	t.deepEqual(handler.events, [`connected ${handler.connections[0]?.clientId}`]);
});
