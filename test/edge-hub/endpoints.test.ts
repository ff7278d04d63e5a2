import test from 'ava';
import fc from 'fast-check';
import { ClientRegistry } from '../../src/edge-hub/clients/client-registry.ts';
import { ModuleInputEndpoint } from '../../src/edge-hub/clients/module-input-endpoint.ts';
import { SenderShares } from '../../src/edge-hub/clients/sender-shares.ts';
import type { StoredMessage } from '../../src/edge-hub/delivery/endpoint.ts';
import { PoisonMessages } from '../../src/edge-hub/poison-messages.ts';
import type { UpstreamConnections } from '../../src/edge-hub/upstream/upstream-connections.ts';
import { UpstreamEndpoint } from '../../src/edge-hub/upstream/upstream-endpoint.ts';
import type { Identity } from '../../src/protocol/identity.ts';
import type { Message } from '../../src/protocol/message.ts';
import { EdgeError } from '../../src/runtime/edge-error.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { MemoryKeyValueStore } from '../../src/storage/memory-key-value-store.ts';
import { FakeClient } from '../support/fake-client.ts';

const own = { deviceId: 'edge1', moduleId: '$edgeHub' };
const filter = { deviceId: 'edge1', moduleId: 'filter' };

function stored(offset: number, body = String(offset)): StoredMessage {
	const message = {
		body: Buffer.from(body),
		properties: new Map([['index', String(offset)]]),
		systemProperties: new Map(),
	};
	return { message, sender: 'edge1/sensor', priority: 1, offset, enqueuedAt: 1_000 + offset };
}

const texts = (messages: readonly { readonly message: Message }[]) =>
	messages.map(({ message }) => Buffer.from(message.body).toString());

function input() {
	const clients = new ClientRegistry();
	const shares = new SenderShares(clients);
	const endpoint = new ModuleInputEndpoint(filter, 'in1', { clients, shares });
	const send = (...messages: StoredMessage[]) =>
		endpoint.send(messages, new AbortController().signal);
	return { clients, endpoint, send };
}

test('an input is ready when its module is connected and listens for inputs', (t) => {
	const { clients, endpoint } = input();
	let times = 0;
	const registration = endpoint.onReady(() => {
		times += 1;
	});
	t.is(endpoint.id, 'edge1/filter/in1');
	new FakeClient(clients, { ...filter, moduleId: 'other' }, ['inputs']);
	const client = new FakeClient(clients, filter, ['methods']);
	t.false(endpoint.ready);
	t.is(times, 0);
	client.subscribe('inputs');
	t.true(endpoint.ready);
	t.is(times, 1);
	client.close();
	t.false(endpoint.ready);
	registration[Symbol.dispose]();
	new FakeClient(clients, filter, ['inputs']);
	t.is(times, 1);
});

test('messages to an input arrive in order; without a listener they are kept', async (t) => {
	const { clients, send } = input();
	t.deepEqual(await send(stored(1), stored(2)), ['retry', 'retry']);
	const client = new FakeClient(clients, filter, ['inputs']);
	t.deepEqual(await send(stored(1), stored(2)), ['delivered', 'delivered']);
	t.deepEqual(texts(client.inputs), ['1', '2']);
	t.is(client.inputs[0]?.input, 'in1');
});

test('what comes after a message that was not acknowledged is sent again with it', async (t) => {
	const { clients, send } = input();
	const client = new FakeClient(clients, filter, ['inputs']);
	const outcomes = [
		undefined,
		new EdgeError('EDGE_CLIENT_GONE', 'late'),
		undefined,
		new EdgeError('EDGE_PUBLICATION_INVALID', 'too long'),
	];
	client.take = async () => {
		const outcome = outcomes.shift();
		if (outcome !== undefined) throw outcome;
	};
	t.deepEqual(await send(...[1, 2, 3, 4].map((offset) => stored(offset))), [
		'delivered',
		'retry',
		'retry',
		'retry',
	]);
});

test('a message that no packet can carry does not block the input', async (t) => {
	const { clients, send } = input();
	const client = new FakeClient(clients, filter, ['inputs']);
	let first = true;
	client.take = async () => {
		if (first) {
			first = false;
			throw new EdgeError('EDGE_PUBLICATION_INVALID', 'too long');
		}
	};
	t.deepEqual(await send(stored(1), stored(2)), ['poison', 'delivered']);
});

const sentBy = (sender: string, offset: number) => ({ ...stored(offset), sender });

test('a message that a module rejects is poison, what comes behind it is not', async (t) => {
	const { clients, send } = input();
	const client = new FakeClient(clients, filter, ['inputs']);
	const outcomes = [new EdgeError('EDGE_MESSAGE_REJECTED', 'bad'), undefined];
	client.take = async () => {
		const outcome = outcomes.shift();
		if (outcome !== undefined) throw outcome;
	};
	t.deepEqual(await send(stored(1), stored(2)), ['poison', 'delivered']);
});

