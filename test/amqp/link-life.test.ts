import { createRequire } from 'node:module';
import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import rhea, { type Connection, type Delivery, type Session } from 'rhea';
import { amqpClient, amqpServer, happening } from '../support/amqp-peer.ts';
import { until } from '../support/until.ts';

/** The library's frames, which it keeps to itself. */
const frames = createRequire(import.meta.url)('rhea/lib/frames.js') as {
	flow(fields: object): object;
	disposition(fields: object): object;
};

/** Outcomes as the library writes them. */
const outcomes = rhea.message as unknown as Record<
	'accepted' | 'released' | 'rejected',
	(fields?: object) => { described(): object }
>;

/** Writes a frame of a session as it is. */
function write(client: Connection, link: { readonly session: Session }, performative: object) {
	(link.session as unknown as { output(performative: object): void }).output(performative);
	(client as unknown as { _register(): void })._register();
}

async function settle(): Promise<void> {
	for (let n = 0; n < 20; n += 1) await turn();
}

test('a message that waits for a link leaves behind its attach, also where credit came with it', async (t) => {
	const { handler, server } = amqpServer();
	const { attachOutgoing } = handler;
	handler.attachOutgoing = (link) => {
		attachOutgoing.call(handler, link);
		for (const text of ['a', 'b']) void link.send({ data: Buffer.from(text) }, { settled: true });
	};
	const receiver = amqpClient(server).open_receiver('/there');
	const seen: string[] = [];
	receiver.on('message', ({ message }) => seen.push(String(message?.['body'].content)));
	receiver.add_credit(2);
	await until(() => seen.length === 2);
	t.deepEqual(seen, ['a', 'b']);
	await server.stop();
});

test('messages that wait for credit do not hold up the other links of their session', async (t) => {
	const { handler, server } = amqpServer();
	const client = amqpClient(server);
	const slow = client.open_receiver('/slow');
	await happening(slow, 'receiver_open');
	const fast = client.open_receiver('/fast');
	fast.add_credit(10);
	await happening(fast, 'receiver_open');
	const [toSlow, toFast] = handler.outgoing;
	const seen: string[] = [];
	for (const receiver of [slow, fast]) {
		receiver.on('message', ({ message }) => seen.push(String(message?.['body'].content)));
	}
	for (let n = 0; n < 5; n += 1) void toSlow?.send({ data: Buffer.from('slow') }).catch(() => {});
	slow.add_credit(1);
	await until(() => seen.length === 1);
	void toFast?.send({ data: Buffer.from('fast') }, { settled: true });
	await until(() => seen.length === 2);
	t.deepEqual(seen, ['slow', 'fast']);
	await server.stop();
});

test('a peer that wants to hear how a link stands is answered', async (t) => {
	const { handler, server } = amqpServer();
	const client = amqpClient(server);
	const receiver = client.open_receiver('/there');
	await happening(receiver, 'receiver_open');
	const heard = happening(receiver, 'receiver_flow');
	const window = { incoming_window: 100, outgoing_window: 100 };
	const counts = { next_incoming_id: 0, next_outgoing_id: 0 };
	write(
		client,
		receiver,
		frames.flow({ handle: 0, ...window, ...counts, link_credit: 3, echo: true }),
	);
	await heard;
	await until(() => handler.outgoing[0]?.credit === 3);
	t.true(client.is_open());
	await server.stop();
});

test('outcomes may come for several deliveries at once, in any order, and without a state', async (t) => {
	const { handler, server } = amqpServer();
	const client = amqpClient(server);
	const receiver = client.open_receiver('/there');
	receiver.add_credit(10);
	await happening(receiver, 'receiver_open');
	let seen = 0;
	receiver.on('message', () => {
		seen += 1;
	});
	const sent = Array.from({ length: 7 }, () => handler.outgoing[0]?.send({}));
	await until(() => seen === 7);
	const decide = (fields: object) =>
		write(client, receiver, frames.disposition({ role: true, settled: true, ...fields }));
	decide({ first: 6, state: outcomes.rejected({}).described() });
	decide({ first: 0, last: 2, state: outcomes.accepted().described(), batchable: true });
	decide({ first: 3 });
	decide({ first: 4, state: null, batchable: true });
	decide({ first: 5, settled: false, state: outcomes.released().described() });
	t.deepEqual(await Promise.all(sent), [
		...['accepted', 'accepted', 'accepted', 'accepted', 'accepted'],
		...['released', 'rejected'],
	]);
	t.true(client.is_open());
	await server.stop();
});

