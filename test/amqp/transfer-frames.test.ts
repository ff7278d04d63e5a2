import { createRequire } from 'node:module';
import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import rhea, { type Sender } from 'rhea';
import type { AmqpServerLimits } from '../../src/amqp/amqp-server.ts';
import { amqpClient, amqpServer, happening } from '../support/amqp-peer.ts';
import { until } from '../support/until.ts';

/** The library's frames, which it keeps to itself. */
const frames = createRequire(import.meta.url)('rhea/lib/frames.js') as {
	transfer(fields: object): object;
};

/** Parts of the library's sender that write frames one by one. */
interface RawSender {
	readonly session: { output(performative: object, payload?: Uint8Array): void };
	readonly connection: { _register(): void };
	readonly local: { readonly handle: number };
}

/** A link on which a test writes the pieces of messages itself. */
async function rawSender(limits: Partial<AmqpServerLimits> = {}) {
	const { handler, server } = amqpServer(limits);
	const client = amqpClient(server);
	const sender: Sender = client.open_sender('/here');
	await happening(sender, 'sendable');
	const raw = sender as unknown as RawSender;
	const send = (fields: object, payload: Uint8Array = Buffer.alloc(0)) => {
		const handle = raw.local.handle ?? 0;
		raw.session.output(frames.transfer({ handle, ...fields }), payload);
		raw.connection._register();
	};
	const seen = async (count: number) => {
		await until(() => handler.received.length >= count);
		for (let n = 0; n < 20; n += 1) await turn();
		return handler.received;
	};
	return { server, client, handler, send, seen };
}

const tag = (id: number) => ({ delivery_id: id, delivery_tag: Buffer.from([id]), settled: true });
const encoded = (text: string) =>
	rhea.message.encode({ body: rhea.message.data_section(Buffer.from(text)) } as never);

test('a message may come in pieces that repeat nothing, with or without its format', async (t) => {
	const { server, send, seen } = await rawSender();
	const first = encoded('in pieces');
	send({ ...tag(0), more: true }, first.subarray(0, 3));
	send({ more: true }, first.subarray(3, 7));
	send({ more: true });
	send({}, first.subarray(7));
	send({ ...tag(1), message_format: 0 }, encoded('whole'));
	t.deepEqual(await seen(2), ['in pieces', 'whole']);
	await server.stop();
});

test('a message that its sender gives up is dropped, wherever that is said', async (t) => {
	const { server, client, send, seen } = await rawSender({ linkCredit: 4 });
	const text = encoded('given up');
	for (let id = 0; id < 12; id += 4) {
		send({ ...tag(id), more: true, message_format: 0 }, text.subarray(0, 5));
		send({ more: true, aborted: true }, text.subarray(5));
		send({ ...tag(id + 1), more: true }, text);
		send({ aborted: true });
		send({ ...tag(id + 2), aborted: true }, text);
		send({ ...tag(id + 3) }, encoded(`kept ${id}`));
		const kept = id / 4 + 1;
		t.is((await seen(kept)).length, kept, 'with new credit for those that were given up');
	}
	t.deepEqual(await seen(3), ['kept 0', 'kept 4', 'kept 8']);
	t.true(client.is_open());
	await server.stop();
});
