import test, { type ExecutionContext } from 'ava';
import rhea, { type Connection, type Sender } from 'rhea';
import { defaultAmqpServerLimits } from '../../src/amqp/amqp-server.ts';
import { StreamAmqpServer } from '../../src/amqp/stream-amqp-server.ts';
import { ClientRates } from '../../src/edge-hub/clients/client-rates.ts';
import type { Identity } from '../../src/protocol/identity.ts';
import { audienceOf, createSasToken } from '../../src/protocol/sas-token.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { amqpHead, host } from '../support/amqp-head-world.ts';
import { amqpClient, happening, putToken } from '../support/amqp-peer.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { keyOf } from '../support/fake-iot-hub.ts';

const sensor = { deviceId: 'edge1', moduleId: 'sensor' };
const direct = { deviceId: 'direct' };

/** An AMQP head that takes ten messages a second of a client, and what it has taken. */
async function amqpHub(t: ExecutionContext) {
	const taken: string[] = [];
	const services = {
		ingest: async (message: { readonly body: Uint8Array }) => {
			taken.push(Buffer.from(message.body).toString());
		},
	};
	const world = await amqpHead(t, { services, perSecond: 10 });
	const { clock, head } = world;
	const limits = defaultAmqpServerLimits;
	const server = new StreamAmqpServer({ handler: head, limits, clock, logger: silentLogger });
	t.teardown(() => server.stop());
	return { ...world, server, taken };
}

type AmqpHub = Awaited<ReturnType<typeof amqpHub>>;

/** Proves to be somebody on a connection. */
async function prove(client: Connection, identity: Identity, { clock }: AmqpHub): Promise<void> {
	const resource = audienceOf(host, identity);
	const expiry = Math.floor(clock.now() / 1000) + 3600;
	const token = createSasToken({ resource, key: keyOf(identity), expiry });
	await putToken(client, resource, token);
}

async function eventsOf(
	client: Connection,
	identity: Identity,
	options: object = {},
): Promise<Sender> {
	const address = `${audienceOf('', identity)}/messages/events`;
	const sender = client.open_sender({ target: { address }, ...options } as never);
	await happening(sender, 'sendable');
	return sender;
}

const message = (text: string) => ({ body: rhea.message.data_section(Buffer.from(text)) }) as never;

test('over AMQP a client that sends more than it may is slowed down on all its links, in order', async (t) => {
	const hub = await amqpHub(t);
	const { server, clock, taken, heldBack, warnings } = hub;
	const client = amqpClient(server);
	await prove(client, sensor, hub);
	const links = [await eventsOf(client, sensor), await eventsOf(client, sensor)];
	let accepted = 0;
	for (const link of links) {
		link.on('accepted', () => {
			accepted += 1;
		});
	}
	for (let n = 0; n < 36; n += 1) links[n % 2]?.send(message(`${n}`));
	const after = async (ms: number) => {
		await clock.advance(ms);
		return taken.length;
	};
	t.is(await after(0), 10);
	t.is(await after(99), 10);
	t.is(await after(1), 11);
	t.is(accepted, 11, 'what waits is not settled');
	t.is(await after(1_000), 21);
	t.is(await after(1_500), 36);
	t.is(accepted, 36);
	const sent = Array.from({ length: 18 }, (_, n) => 2 * n);
	for (const [index, link] of [sent, sent.map((n) => n + 1)].entries()) {
		const own = taken.filter((text) => Number(text) % 2 === index);
		t.deepEqual(own, link.map(String), 'each link keeps its order');
	}
	t.is(Math.round((heldBack.get('edge1/sensor') ?? 0) * 10), 26);
	t.deepEqual(warnings, [{ client: 'edge1/sensor', messagesPerSecond: 10 }], 'once');
});

test('over AMQP a client gets no new credit while its messages wait, and loses none of many', async (t) => {
	const hub = await amqpHub(t);
	const { server, clock, taken } = hub;
	const client = amqpClient(server);
	await prove(client, sensor, hub);
	const sender = await eventsOf(client, sensor);
	const count = 500;
	for (let n = 0; n < count; n += 1) sender.send(message(`${n}`));
	/** Messages that have left: the library keeps what there is no credit for. */
	const left = () => (sender as unknown as { readonly delivery_count: number }).delivery_count;
	await clock.advance(0);
	t.is(left(), defaultAmqpServerLimits.linkCredit);
	await clock.advance(3_000);
	t.is(taken.length, 40);
	t.is(left(), defaultAmqpServerLimits.linkCredit, 'fewer than half are done');
	await clock.advance(47_000);
	t.deepEqual(
		taken,
		Array.from({ length: count }, (_, n) => `${n}`),
	);
});

