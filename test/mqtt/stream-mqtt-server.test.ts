import test, { type ExecutionContext } from 'ava';
import type { Packet } from 'mqtt-packet';
import { MemorySessionStore } from '../../src/mqtt/memory-session-store.ts';
import type {
	MqttConnection,
	MqttServerLimits,
	Publication,
	SessionStore,
} from '../../src/mqtt/mqtt-server.ts';
import { connectPacket, MqttPeer, RecordingHandler } from '../support/mqtt-peer.ts';
import { mqttServerUnderTest } from '../support/mqtt-server-under-test.ts';

function serverOf(
	t: ExecutionContext,
	limits: Partial<MqttServerLimits> = {},
	sessions?: SessionStore,
) {
	return mqttServerUnderTest(t, new RecordingHandler(), limits, sessions);
}

/** A server on which connections from several addresses may have one client id. */
function replicaServer(t: ExecutionContext) {
	const world = serverOf(t);
	world.handler.placeOf = ({ remoteAddress }) => remoteAddress;
	return world;
}

const publish = (topic: string, messageId: number, payload = '') =>
	({ cmd: 'publish', topic, payload, qos: 1, dup: false, retain: false, messageId }) as const;

test('a client is accepted, served and told apart by its id', async (t) => {
	const { server, handler } = serverOf(t);
	const peer = new MqttPeer(server);
	t.like(await peer.connect({ username: 'me', password: Buffer.from('secret') }), {
		returnCode: 0,
		sessionPresent: false,
	});
	t.like(handler.connections[0]?.request, {
		clientId: 'client',
		userName: 'me',
		password: 'secret',
	});
	t.is(server.connections.get('client'), handler.connections[0]);
	peer.send({ cmd: 'pingreq' });
	await peer.next('pingresp');
	peer.send({ cmd: 'disconnect' });
	await peer.end();
	t.deepEqual(handler.events, ['connected client', 'disconnected client']);
	t.is(server.connections.size, 0);
	t.true(handler.connections[0]?.closed.aborted);
});

test('the first packet must be CONNECT [MQTT-3.1.0-1]', async (t) => {
	const { server, handler } = serverOf(t);
	const peer = new MqttPeer(server);
	peer.send({ cmd: 'pingreq' });
	await peer.end();
	t.deepEqual(peer.received, []);
	t.deepEqual(handler.events, []);
});

test('CONNECT must come in time', async (t) => {
	const { server, clock } = serverOf(t, { connectTimeout: 5_000 });
	const peer = new MqttPeer(server);
	await clock.advance(4_999);
	t.false(peer.ended);
	await clock.advance(1);
	await peer.end();
	t.pass();
});

test('a second CONNECT closes the connection [MQTT-3.1.0-2]', async (t) => {
	const { server } = serverOf(t);
	const peer = new MqttPeer(server);
	await peer.connect();
	peer.send(connectPacket());
	await peer.end();
	t.deepEqual(peer.received, []);
});

test('another protocol level gets CONNACK 1 [MQTT-3.1.2-2]', async (t) => {
	const { server } = serverOf(t);
	for (const protocolVersion of [5, 6]) {
		const peer = new MqttPeer(server);
		peer.sendBytes(0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, protocolVersion, 2, 0, 60, 0, 1, 0x61);
		t.is((await peer.next('connack')).returnCode, 1);
		await peer.end();
	}
});

test('another protocol name gets nothing [MQTT-3.1.2-1]', async (t) => {
	const { server } = serverOf(t);
	const peer = new MqttPeer(server);
	peer.sendBytes(0x10, 13, 0, 4, 0x48, 0x54, 0x54, 0x50, 4, 2, 0, 60, 0, 1, 0x61);
	await peer.end();
	t.deepEqual(peer.received, []);
});

/** CONNECT with these flags, and these texts behind them. */
function connectBytes(flags: number, ...fields: readonly string[]): number[] {
	const texts = fields.flatMap((field) => [0, field.length, ...Buffer.from(field)]);
	return [0x10, 10 + texts.length, 0, 4, ...Buffer.from('MQTT'), 4, flags, 0, 60, ...texts];
}

