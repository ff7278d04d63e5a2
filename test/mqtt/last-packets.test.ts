import test, { type ExecutionContext } from 'ava';
import { connectPacket, MqttPeer, RecordingHandler } from '../support/mqtt-peer.ts';
import { mqttServerUnderTest } from '../support/mqtt-server-under-test.ts';

/** Messages that a client may send before the first is dealt with. */
const window = 8;
const count = 500;

/** A server that is slow to deal with messages: `busy` ends when a test lets it. */
function slowServer(t: ExecutionContext, maxPublishesPerSecond = 0) {
	const handler = new RecordingHandler();
	const busy = Promise.withResolvers<void>();
	handler.handle = () => busy.promise;
	const limits = { maxUnacknowledged: window - 1, maxPublishesPerSecond };
	const { server, clock } = mqttServerUnderTest(t, handler, limits);
	const texts = () => handler.publications.map(({ payload }) => Buffer.from(payload).toString());
	return { server, handler, clock, goOn: () => busy.resolve(), texts };
}

const messages = (qos: 0 | 1, prefix = '') =>
	Array.from(
		{ length: count },
		(_, n) =>
			({
				cmd: 'publish',
				topic: 'a',
				payload: `${prefix}${n}`,
				qos,
				dup: false,
				retain: false,
				messageId: n + 1,
			}) as const,
	);

const sent = (prefix = '') => Array.from({ length: count }, (_, n) => `${prefix}${n}`);

const ends = {
	'says goodbye': (peer: MqttPeer) => {
		peer.send({ cmd: 'disconnect' });
		peer.stream.end();
	},
	'closes its side': (peer: MqttPeer) => peer.stream.end(),
	'is cut off': (peer: MqttPeer) => peer.cut(),
} as const;

for (const [what, end] of Object.entries(ends)) {
	for (const qos of [0, 1] as const) {
		test(`what the server has read of a client that ${what} is taken, QoS ${qos}`, async (t) => {
			const { server, handler, clock, goOn, texts } = slowServer(t);
			const peer = new MqttPeer(server);
			await peer.connect();
			peer.send(...messages(qos));
			await clock.advance(0);
			t.is(handler.publications.length, window);
			end(peer);
			await clock.advance(0);
			t.is(handler.publications.length, window);
			goOn();
			await clock.advance(0);
			t.deepEqual(texts(), sent());
			t.is(server.connections.size, 0);
			t.is(handler.events.at(-1), 'disconnected client');
		});
	}
}

test('the will comes behind what was sent, and not at all behind a goodbye', async (t) => {
	const will = { topic: 'will', payload: Buffer.from('dead'), qos: 0, retain: false } as const;
	for (const goodbye of [false, true]) {
		const { server, clock, goOn, texts } = slowServer(t);
		const peer = new MqttPeer(server);
		await peer.connect({ will });
		peer.send(...messages(0));
		if (goodbye) peer.send({ cmd: 'disconnect' });
		await clock.advance(0);
		peer.cut();
		goOn();
		await clock.advance(0);
		t.deepEqual(texts(), goodbye ? sent() : [...sent(), 'dead']);
	}
});

test('a client that comes again is served when what it sent before has been taken', async (t) => {
	const { server, handler, clock, goOn, texts } = slowServer(t);
	const [old, young] = [new MqttPeer(server), new MqttPeer(server)];
	await old.connect();
	old.send(...messages(0, 'old '));
	await clock.advance(0);
	const connected = young.connect();
	young.send(...messages(0, 'young '));
	await clock.advance(0);
	t.is(handler.publications.length, window);
	t.is(handler.connections.length, 1);
	goOn();
	await connected;
	await clock.advance(0);
	t.deepEqual(texts(), [...sent('old '), ...sent('young ')]);
	await old.end();
	t.is(server.connections.size, 1);
});

test('who comes again and leaves at once has ended its earlier connection all the same', async (t) => {
	const { server, clock, goOn } = slowServer(t, 1);
	const [old, young] = [new MqttPeer(server), new MqttPeer(server)];
	await old.connect();
	old.send(...messages(0));
	await clock.advance(0);
	young.send(connectPacket());
	await clock.advance(0);
	young.cut();
	goOn();
	await old.end();
	t.is(server.connections.size, 0);
});

test('a client that comes again after a cut is served behind what it sent before', async (t) => {
	const { server, clock, goOn, texts } = slowServer(t);
	const [old, young] = [new MqttPeer(server), new MqttPeer(server)];
	await old.connect();
	old.send(...messages(0, 'old '));
	await clock.advance(0);
	old.cut();
	const connected = young.connect();
	young.send(...messages(0, 'young '));
	await clock.advance(0);
	goOn();
	await connected;
	await clock.advance(0);
	t.deepEqual(texts(), [...sent('old '), ...sent('young ')]);
});

test('nobody waits for more than two seconds', async (t) => {
	const { server, handler, clock } = slowServer(t);
	const [old, young, cut] = [new MqttPeer(server), new MqttPeer(server), new MqttPeer(server)];
	await old.connect();
	old.send(...messages(0));
	await cut.connect({ clientId: 'cut' });
	cut.send(...messages(0));
	await clock.advance(0);
	const connected = young.connect();
	cut.cut();
	await clock.advance(1_999);
	t.is(handler.connections.length, 2);
	t.true(server.connections.has('cut'));
	await clock.advance(1);
	await connected;
	t.false(server.connections.has('cut'));
	await old.end();
});

test('what was sent before a cut is not held back by the rate', async (t) => {
	const { server, clock, goOn, texts } = slowServer(t, 1);
	goOn();
	const peer = new MqttPeer(server);
	await peer.connect();
	peer.send(...messages(0));
	await clock.advance(0);
	t.is(texts().length, 1);
	peer.cut();
	await clock.advance(0);
	t.deepEqual(texts(), sent());
});

test('who is cut off before it is known is not let in any more', async (t) => {
	const { server, handler, clock, goOn } = slowServer(t);
	const verdict = Promise.withResolvers<0>();
	handler.verdict = () => verdict.promise;
	goOn();
	const peer = new MqttPeer(server);
	const refused = t.throwsAsync(peer.connect());
	peer.send(...messages(0));
	await clock.advance(0);
	peer.cut();
	await refused;
	verdict.resolve(0);
	await clock.advance(0);
	t.deepEqual(handler.events, []);
});