test('over AMQP clients of one connection are slowed down each for itself', async (t) => {
	const hub = await amqpHub(t);
	const { server, clock, taken, heldBack } = hub;
	const client = amqpClient(server);
	for (const identity of [sensor, direct]) await prove(client, identity, hub);
	const fast = await eventsOf(client, sensor);
	const calm = await eventsOf(client, direct);
	for (let n = 0; n < 30; n += 1) fast.send(message('fast'));
	for (let n = 0; n < 10; n += 1) calm.send(message('calm'));
	await clock.advance(0);
	t.is(taken.filter((text) => text === 'calm').length, 10);
	t.is(taken.filter((text) => text === 'fast').length, 10);
	t.deepEqual([...heldBack.keys()], ['edge1/sensor']);
});

test('over AMQP what waits of a client that goes is taken all the same', async (t) => {
	const hub = await amqpHub(t);
	const { server, clock, taken } = hub;
	const client = amqpClient(server);
	await prove(client, sensor, hub);
	const sender = await eventsOf(client, sensor, { snd_settle_mode: 1 });
	for (let n = 0; n < 30; n += 1) sender.send(message(`${n}`));
	await clock.advance(0);
	t.is(taken.length, 10);
	client.close();
	await clock.advance(0);
	t.is(taken.length, 30);
	await server.stop();
	t.is(clock.pending, 0);
});

/** Rates of clients that send by requests. */
function requestRates(perSecond = 10) {
	const clock = new FakeClock();
	const warnings: unknown[] = [];
	let heldBack = 0;
	const rates = new ClientRates({
		perSecond,
		heldBack: (_, seconds) => {
			heldBack += seconds;
		},
		clock,
		logger: { ...silentLogger, warn: (_text, fields) => warnings.push(fields) },
	});
	const of = (identity: { deviceId: string }, messages = 1) => rates.requested(identity, messages);
	return { of, clock, warnings, heldBack: () => heldBack };
}

test('requests of a client that sends too much wait, one second at most', async (t) => {
	const { of, clock, warnings, heldBack } = requestRates();
	let served = 0;
	const later: number[] = [];
	for (let n = 0; n < 25; n += 1) {
		void of(direct).then((wait) => {
			if (wait === 0) served += 1;
			else later.push(wait);
		});
	}
	const after = async (ms: number) => {
		await clock.advance(ms);
		return served;
	};
	t.is(await after(0), 10);
	t.deepEqual(later, [1_100, 1_100, 1_100, 1_100, 1_100], 'they are told when to come again');
	t.is(await of({ deviceId: 'other' }), 0, 'others are not concerned');
	t.is(await after(99), 10);
	t.is(await after(1), 11);
	t.is(await after(900), 20);
	t.is(Math.round(heldBack() * 1000), 1_100, 'times that overlap count once');
	t.is(warnings.length, 1);
});

test('a client that sends one request after the other is slowed down, and never put off', async (t) => {
	const { of, clock } = requestRates(1);
	let served = 0;
	const sending = (async () => {
		for (; served < 30; served += 1) t.is(await of(direct), 0);
	})();
	await clock.advance(28_999);
	t.is(served, 29);
	await clock.advance(1);
	await sending;
});

test('a batch of more messages than a second allows is taken, and paid for by the next ones', async (t) => {
	const { of, clock } = requestRates();
	t.is(await of(direct, 50), 0);
	t.is(await of(direct), 4_100);
	await clock.advance(4_100);
	t.is(await of(direct), 0);
});

test('without a limit nobody is put off', async (t) => {
	const clock = new FakeClock();
	const heldBack = () => t.fail();
	const rates = new ClientRates({ perSecond: 0, heldBack, clock, logger: silentLogger });
	for (let n = 0; n < 1_000; n += 1) t.is(await rates.requested(direct, 1_000), 0);
	t.is(rates.connected(direct), undefined);
});
