import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import rhea, { type Connection } from 'rhea';
import type { AmqpServerLimits } from '../../src/amqp/amqp-server.ts';
import { FrameBoundary } from '../../src/amqp/frame-boundary.ts';
import { amqpClient, amqpServer, happening, rawPeer } from '../support/amqp-peer.ts';

const header = Buffer.from('AMQP\0\u0001\0\0', 'latin1');

/** A frame around a performative, as hex without spaces. */
function frame(performative: string, channel = 0): Buffer {
	const body = Buffer.from(performative.replaceAll(' ', ''), 'hex');
	const bytes = Buffer.alloc(8 + body.length);
	bytes.writeUInt32BE(bytes.length, 0);
	bytes.writeUInt8(2, 4);
	bytes.writeUInt16BE(channel, 6);
	body.copy(bytes, 8);
	return bytes;
}

/** OPEN with a container id `a`. */
const open = frame('005310 c0 04 01 a1 01 61');

/** BEGIN with windows of 100. */
const begin = frame('005311 c0 08 04 40 43 5264 5264');

const hostile: Readonly<Record<string, readonly Buffer[]>> = {
	'another protocol': [Buffer.from('GET / HTTP/1.1\r\n\r\n')],
	'AMQP 0-9-1': [Buffer.from('AMQP\0\0\u0009\u0001', 'latin1')],
	'an empty frame size': [header, Buffer.alloc(8)],
	'a frame of four gigabytes': [header, Buffer.from('ffffffff02000000', 'hex')],
	'a frame that ends in its header': [header, Buffer.from('0000000802', 'hex'), Buffer.alloc(8)],
	'a performative that is none': [header, frame('a1 01 61')],
	'an unknown performative': [header, frame('0053ff c0 01 00')],
	'a performative named after a built-in': [
		header,
		frame('00a3 0b 636f6e7374727563746f72 c0 01 00'),
	],
	'a list that is cut off': [header, frame('005310 d0 ffffffff ffffffff a1 01 61')],
	'four billion nulls': [header, frame('005310 c0 ff 0a a1 01 61 f0 00000009 ffffffff 40')],
	'values nested without end': [header, frame(`005310 ${'c07f01'.repeat(8000)}`)],
	'a tiny largest frame': [header, frame('005310 c0 06 03 a1 01 61 40 5240')],
	'OPEN twice': [header, open, open],
	'BEGIN twice': [header, open, begin, begin],
	'an attach without a session': [header, open, frame('005312 c0 05 03 a1 01 61 43 41')],
	'a link named after a built-in': [
		header,
		open,
		begin,
		frame('005312 c0 13 03 a1 09 5f5f70726f746f5f5f 43 42'),
	],
	'a transfer without a link': [header, open, begin, frame('005314 c0 02 01 43')],
	'a disposition of four billion': [header, open, begin, frame('005315 c0 08 03 41 43 70ffffffff')],
};

for (const [title, bytes] of Object.entries(hostile)) {
	test(`a peer is cut off for ${title}`, async (t) => {
		const { server } = amqpServer();
		const { stream, ended } = rawPeer(server);
		for (const chunk of bytes) stream.write(chunk);
		await ended;
		await stillServes(t, server);
	});
}

async function stillServes(
	t: ExecutionContext,
	server: ReturnType<typeof amqpServer>['server'],
): Promise<void> {
	const client = amqpClient(server);
	await happening(client, 'connection_open');
	t.true(client.is_open());
	await server.stop();
}

test('noise after a good beginning never throws', async (t) => {
	await fc.assert(
		fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 64 }), async (noise) => {
			const { server } = amqpServer();
			const { stream } = rawPeer(server);
			stream.write(Buffer.concat([header, open, begin, frame(Buffer.from(noise).toString('hex'))]));
			await new Promise((resolve) => setImmediate(resolve));
			await server.stop();
		}),
		{ numRuns: 300 },
	);
	t.pass();
});

/** Opens a connection, misbehaves on it and waits for its end. */
async function cutOff(
	t: ExecutionContext,
	limits: Partial<AmqpServerLimits>,
	misbehave: (client: Connection) => void,
): Promise<void> {
	const { server } = amqpServer(limits);
	const client = amqpClient(server);
	await happening(client, 'connection_open');
	const ended = happening(client, 'disconnected');
	misbehave(client);
	await ended;
	await stillServes(t, server);
}

test('a message is cut off when it grows too large', (t) =>
	cutOff(t, { maxMessageBytes: 100_000 }, (client) => {
		const sender = client.open_sender('/here');
		sender.once('sendable', () => {
			sender.send({ body: rhea.message.data_section(Buffer.alloc(100_001)) } as never);
		});
	}));

test('so many links are enough', (t) =>
	cutOff(t, { maxLinks: 10 }, (client) => {
		for (let n = 0; n < 11; n += 1) client.open_sender(`/${n}`);
	}));

test('so many sessions are enough', (t) =>
	cutOff(t, { maxSessions: 3 }, (client) => {
		for (let n = 0; n < 4; n += 1) client.create_session().open();
	}));

test('a peer that sends without credit is cut off', (t) =>
	cutOff(t, { linkCredit: 1 }, (client) => {
		const sender = client.open_sender('/here');
		sender.once('sendable', () => {
			(sender as unknown as { credit: number }).credit = 100;
			for (let n = 0; n < 5; n += 1) sender.send({ body: n } as never);
		});
	}));

test('who says nothing is not waited for', async (t) => {
	const { server, clock } = amqpServer();
	const { ended } = rawPeer(server);
	await clock.advance(60_000);
	await ended;
	t.is(clock.pending, 0);
	await server.stop();
});

test('a full server takes nobody, until somebody leaves', async (t) => {
	const { server } = amqpServer({ maxConnections: 1 });
	const first = rawPeer(server);
	await rawPeer(server).ended;
	first.stream.end();
	await first.ended;
	await stillServes(t, server);
});

test('frames pass in whatever pieces, and only of an allowed size', (t) => {
	fc.assert(
		fc.property(
			fc.array(fc.integer({ min: 8, max: 300 }), { minLength: 1, maxLength: 20 }),
			fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 10 }),
			fc.integer({ min: 8, max: 300 }),
			(sizes, cuts, limit) => {
				const frames = sizes.map((size) => {
					const bytes = Buffer.alloc(size);
					bytes.writeUInt32BE(size, 0);
					return bytes;
				});
				const stream = Buffer.concat([header, ...frames]);
				const boundary = new FrameBoundary(limit);
				let passes = true;
				for (let at = 0, n = 0; at < stream.length && passes; n += 1) {
					const length = cuts[n % cuts.length] ?? 1;
					passes = boundary.passes(stream.subarray(at, at + length));
					at += length;
				}
				t.is(
					passes,
					sizes.every((size) => size <= limit),
				);
			},
		),
	);
});
