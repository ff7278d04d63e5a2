import test from 'ava';
import fc from 'fast-check';
import { generate } from 'mqtt-packet';
import { MemorySessionStore } from '../../src/mqtt/memory-session-store.ts';
import { defaultMqttServerLimits } from '../../src/mqtt/mqtt-server.ts';
import { StreamMqttServer } from '../../src/mqtt/stream-mqtt-server.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { connectPacket, MqttPeer, RecordingHandler } from '../support/mqtt-peer.ts';

const valid = [
	generate(connectPacket({ will: { topic: 'w', payload: Buffer.from('x'), qos: 1 } })),
	generate({
		cmd: 'publish',
		topic: 'a',
		payload: 'x',
		qos: 1,
		dup: false,
		retain: false,
		messageId: 9,
	}),
	generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a/#', qos: 1 }] }),
	generate({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a/#'] }),
	generate({ cmd: 'puback', messageId: 1 }),
	generate({ cmd: 'pingreq' }),
	generate({ cmd: 'disconnect' }),
];

/** A packet with a few bytes changed, or cut short, or pure noise. */
const hostile = fc.oneof(
	fc.uint8Array({ minLength: 1, maxLength: 40 }),
	fc
		.tuple(
			fc.constantFrom(...valid),
			fc.array(fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 255 })), { maxLength: 3 }),
			fc.nat({ max: 40 }),
		)
		.map(([packet, changes, cut]) => {
			const copy = Buffer.from(packet);
			for (const [at, value] of changes) copy[at % copy.length] = value;
			return copy.subarray(0, Math.max(1, copy.length - (cut < 35 ? 0 : cut)));
		}),
);

test('no bytes of one client disturb the server or another client', async (t) => {
	const handler = new RecordingHandler();
	const clock = new FakeClock();
	const server = new StreamMqttServer({
		handler,
		sessions: new MemorySessionStore(),
		limits: { ...defaultMqttServerLimits, maxPacketBytes: 4096 },
		clock,
		logger: silentLogger,
	});
	const innocent = new MqttPeer(server);
	await innocent.connect({ clientId: 'innocent' });
	await fc.assert(
		fc.asyncProperty(
			fc.boolean(),
			fc.array(hostile, { minLength: 1, maxLength: 6 }),
			async (connectFirst, chunks) => {
				const peer = new MqttPeer(server);
				if (connectFirst) peer.send(connectPacket({ clientId: 'attacker' }));
				for (const chunk of chunks) peer.stream.write(chunk);
				await new Promise(setImmediate);
				peer.stream.end();
				innocent.send({ cmd: 'pingreq' });
				await innocent.next('pingresp');
			},
		),
		{ interruptAfterTimeLimit: 3_000, numRuns: 3_000, markInterruptAsFailure: false },
	);
	const stopped = server.stop();
	await clock.advance(10_000);
	await stopped;
	const connected = handler.events.filter((event) => event.startsWith('connected'));
	const disconnected = handler.events.filter((event) => event.startsWith('disconnected'));
	t.is(connected.length, disconnected.length);
	t.true(connected.length > 10);
	t.is(clock.pending, 0);
});