const badConnects: readonly [title: string, bytes: readonly number[]][] = [
	['a reserved flag [MQTT-3.1.2-3]', connectBytes(0x03, 'a')],
	['a QoS of no will [MQTT-3.1.2-13]', connectBytes(0x0a, 'a')],
	['RETAIN of no will [MQTT-3.1.2-15]', connectBytes(0x22, 'a')],
	['a will of QoS 3 [MQTT-3.1.2-14]', connectBytes(0x1e, 'a', 'topic', 'text')],
	['a will of QoS 2, which is not offered', connectBytes(0x16, 'a', 'topic', 'text')],
	['a will to a wildcard [MQTT-3.3.2-2]', connectBytes(0x06, 'a', 'topic/#', 'text')],
	['a will without a topic [MQTT-4.7.3-1]', connectBytes(0x06, 'a', '', 'text')],
	['a password without a user name [MQTT-3.1.2-22]', connectBytes(0x42, 'a', 'secret')],
	['U+0000 in the client id [MQTT-1.5.3-2]', connectBytes(0x02, 'a\0b')],
	['a flag whose field is missing', connectBytes(0x82, 'a')],
	['more bytes than its fields', connectBytes(0x02, 'a', 'surplus')],
];

for (const [title, bytes] of badConnects) {
	test(`CONNECT is not answered: ${title}`, async (t) => {
		const { server, handler } = serverOf(t);
		const peer = new MqttPeer(server);
		peer.sendBytes(...bytes);
		await peer.end();
		t.deepEqual(peer.received, []);
		t.deepEqual(handler.events, []);
	});
}

test('an empty client id is allowed with a clean session only [MQTT-3.1.3-7], [MQTT-3.1.3-8]', async (t) => {
	const { server, handler } = serverOf(t);
	t.like(await new MqttPeer(server).connect({ clientId: '', clean: true }), { returnCode: 0 });
	t.regex(handler.connections[0]?.clientId ?? '', /^auto-/);
	// Not even the packet library writes this one.
	const peer = new MqttPeer(server);
	peer.sendBytes(0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0, 0, 60, 0, 0);
	t.is((await peer.next('connack')).returnCode, 2);
	await peer.end();
});

const violations: readonly [title: string, bytes: readonly number[]][] = [
	['a reserved flag in SUBSCRIBE [MQTT-3.8.1-1]', [0x80, 6, 0, 1, 0, 1, 0x61, 0]],
	['SUBSCRIBE without a filter [MQTT-3.8.3-3]', [0x82, 2, 0, 1]],
	['SUBSCRIBE with reserved QoS bits [MQTT-3.8.3-4]', [0x82, 6, 0, 1, 0, 1, 0x61, 4]],
	['UNSUBSCRIBE without a filter [MQTT-3.10.3-2]', [0xa2, 2, 0, 1]],
	['packet identifier 0 [MQTT-2.3.1-1]', [0x82, 6, 0, 0, 0, 1, 0x61, 0]],
	['QoS 3 [MQTT-3.3.1-4]', [0x36, 5, 0, 1, 0x61, 0, 1]],
	['QoS 2, which is not offered', [0x34, 5, 0, 1, 0x61, 0, 1]],
	['DUP with QoS 0 [MQTT-3.3.1-2]', [0x38, 3, 0, 1, 0x61]],
	['a wildcard in a topic [MQTT-3.3.2-2]', [0x30, 3, 0, 1, 0x23]],
	['an empty topic [MQTT-4.7.3-1]', [0x30, 2, 0, 0]],
	['U+0000 in a topic [MQTT-1.5.3-2]', [0x30, 3, 0, 1, 0]],
	['ill-formed UTF-8 [MQTT-1.5.3-1]', [0x30, 4, 0, 2, 0xc3, 0x28]],
	['a topic longer than its packet', [0x30, 3, 0, 9, 0x61]],
	['a packet that only servers send', [0x20, 2, 0, 0]],
	['a reserved flag in PINGREQ [MQTT-2.2.2-2]', [0xc1, 0]],
	['PINGREQ with a payload', [0xc0, 1, 0]],
	['a reserved flag in DISCONNECT [MQTT-3.14.1-1]', [0xe1, 0]],
	['DISCONNECT with a payload', [0xe0, 1, 0]],
	['a reserved packet type', [0xf0, 0]],
	['an announced size beyond the limit', [0x30, 0xff, 0xff, 0xff, 0x7f]],
];

for (const [title, bytes] of violations) {
	test(`closes the connection: ${title}`, async (t) => {
		const { server, handler } = serverOf(t);
		const peer = new MqttPeer(server);
		await peer.connect();
		peer.sendBytes(...bytes);
		await peer.end();
		t.deepEqual(peer.received, []);
		t.deepEqual(handler.events, ['connected client', 'disconnected client']);
	});
}