test('senders are shared between the connections of a module, and stay where they are', async (t) => {
	const { clients, endpoint, send } = input();
	const [one, two] = ['127.0.0.2', '127.0.0.3'].map(
		(place) => new FakeClient(clients, filter, ['inputs'], place),
	) as [FakeClient, FakeClient];
	const concurrency = endpoint.concurrency;
	for (const round of [0, 1]) {
		for (const sender of ['a', 'b', 'c', 'd']) await send(sentBy(sender, round));
	}
	t.is(one.inputs.length, 4);
	t.is(two.inputs.length, 4);
	const third = new FakeClient(clients, filter, ['inputs'], '127.0.0.4');
	t.true(endpoint.concurrency > concurrency, 'a further connection takes more at once');
	for (const sender of ['a', 'b', 'c', 'd']) await send(sentBy(sender, 2));
	t.is(third.inputs.length, 1, 'a connection that comes later takes its share');
	t.is(one.inputs.length + two.inputs.length, 11);
});

test('what a connection that has gone did not acknowledge goes to another one, in order', async (t) => {
	const { clients, send } = input();
	const one = new FakeClient(clients, filter, ['inputs'], '127.0.0.2');
	const two = new FakeClient(clients, filter, ['inputs'], '127.0.0.3');
	const outcomes = [false, true, false];
	one.take = async () => {
		if (!outcomes.shift()) return;
		one.close();
		throw new EdgeError('EDGE_CLIENT_GONE', 'gone');
	};
	const results = await send(...[1, 2, 3].map((offset) => stored(offset)));
	t.deepEqual(results, ['delivered', 'delivered', 'delivered']);
	t.deepEqual(texts(two.inputs), ['2', '3']);
	two.take = async () => {
		throw new EdgeError('EDGE_CLIENT_GONE', 'busy');
	};
	t.deepEqual(await send(stored(4)), ['retry'], 'the only one left is not tried twice at once');
});

test('whoever leaves or comes, a sender has one of those that listen, and stays without need', (t) => {
	const step = fc.record({ replica: fc.nat(3), listens: fc.boolean(), sender: fc.nat(5) });
	fc.assert(
		fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
			const clients = new ClientRegistry();
			const shares = new SenderShares(clients);
			const replicas = new Map<number, FakeClient>();
			for (const { replica, listens, sender } of steps) {
				replicas.get(replica)?.close();
				replicas.delete(replica);
				if (listens) {
					const place = String(replica);
					replicas.set(replica, new FakeClient(clients, filter, ['inputs'], place));
				}
				const home = shares.clientFor(filter, String(sender));
				t.is(home === undefined, replicas.size === 0);
				t.true(home === undefined || [...replicas.values()].includes(home as FakeClient));
				t.is(shares.clientFor(filter, String(sender)), home);
			}
		}),
	);
});

/** Connections of which one sends as the test says. */
function upstream(send: (message: Message) => Promise<void>) {
	const listeners = new Set<(identity: Identity) => void>();
	const connections = {
		reachable: true,
		lease: () => ({
			connected: async () => ({ send }),
			[Symbol.dispose]: () => {},
		}),
		onConnected: (listener: (identity: Identity) => void) => {
			listeners.add(listener);
			return { [Symbol.dispose]: () => listeners.delete(listener) };
		},
	} as unknown as UpstreamConnections;
	const endpoint = new UpstreamEndpoint({
		connections,
		hub: own,
		concurrency: 10,
		batchMessages: 50,
		logger: silentLogger,
	});
	return { endpoint, listeners };
}

test('the cloud is ready for all when the hub has its connection, for one when that one has', (t) => {
	const { endpoint, listeners } = upstream(async () => {});
	const ready: (string | undefined)[] = [];
	endpoint.onReady((sender) => ready.push(sender));
	for (const listener of listeners) {
		listener(filter);
		listener(own);
	}
	t.deepEqual(ready, ['edge1/filter', undefined, 'edge1/$edgeHub']);
});

test('what IoT Hub does not take now is sent again, what the SDK never sends is set aside', async (t) => {
	const tooLarge = Object.assign(new Error('too large'), { name: 'MessageTooLargeError' });
	const failures = new Map<string, Error>([
		['1', new EdgeError('EDGE_HUB_REQUEST_FAILED', 'no', { cause: tooLarge })],
		['3', new EdgeError('EDGE_HUB_UNREACHABLE', 'late')],
	]);
	const arrived: string[] = [];
	const { endpoint } = upstream(async ({ body }) => {
		const failure = failures.get(Buffer.from(body).toString());
		if (failure !== undefined) throw failure;
		arrived.push(Buffer.from(body).toString());
	});
	const results = await endpoint.send([1, 2, 3, 4].map((offset) => stored(offset)));
	t.deepEqual(results, ['poison', 'delivered', 'retry', 'retry']);
	t.deepEqual(arrived, ['2', '4'], 'the last one comes again behind the one that failed');
});

test('messages that were set aside are kept once, and no more than a hundred', (t) => {
	const poison = new PoisonMessages(new MemoryKeyValueStore());
	poison.setAside(stored(1, 'x'), 'iothub');
	poison.setAside(stored(1, 'x'), 'iothub');
	t.deepEqual(poison.list(), [
		{
			endpoint: 'iothub',
			sender: 'edge1/sensor',
			enqueuedAt: 1001,
			properties: { index: '1' },
			systemProperties: {},
			body: Buffer.from('x').toString('base64'),
		},
	]);
	for (let offset = 2; offset < 150; offset += 1) poison.setAside(stored(offset), 'iothub');
	const kept = poison.list();
	t.is(kept.length, 100);
	t.is(kept.at(-1)?.enqueuedAt, 1149);
});