test('what a sender settles last takes no room, with or without a state', async (t) => {
	const { server } = amqpServer();
	const client = amqpClient(server);
	const options = { target: '/here', rcv_settle_mode: 1, autosettle: false };
	const sender = client.open_sender(options as never);
	await happening(sender, 'sendable');
	for (let n = 0; n < 300; n += 1) {
		sender.send({ body: n } as never);
		const { delivery } = await happening(sender, 'accepted');
		const state = n % 2 === 0 ? undefined : outcomes.accepted().described();
		(delivery as Delivery).update(true, state as never);
	}
	const { outgoing } = sender.session as unknown as {
		readonly outgoing: { remote_window: number };
	};
	outgoing.remote_window = 0;
	const counts = { next_incoming_id: 0, next_outgoing_id: 300 };
	const window = { incoming_window: 2_048, outgoing_window: 2_048 };
	write(client, sender, frames.flow({ ...counts, ...window, echo: true }));
	await until(() => outgoing.remote_window > 0);
	t.true(outgoing.remote_window >= 2_047, `${outgoing.remote_window}`);
	await server.stop();
});

test('messages of many small frames go both ways', async (t) => {
	const { handler, server } = amqpServer();
	const received: number[] = [];
	handler.route = async ({ data }) => {
		received.push(data?.length ?? 0);
	};
	const client = amqpClient(server, { max_frame_size: 512 });
	const receiver = client.open_receiver('/there');
	receiver.add_credit(3);
	const seen: number[] = [];
	receiver.on('message', ({ message, delivery }) => {
		seen.push(message?.['body'].content.length);
		delivery?.accept();
	});
	await happening(receiver, 'receiver_open');
	const sizes = [1_000, 250_000, 5];
	const sent = sizes.map((size) => handler.outgoing[0]?.send({ data: Buffer.alloc(size) }));
	t.deepEqual(await Promise.all(sent), ['accepted', 'accepted', 'accepted']);
	t.deepEqual(seen, sizes);
	const sender = client.open_sender('/here');
	await happening(sender, 'sendable');
	sender.send({ body: rhea.message.data_section(Buffer.alloc(1_000_000)) } as never);
	await happening(sender, 'accepted');
	t.deepEqual(received, [1_000_000]);
	await server.stop();
});

for (const what of ['link', 'session'] as const) {
	test(`a ${what} may end while messages are under way, and come again under the same names`, async (t) => {
		const { handler, server } = amqpServer();
		const client = amqpClient(server);
		let session = client.create_session();
		session.open();
		for (let n = 0; n < 3; n += 1) {
			const gate = Promise.withResolvers<void>();
			handler.route = () => gate.promise;
			const sender = session.open_sender({ name: 'one', target: '/here' } as never);
			const receiver = session.open_receiver({ name: 'two', source: '/there' } as never);
			receiver.add_credit(10);
			await happening(sender, 'sendable');
			sender.send({ body: 'x' } as never);
			await until(() => handler.outgoing.length === n + 1);
			const link = handler.outgoing[n];
			const lost = t.throwsAsync(async () => link?.send({}), { code: 'EDGE_CLIENT_GONE' });
			await settle();
			if (what === 'link') {
				for (const each of [sender, receiver]) each.close();
				await happening(sender, 'sender_close');
			} else {
				session.close();
				await happening(session as never, 'session_close');
				session = client.create_session();
				session.open();
			}
			await lost;
			gate.resolve();
			await settle();
			t.true(client.is_open());
		}
		await server.stop();
	});
}