test('a refused client hears why, and what it sent after CONNECT is not looked at', async (t) => {
	const { server, handler } = serverOf(t);
	for (const code of [3, 5] as const) {
		handler.verdict = async () => code;
		const peer = new MqttPeer(server);
		peer.send(connectPacket(), publish('a', 1));
		t.is((await peer.next('connack')).returnCode, code);
		await peer.end();
	}
	handler.verdict = () => Promise.reject(new Error('broken'));
	t.like(await new MqttPeer(server).connect(), { returnCode: 3 });
	t.deepEqual(handler.events, []);
});

test('packets that follow CONNECT at once wait for its CONNACK [MQTT-3.1.4-5]', async (t) => {
	const { server, handler } = serverOf(t);
	const { promise, resolve } = Promise.withResolvers<0>();
	handler.verdict = () => promise;
	const peer = new MqttPeer(server);
	peer.send(connectPacket(), publish('a', 1));
	await new Promise(setImmediate);
	t.deepEqual(handler.events, []);
	resolve(0);
	await peer.next('connack');
	t.is((await peer.next('puback')).messageId, 1);
});

test('a client that connects again takes over [MQTT-3.1.4-2]', async (t) => {
	const { server, handler } = serverOf(t);
	const first = new MqttPeer(server);
	await first.connect();
	const second = new MqttPeer(server);
	await second.connect();
	await first.end();
	t.deepEqual(handler.events, ['connected client', 'disconnected client', 'connected client']);
	second.send({ cmd: 'pingreq' });
	await second.next('pingresp');
});

test('clients in several places share an identifier; in the same place they take over', async (t) => {
	const { server, handler } = replicaServer(t);
	const one = new MqttPeer(server, '127.0.0.2');
	await one.connect({ clientId: 'replica', clean: false });
	const two = new MqttPeer(server, '127.0.0.3');
	await two.connect({ clientId: 'replica', clean: false });
	t.is(server.connections.size, 2);
	const again = new MqttPeer(server, '127.0.0.2');
	await again.connect({ clientId: 'replica', clean: false });
	await one.end();
	t.false(two.ended);
	t.deepEqual(handler.events, [
		'connected replica',
		'connected replica',
		'disconnected replica',
		'connected replica',
	]);
});

test('connections that share a session come back to what any of them listened for', async (t) => {
	const { server, handler } = replicaServer(t);
	const connect = async (address: string, clean = false) => {
		const peer = new MqttPeer(server, address);
		const { sessionPresent } = (await peer.connect({ clientId: 'replica', clean })) as {
			sessionPresent: boolean;
		};
		return { peer, sessionPresent, connection: handler.connections.at(-1) as MqttConnection };
	};
	const subscribe = async (peer: MqttPeer, topic: string) => {
		peer.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 1 }] });
		await peer.next('suback');
	};
	const unsubscribe = async (peer: MqttPeer, topic: string) => {
		peer.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: [topic] });
		await peer.next('unsuback');
	};
	const one = await connect('127.0.0.2');
	const two = await connect('127.0.0.3');
	t.deepEqual([one.sessionPresent, two.sessionPresent], [false, true]);
	await subscribe(one.peer, 'a');
	await subscribe(two.peer, 'b');
	t.deepEqual(
		[...one.connection.subscriptions.keys()],
		['a'],
		'nobody gets what he did not ask for',
	);
	const three = await connect('127.0.0.4');
	t.deepEqual([...three.connection.subscriptions.keys()], ['a', 'b']);
	await unsubscribe(one.peer, 'a');
	t.deepEqual([...(await connect('127.0.0.5')).connection.subscriptions.keys()], ['a', 'b']);
	const clean = await connect('127.0.0.6', true);
	t.is(clean.connection.subscriptions.size, 0);
	t.true((await connect('127.0.0.7')).sessionPresent, 'others still use the session');
});

test('a full server answers CONNACK 3, but lets a known client take over', async (t) => {
	const { server } = serverOf(t, { maxConnections: 1 });
	await new MqttPeer(server).connect({ clientId: 'a' });
	t.like(await new MqttPeer(server).connect({ clientId: 'b' }), { returnCode: 3 });
	t.like(await new MqttPeer(server).connect({ clientId: 'a' }), { returnCode: 0 });
});

