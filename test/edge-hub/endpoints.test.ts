import test from 'ava';
import { ClientRegistry } from '../../src/edge-hub/clients/client-registry.ts';
import { ModuleInputEndpoint } from '../../src/edge-hub/clients/module-input-endpoint.ts';
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
	return { clients, endpoint: new ModuleInputEndpoint(filter, 'in1', clients) };
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
	const { clients, endpoint } = input();
	t.deepEqual(await endpoint.send([stored(1), stored(2)]), ['retry', 'retry']);
	const client = new FakeClient(clients, filter, ['inputs']);
	t.deepEqual(await endpoint.send([stored(1), stored(2)]), ['delivered', 'delivered']);
	t.deepEqual(texts(client.inputs), ['1', '2']);
	t.is(client.inputs[0]?.input, 'in1');
});

test('what comes after a message that was not acknowledged is sent again with it', async (t) => {
	const { clients, endpoint } = input();
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
	t.deepEqual(await endpoint.send([1, 2, 3, 4].map((offset) => stored(offset))), [
		'delivered',
		'retry',
		'retry',
		'retry',
	]);
});

test('a message that no packet can carry does not block the input', async (t) => {
	const { clients, endpoint } = input();
	const client = new FakeClient(clients, filter, ['inputs']);
	let first = true;
	client.take = async () => {
		if (first) {
			first = false;
			throw new EdgeError('EDGE_PUBLICATION_INVALID', 'too long');
		}
	};
	t.deepEqual(await endpoint.send([stored(1), stored(2)]), ['poison', 'delivered']);
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
