import test, { type ExecutionContext } from 'ava';
import type { MqttConnection, MqttServerLimits } from '../../src/mqtt/mqtt-server.ts';
import { MqttPeer, RecordingHandler } from '../support/mqtt-peer.ts';
import { mqttServerUnderTest } from '../support/mqtt-server-under-test.ts';

/** Remembers how long clients were held back. */
class HoldingHandler extends RecordingHandler {
	heldBackMs = 0;

	heldBack(_: MqttConnection, milliseconds: number): void {
		this.heldBackMs += milliseconds;
	}
}

function limitedServer(
	t: ExecutionContext,
	maxPublishesPerSecond: number,
	limits: Partial<MqttServerLimits> = {},
) {
	return mqttServerUnderTest(t, new HoldingHandler(), { ...limits, maxPublishesPerSecond });
}

const messages = (count: number, payload = '') =>
	Array.from(
		{ length: count },
		(_, index) =>
			({
				cmd: 'publish',
				topic: 'a',
				payload,
				qos: 1,
				dup: false,
				retain: false,
				messageId: index + 1,
			}) as const,
	);

test('a client may send the messages of a second at once, then as many as the rate allows; none is lost', async (t) => {
	const { server, handler, clock } = limitedServer(t, 10);
	const peer = new MqttPeer(server);
	await peer.connect();
	peer.send(...messages(35));
	const taken = async (ms: number) => {
		await clock.advance(ms);
		return handler.publications.length;
	};
	t.is(await taken(0), 10);
	t.is(await taken(99), 10);
	t.is(await taken(1), 11);
	t.is(await taken(1_000), 21);
	t.is(await taken(1_400), 35);
	for (let id = 1; id <= 35; id += 1) t.is((await peer.next('puback')).messageId, id);
	t.is(Math.round(handler.heldBackMs), 2_500);
});

test('a long silence is worth no more than a second', async (t) => {
	const { server, handler, clock } = limitedServer(t, 5);
	const peer = new MqttPeer(server);
	await peer.connect({ keepalive: 1_000 });
	await clock.advance(600_000);
	peer.send(...messages(20));
	await clock.advance(0);
	t.is(handler.publications.length, 5);
});

test('a client that keeps to the rate is never held back', async (t) => {
	const { server, handler, clock } = limitedServer(t, 4);
	const peer = new MqttPeer(server);
	await peer.connect();
	for (let second = 0; second < 10; second += 1) {
		peer.send(...messages(4));
		await clock.advance(1_000);
	}
	t.is(handler.publications.length, 40);
	t.is(handler.heldBackMs, 0);
});

for (const perSecond of [1, 3, 999, 20_000]) {
	test(`over time it is ${perSecond} messages a second, however long a pause is`, async (t) => {
		const { server, handler, clock } = limitedServer(t, perSecond);
		const peer = new MqttPeer(server);
		await peer.connect();
		peer.send(...messages(3 * perSecond));
		await clock.advance(1_990);
		t.true(handler.publications.length <= 2.99 * perSecond);
		await clock.advance(20);
		t.is(handler.publications.length, 3 * perSecond);
	});
}

test('nothing but messages counts', async (t) => {
	const { server, handler, clock } = limitedServer(t, 1);
	const peer = new MqttPeer(server);
	await peer.connect();
	for (let index = 0; index < 50; index += 1) {
		const subscriptions = [{ topic: 'a', qos: 0 } as const];
		peer.send({ cmd: 'subscribe', messageId: 1, subscriptions }, { cmd: 'pingreq' });
		await peer.next('suback');
		await peer.next('pingresp');
	}
	t.is(handler.heldBackMs, 0);
	t.is(clock.monotonic(), 0);
});

test('a client that is held back does not slow down others', async (t) => {
	const { server, handler, clock } = limitedServer(t, 2);
	const [fast, calm] = [new MqttPeer(server), new MqttPeer(server)];
	await fast.connect({ clientId: 'fast' });
	await calm.connect({ clientId: 'calm' });
	fast.send(...messages(10));
	await clock.advance(0);
	calm.send(...messages(2));
	for (const id of [1, 2]) t.is((await calm.next('puback')).messageId, id);
	t.is(handler.publications.length, 4);
});

test('a client that is held back feels it as a peer that does not read', async (t) => {
	const { server, handler, clock } = limitedServer(t, 2);
	const peer = new MqttPeer(server);
	await peer.connect();
	for (const message of messages(8, 'x'.repeat(100_000))) peer.send(message);
	await clock.advance(0);
	t.true(peer.stream.writableNeedDrain);
	t.true(peer.stream.writableLength > 300_000);
	await clock.advance(3_000);
	t.is(peer.stream.writableLength, 0);
	t.is(handler.publications.length, 8);
});

test('the keep-alive does not end a client that is only held back', async (t) => {
	const { server, handler, clock } = limitedServer(t, 1);
	const peer = new MqttPeer(server);
	await peer.connect({ keepalive: 1 });
	peer.send(...messages(60));
	await clock.advance(59_000);
	t.is(handler.publications.length, 60);
	t.false(peer.ended);
	await clock.advance(2_600);
	t.true(peer.ended, 'it has gone silent');
});

test('acknowledgements that stand behind messages which wait do not count as missing', async (t) => {
	const { server, handler, clock } = limitedServer(t, 1, { acknowledgementTimeout: 5_000 });
	const peer = new MqttPeer(server);
	await peer.connect();
	const [connection] = handler.connections as [MqttConnection];
	const delivered = connection.publish({ topic: 'in', payload: Buffer.alloc(0) }, 1);
	const { messageId = 0 } = await peer.next('publish');
	peer.send(...messages(30), { cmd: 'puback', messageId });
	await clock.advance(29_000);
	await t.notThrowsAsync(delivered);
	t.false(peer.ended);
});

test('a client that never acknowledges loses its connection once it is read again', async (t) => {
	const { server, handler, clock } = limitedServer(t, 1, { acknowledgementTimeout: 5_000 });
	const peer = new MqttPeer(server);
	await peer.connect();
	const [connection] = handler.connections as [MqttConnection];
	const missed = t.throwsAsync(connection.publish({ topic: 'in', payload: Buffer.alloc(0) }, 1), {
		code: 'EDGE_CLIENT_GONE',
	});
	peer.send(...messages(20));
	await clock.advance(23_999);
	t.false(peer.ended);
	await clock.advance(1);
	await missed;
	await peer.end();
	t.is(handler.publications.length, 20);
});

test('a client that comes again is not held back for what it sent before, and leaves nothing behind', async (t) => {
	const { server, handler, clock } = limitedServer(t, 1);
	const peer = new MqttPeer(server);
	await peer.connect();
	peer.send(...messages(5));
	await clock.advance(0);
	t.is(handler.publications.length, 1);
	const again = new MqttPeer(server);
	await again.connect();
	t.is(handler.publications.length, 5);
	await peer.end();
	again.send(...messages(1));
	t.is((await again.next('puback')).messageId, 1);
	await clock.advance(20_000);
	t.is(handler.publications.length, 6);
	t.is(server.connections.size, 1);
});

test('a message that cannot be accepted after a pause ends the connection', async (t) => {
	const { server, handler, clock } = limitedServer(t, 1);
	const peer = new MqttPeer(server);
	await peer.connect();
	peer.send(...messages(2));
	await clock.advance(0);
	handler.handle = () => {
		throw new Error('broken');
	};
	await clock.advance(1_000);
	await peer.end();
	t.is((await peer.next('puback')).messageId, 1);
	t.is(server.connections.size, 0);
});