test('a message is acknowledged when it has been dealt with, in the order of arrival [MQTT-4.6.0-2]', async (t) => {
	const { server, handler } = serverOf(t);
	const done = new Map<string, () => void>();
	handler.handle = ({ topic }: Publication) =>
		new Promise((resolve) => {
			done.set(topic, resolve);
		});
	const peer = new MqttPeer(server);
	await peer.connect();
	peer.send(publish('first', 7, 'x'), publish('second', 8));
	while (done.size < 2) await new Promise(setImmediate);
	done.get('second')?.();
	await new Promise(setImmediate);
	t.deepEqual(peer.received, []);
	done.get('first')?.();
	t.is((await peer.next('puback')).messageId, 7);
	t.is((await peer.next('puback')).messageId, 8);
	t.is(Buffer.from(handler.publications[0]?.payload ?? []).toString(), 'x');
});

test('a message that cannot be accepted closes the connection without acknowledgement', async (t) => {
	const { server, handler } = serverOf(t);
	handler.handle = () => Promise.reject(new Error('disk full'));
	const peer = new MqttPeer(server);
	await peer.connect();
	peer.send(publish('a', 1));
	await peer.end();
	t.deepEqual(peer.received, []);
});

test('reading stops while too many messages are unfinished, and the keep-alive does not run', async (t) => {
	const { server, handler, clock } = serverOf(t, { maxUnacknowledged: 4 });
	const finish: (() => void)[] = [];
	handler.handle = () => new Promise((resolve) => finish.push(resolve));
	const peer = new MqttPeer(server);
	await peer.connect({ keepalive: 10 });
	peer.send(...Array.from({ length: 50 }, (_, index) => publish('a', index + 1)));
	await clock.advance(60_000);
	t.is(handler.publications.length, 5);
	while (finish.length > 0) {
		finish.shift()?.();
		await new Promise(setImmediate);
	}
	for (let id = 1; id <= 50; id += 1) t.is((await peer.next('puback')).messageId, id);
});

test('a silent client is closed after one and a half times its keep-alive [MQTT-3.1.2-24]', async (t) => {
	const { server, handler, clock } = serverOf(t);
	const peer = new MqttPeer(server);
	await peer.connect({ keepalive: 10 });
	await clock.advance(14_000);
	peer.send({ cmd: 'pingreq' });
	await peer.next('pingresp');
	await clock.advance(14_000);
	t.false(peer.ended);
	await clock.advance(1_001);
	await peer.end();
	t.deepEqual(handler.events, ['connected client', 'disconnected client']);
});

test('no keep-alive counts as the longest one', async (t) => {
	const { server, clock } = serverOf(t, { maxKeepAlive: 20 });
	const peer = new MqttPeer(server);
	await peer.connect({ keepalive: 0 });
	await clock.advance(30_000);
	await peer.end();
	t.pass();
});

const will = { topic: 'gone', payload: Buffer.from('bye'), qos: 1, retain: true } as const;

test('the will is published when a connection breaks [MQTT-3.1.2-8]', async (t) => {
	const { server, handler } = serverOf(t);
	const peer = new MqttPeer(server);
	await peer.connect({ will });
	peer.stream.end();
	while (server.connections.size > 0) await new Promise(setImmediate);
	t.deepEqual(handler.events, ['connected client', 'published gone 1', 'disconnected client']);
	t.true(handler.publications[0]?.retain);
});

test('the will is forgotten after DISCONNECT [MQTT-3.1.2-10], and when the server stops', async (t) => {
	const { server, handler, clock } = serverOf(t);
	const peer = new MqttPeer(server);
	await peer.connect({ will });
	peer.send({ cmd: 'disconnect' });
	await peer.end();
	await new MqttPeer(server).connect({ will });
	const stopped = server.stop();
	await clock.advance(2_000);
	await stopped;
	t.deepEqual(handler.publications, []);
});

test('subscriptions are granted one by one [MQTT-3.8.4-5], refused ones with 0x80', async (t) => {
	const { server, handler } = serverOf(t);
	handler.grant = (filter, qos) => (filter === 'secret/#' ? undefined : qos);
	const peer = new MqttPeer(server);
	await peer.connect();
	peer.send({
		cmd: 'subscribe',
		messageId: 3,
		subscriptions: [
			{ topic: 'a', qos: 0 },
			{ topic: 'b/#', qos: 2 },
			{ topic: 'secret/#', qos: 1 },
			{ topic: 'a/#/b', qos: 1 },
		],
	});
	t.like(await peer.next('suback'), { messageId: 3, granted: [0, 1, 0x80, 0x80] });
	t.deepEqual(
		[...(handler.connections[0]?.subscriptions ?? [])],
		[
			['a', 0],
			['b/#', 1],
		],
	);
	peer.send({ cmd: 'unsubscribe', messageId: 4, unsubscriptions: ['a', 'unknown'] });
	t.is((await peer.next('unsuback')).messageId, 4);
	t.deepEqual(handler.events.slice(1), ['subscribed a b/#', 'unsubscribed a']);
});

test('subscriptions outlive the connection and the server unless the session is clean', async (t) => {
	const sessions = new MemorySessionStore();
	const subscribe: Packet = {
		cmd: 'subscribe',
		messageId: 1,
		subscriptions: [{ topic: 'a/#', qos: 1 }],
	};
	const first = new MqttPeer(serverOf(t, {}, sessions).server);
	t.like(await first.connect({ clean: false }), { sessionPresent: false });
	first.send(subscribe);
	await first.next('suback');

	const { server, handler } = serverOf(t, {}, sessions);
	const second = new MqttPeer(server);
	t.like(await second.connect({ clean: false }), { sessionPresent: true }); // [MQTT-3.2.2-2]
	t.deepEqual([...(handler.connections[0]?.subscriptions ?? [])], [['a/#', 1]]);

	t.like(await new MqttPeer(server).connect({ clean: true }), { sessionPresent: false });
	t.like(await new MqttPeer(server).connect({ clean: false }), { sessionPresent: false });
	t.deepEqual([...(handler.connections[2]?.subscriptions ?? [])], []);
});

test('a message of QoS 1 to a client is done when the client has acknowledged it', async (t) => {
	const { server, handler } = serverOf(t);
	const peer = new MqttPeer(server);
	await peer.connect();
	let done = false;
	const sent = handler.connections[0]
		?.publish({ topic: 'in/1', payload: Buffer.from('x') }, 1)
		.then(() => {
			done = true;
		});
	const packet = await peer.next('publish');
	t.like(packet, { topic: 'in/1', qos: 1, dup: false, retain: false });
	await new Promise(setImmediate);
	t.false(done);
	peer.send({ cmd: 'puback', messageId: packet.messageId as number });
	await sent;
	t.true(done);
});

test('a client that does not acknowledge in time loses its connection and all that it owes', async (t) => {
	const { server, handler, clock } = serverOf(t, { acknowledgementTimeout: 30_000 });
	const peer = new MqttPeer(server);
	await peer.connect({ keepalive: 0 });
	const [connection] = handler.connections as [MqttConnection];
	const empty = { payload: Buffer.alloc(0) };
	const first = connection.publish({ topic: 'a', ...empty }, 1);
	await clock.advance(20_000);
	const others = ['b', 'c'].map((topic) => connection.publish({ topic, ...empty }, 1));
	const ids: number[] = [];
	for (const _ of 'abc') ids.push((await peer.next('publish')).messageId as number);
	peer.send({ cmd: 'puback', messageId: ids[0] as number });
	await first;
	// The last one alone is acknowledged: it must not count before the one in front of it.
	peer.send({ cmd: 'puback', messageId: ids[2] as number });
	await clock.advance(29_999);
	t.false(peer.ended, 'each message has its own time');
	await Promise.all([
		clock.advance(1),
		...others.map((other) => t.throwsAsync(other, { code: 'EDGE_CLIENT_GONE' })),
	]);
	await peer.end();
	t.is(server.connections.size, 0);
	t.is(clock.pending, 0);
});

test('no more than the allowed messages are unacknowledged at once, and their order stays', async (t) => {
	const { server, handler } = serverOf(t, { maxInFlight: 2 });
	const peer = new MqttPeer(server);
	await peer.connect();
	const [connection] = handler.connections as [MqttConnection];
	const sent = [1, 2, 3, 4, 5].map((index) =>
		connection.publish({ topic: `t/${index}`, payload: Buffer.alloc(0) }, 1),
	);
	await new Promise(setImmediate);
	t.is(peer.received.length, 2);
	for (let index = 1; index <= 5; index += 1) {
		const packet = await peer.next('publish');
		t.is(packet.topic, `t/${index}`);
		peer.send({ cmd: 'puback', messageId: packet.messageId as number });
	}
	await Promise.all(sent);
});

test('messages to a client that does not read wait, and end with its connection', async (t) => {
	const { server, handler } = serverOf(t);
	const peer = new MqttPeer(server);
	await peer.connect();
	peer.stream.pause();
	let written = 0;
	const payload = Buffer.alloc(10_000);
	const sent = Array.from({ length: 50 }, () =>
		handler.connections[0]?.publish({ topic: 'a', payload }, 0).then(() => {
			written += 1;
		}),
	);
	await new Promise(setImmediate);
	t.true(written < 50, `${written} were written`);
	handler.connections[0]?.close();
	const results = await Promise.allSettled(sent);
	t.is(results.filter(({ status }) => status === 'rejected').length, 50 - written);
	peer.stream.resume();
});

test('what no packet can carry is refused before it is sent', async (t) => {
	const { server, handler } = serverOf(t, { maxPacketBytes: 1000 });
	const peer = new MqttPeer(server);
	await peer.connect();
	const [connection] = handler.connections as [MqttConnection];
	const attempt = (topic: string, bytes: number) =>
		t.throwsAsync(connection.publish({ topic, payload: Buffer.alloc(bytes) }, 1), {
			code: 'EDGE_PUBLICATION_INVALID',
		});
	await attempt('a'.repeat(65_536), 0);
	await attempt('a/+', 0);
	await attempt('a', 1000);
	peer.send({ cmd: 'pingreq' });
	await peer.next('pingresp');
});

test('reading stops while unfinished messages are too large together', async (t) => {
	const { server, handler } = serverOf(t, { maxUnacknowledgedBytes: 1000 });
	const finish: (() => void)[] = [];
	handler.handle = () => new Promise((resolve) => finish.push(resolve));
	const peer = new MqttPeer(server);
	await peer.connect();
	peer.send(...[1, 2, 3, 4, 5].map((id) => publish('a', id, 'x'.repeat(400))));
	for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
	t.is(handler.publications.length, 3);
	while (finish.length > 0) {
		finish.shift()?.();
		await new Promise(setImmediate);
	}
	for (let id = 1; id <= 5; id += 1) t.is((await peer.next('puback')).messageId, id);
});

test('a message of QoS 0 that takes long does not hold up acknowledgements', async (t) => {
	const { server, handler } = serverOf(t);
	const { promise, resolve } = Promise.withResolvers<void>();
	handler.handle = ({ topic }) => (topic === 'slow' ? promise : Promise.resolve());
	const peer = new MqttPeer(server);
	await peer.connect();
	const slow = { cmd: 'publish', topic: 'slow', payload: '', dup: false, retain: false } as const;
	peer.send({ ...slow, qos: 0 }, publish('a', 1));
	t.is((await peer.next('puback')).messageId, 1);
	resolve();
});

test('a client that subscribes again to what its session knows costs no write', async (t) => {
	const sessions = new MemorySessionStore();
	const saved: string[][] = [];
	const store: SessionStore = {
		load: (clientId) => sessions.load(clientId),
		delete: (clientId) => sessions.delete(clientId),
		save: (session) => {
			saved.push([...session.subscriptions.keys()]);
			sessions.save(session);
		},
	};
	const { server } = serverOf(t, {}, store);
	for (let connection = 0; connection < 2; connection += 1) {
		const peer = new MqttPeer(server);
		await peer.connect({ clean: false });
		for (const [index, topic] of ['a/#', 'b/#'].entries()) {
			peer.send({ cmd: 'subscribe', messageId: index + 1, subscriptions: [{ topic, qos: 1 }] });
			await peer.next('suback');
		}
		peer.send({ cmd: 'disconnect' });
		await peer.end();
	}
	t.deepEqual(saved, [[], ['a/#'], ['a/#', 'b/#']]);
});

test('a session does not take any number of subscriptions', async (t) => {
	const { server, handler } = serverOf(t);
	const peer = new MqttPeer(server);
	await peer.connect();
	for (let round = 0; round < 2; round += 1) {
		peer.send({
			cmd: 'subscribe',
			messageId: 1,
			subscriptions: Array.from({ length: 101 }, (_, index) => ({ topic: `t/${index}`, qos: 0 })),
		});
		const { granted } = await peer.next('suback');
		t.is(granted.filter((code) => code === 0x80).length, 1);
	}
	t.is(handler.connections[0]?.subscriptions.size, 100);
});
