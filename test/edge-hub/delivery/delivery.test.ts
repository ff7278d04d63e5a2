import test from 'ava';
import type { SendResult, StoredMessage } from '../../../src/edge-hub/delivery/endpoint.ts';
import { EdgeError } from '../../../src/runtime/edge-error.ts';
import { MemoryMessageLog } from '../../../src/storage/memory-message-log.ts';
import { configurationOf, DeliveryFixture, messageOf } from '../../support/delivery-fixture.ts';

const upstream = { up: 'FROM /messages/* INTO $upstream' };
const filter = { filter: 'FROM /messages/* INTO BrokeredEndpoint("/modules/filter/inputs/in1")' };
const filterId = 'edge1/filter/in1';

const bodyOf = ({ message }: StoredMessage) => new TextDecoder().decode(message.body);
const retryAll = (messages: readonly StoredMessage[]): SendResult[] => messages.map(() => 'retry');
const deliverAll = (messages: readonly StoredMessage[]): SendResult[] =>
	messages.map(() => 'delivered');

test('a message reaches every endpoint that a route leads to, and then leaves the log', async (t) => {
	const hub = new DeliveryFixture();
	await hub.start(t, { ...upstream, ...filter });
	await hub.ingest('edge1/sensor', 'm1', { key: 'value' });
	await hub.clock.advance(0);
	t.deepEqual(hub.endpoint('iothub').delivered, ['m1']);
	t.deepEqual(hub.endpoint(filterId).delivered, ['m1']);
	t.is(hub.log.size.records, 0);
	t.deepEqual(hub.counted, [
		'received edge1/sensor',
		`sent edge1/sensor iothub 2000000000 0`,
		`sent edge1/sensor ${filterId} 2000000000 0`,
	]);
});

test('what an endpoint gets is the message as it came in', async (t) => {
	for (const cacheBytes of [0, 1e6]) {
		const hub = new DeliveryFixture(new MemoryMessageLog(), { cacheBytes });
		const seen: StoredMessage[] = [];
		hub.prepare = (endpoint) => {
			endpoint.answer = (messages) => {
				seen.push(...messages);
				return deliverAll(messages);
			};
		};
		await hub.start(t, { up: { route: upstream.up, priority: 3 } });
		const message = {
			body: new Uint8Array([0, 255, 128]),
			properties: new Map([
				['a', null],
				['ключ', '😀 \ud800'],
				['__proto__', 'x'],
			]),
			systemProperties: new Map([
				['connectionDeviceId', 'leaf'],
				['messageId', 'm-1'],
			]),
		};
		await hub.delivery.ingest(message, '/messages');
		await hub.clock.advance(0);
		const [stored] = seen;
		t.deepEqual(new Uint8Array(stored?.message.body ?? []), message.body);
		t.deepEqual(stored?.message.properties, message.properties);
		t.deepEqual(stored?.message.systemProperties, message.systemProperties);
		t.like(stored, { sender: 'leaf', priority: 3, enqueuedAt: hub.clock.now() });
	}
});

test('a message without a route is acknowledged, counted and not stored', async (t) => {
	const hub = new DeliveryFixture();
	await hub.start(t, { up: 'FROM /messages/modules/other INTO $upstream' });
	await hub.ingest('edge1/sensor', 'm1');
	t.deepEqual(hub.counted, ['received edge1/sensor', 'dropped no_route edge1/sensor']);
	t.is(hub.log.size.records, 0);
});

test('messages wait for an endpoint that is not ready, and keep their order', async (t) => {
	const hub = new DeliveryFixture();
	hub.prepare = (endpoint) => {
		endpoint.ready = false;
	};
	await hub.start(t, filter);
	await Promise.all(Array.from({ length: 25 }, (_, n) => hub.ingest('edge1/sensor', `m${n}`)));
	await hub.clock.advance(60_000);
	const endpoint = hub.endpoint(filterId);
	t.deepEqual(endpoint.batches, []);
	t.deepEqual(hub.delivery.queueLengths(), [
		{ endpoint: filterId, priority: 2_000_000_000, length: 25 },
	]);
	endpoint.becomeReady();
	await hub.clock.advance(0);
	t.deepEqual(
		endpoint.delivered,
		Array.from({ length: 25 }, (_, n) => `m${n}`),
	);
	t.deepEqual(
		endpoint.batches.map((batch) => batch.length),
		[10, 10, 5],
	);
	t.deepEqual(hub.delivery.queueLengths()[0]?.length, 0);
});

test('the smallest priority number goes first, chosen anew for every batch', async (t) => {
	const hub = new DeliveryFixture();
	hub.prepare = (endpoint) => {
		endpoint.batch = { messages: 2, bytes: 1e6 };
		endpoint.ready = false;
	};
	await hub.start(t, {
		urgent: { route: `FROM /messages/* WHERE kind = 'alarm' INTO $upstream`, priority: 0 },
		normal: { route: `FROM /messages/* WHERE kind = 'data' INTO $upstream`, priority: 5 },
		rest: 'FROM /messages/* INTO $upstream',
	});
	const endpoint = hub.endpoint('iothub');
	await hub.ingest('edge1/a', 'rest1');
	for (const body of ['data1', 'data2', 'data3']) {
		await hub.ingest('edge1/a', body, { kind: 'data' });
	}
	endpoint.answer = async (messages) => {
		if (endpoint.batches.length === 1) await hub.ingest('edge1/a', 'alarm', { kind: 'alarm' });
		return deliverAll(messages);
	};
	endpoint.becomeReady();
	await hub.clock.advance(0);
	t.deepEqual(endpoint.batches, [['data1', 'data2'], ['alarm'], ['data3'], ['rest1']]);
});

test('a batch that an endpoint refuses does not hold up something more urgent', async (t) => {
	const hub = new DeliveryFixture();
	await hub.start(t, {
		urgent: { route: `FROM /messages/* WHERE kind = 'alarm' INTO $upstream`, priority: 0 },
		rest: 'FROM /messages/* INTO $upstream',
	});
	const endpoint = hub.endpoint('iothub');
	endpoint.answer = (messages) =>
		messages.map((stored) => (bodyOf(stored) === 'stuck' ? 'retry' : 'delivered'));
	await hub.ingest('edge1/a', 'stuck');
	await hub.clock.advance(100_000);
	const tries = endpoint.batches.length;
	await hub.ingest('edge1/a', 'alarm', { kind: 'alarm' });
	await hub.clock.advance(0);
	t.deepEqual(endpoint.delivered, ['alarm']);
	t.deepEqual(endpoint.batches.slice(tries)[0], ['alarm']);
	await hub.ingest('edge1/a', 'behind');
	await hub.clock.advance(120_000);
	t.deepEqual(endpoint.delivered, ['alarm', 'behind']);
});

test('tries of a failing endpoint come after 1, 2, 4 … 60 seconds, until it answers', async (t) => {
	const hub = new DeliveryFixture();
	await hub.start(t, filter);
	const endpoint = hub.endpoint(filterId);
	const times: number[] = [];
	endpoint.answer = (messages) => {
		times.push(hub.clock.monotonic() / 1000);
		if (times.length % 2 === 0) throw new Error('connection lost');
		return retryAll(messages);
	};
	await hub.ingest('edge1/sensor', 'm1');
	await hub.clock.advance(250_000);
	t.deepEqual(times, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
	endpoint.answer = deliverAll;
	await hub.clock.advance(60_000);
	t.deepEqual(endpoint.delivered, ['m1']);
	t.is(hub.counted.filter((line) => line.startsWith('retried')).length, 10);
	t.is(hub.clock.pending, 1, 'only the look for expired messages is left');
});

test('an endpoint that takes a part of each batch is not waited for longer and longer', async (t) => {
	const hub = new DeliveryFixture();
	hub.prepare = (endpoint) => {
		endpoint.ready = false;
		endpoint.answer = (messages) =>
			messages.map((_, index) => (index === 0 ? 'delivered' : 'retry'));
	};
	await hub.start(t, filter);
	for (let n = 0; n < 20; n += 1) await hub.ingest('edge1/sensor', `m${n}`);
	hub.endpoint(filterId).becomeReady();
	await hub.clock.advance(19_000);
	t.is(hub.endpoint(filterId).delivered.length, 20);
});

test('an endpoint that becomes ready again is tried at once', async (t) => {
	const hub = new DeliveryFixture();
	await hub.start(t, filter);
	const endpoint = hub.endpoint(filterId);
	endpoint.answer = retryAll;
	await hub.ingest('edge1/sensor', 'm1');
	await hub.clock.advance(20_000);
	const tries = endpoint.batches.length;
	endpoint.answer = deliverAll;
	endpoint.becomeReady();
	await hub.clock.advance(0);
	t.is(endpoint.batches.length, tries + 1);
	t.deepEqual(endpoint.delivered, ['m1']);
});

test('of a batch only what was not taken comes again, in order and before what is behind it', async (t) => {
	const hub = new DeliveryFixture();
	hub.prepare = (endpoint) => {
		endpoint.ready = false;
	};
	await hub.start(t, filter);
	const endpoint = hub.endpoint(filterId);
	for (let n = 0; n < 12; n += 1) await hub.ingest('edge1/sensor', `m${n}`);
	endpoint.answer = (messages) =>
		endpoint.batches.length === 1
			? messages.map((_, index) => (index < 4 ? 'delivered' : 'retry'))
			: deliverAll(messages);
	endpoint.becomeReady();
	await hub.clock.advance(1000);
	t.deepEqual(
		endpoint.delivered,
		Array.from({ length: 12 }, (_, n) => `m${n}`),
	);
});

test('a batch stays below the limit of bytes, but the first message always fits', async (t) => {
	const hub = new DeliveryFixture();
	hub.prepare = (endpoint) => {
		endpoint.ready = false;
		endpoint.batch = { messages: 10, bytes: 300 };
	};
	await hub.start(t, filter);
	for (const length of [1000, 100, 100, 1000, 100]) {
		await hub.ingest('edge1/sensor', 'x'.repeat(length));
	}
	hub.endpoint(filterId).becomeReady();
	await hub.clock.advance(0);
	t.deepEqual(
		hub.endpoint(filterId).batches.map((batch) => batch.map((body) => body.length)),
		[[1000], [100, 100], [1000], [100]],
	);
});

test('a message is dropped when its time to live has passed, and counted', async (t) => {
	const hub = new DeliveryFixture();
	hub.prepare = (endpoint) => {
		endpoint.ready = false;
	};
	await hub.start(
		t,
		{
			short: {
				route: `FROM /messages/* WHERE kind = 'short' INTO $upstream`,
				timeToLiveSecs: 10,
			},
			long: `FROM /messages/* WHERE kind = 'long' INTO $upstream`,
		},
		100,
	);
	const endpoint = hub.endpoint('iothub');
	await hub.ingest('edge1/a', 'short', { kind: 'short' });
	await hub.ingest('edge1/a', 'long', { kind: 'long' });
	await hub.clock.advance(60_000);
	t.is(hub.log.size.records, 1, 'space comes back although nobody takes messages');
	t.deepEqual(hub.counted.slice(2), ['dropped ttl_expiry edge1/a']);
	await hub.clock.advance(39_999);
	await hub.ingest('edge1/a', 'fresh', { kind: 'long' });
	await hub.clock.advance(1);
	endpoint.becomeReady();
	await hub.clock.advance(0);
	t.deepEqual(endpoint.delivered, ['fresh']);
	t.is(hub.log.size.records, 0);
	t.is(hub.counted.filter((line) => line.startsWith('dropped ttl_expiry')).length, 2);
});

test('a negative time to live has no end, and a new one is for messages from then on', async (t) => {
	const hub = new DeliveryFixture();
	hub.prepare = (endpoint) => {
		endpoint.ready = false;
	};
	await hub.start(t, upstream, -1);
	await hub.ingest('edge1/a', 'for ever');
	hub.delivery.configure(configurationOf(upstream, 5));
	await hub.ingest('edge1/a', 'for a while');
	await hub.clock.advance(1e9);
	hub.endpoint('iothub').becomeReady();
	await hub.clock.advance(0);
	t.deepEqual(hub.endpoint('iothub').delivered, ['for ever']);
});

test('poison is set aside and counted, and what is behind it goes on', async (t) => {
	const hub = new DeliveryFixture();
	await hub.start(t, filter);
	const endpoint = hub.endpoint(filterId);
	endpoint.answer = (messages) =>
		messages.map((stored) => (bodyOf(stored) === 'bad' ? 'poison' : 'delivered'));
	hub.poisonFault = new Error('disk full');
	await hub.ingest('edge1/sensor', 'bad');
	await hub.ingest('edge1/sensor', 'good');
	await hub.clock.advance(500);
	t.is(hub.log.size.records, 2, 'what cannot be set aside is kept');
	hub.poisonFault = undefined;
	await hub.clock.advance(1000);
	t.deepEqual(hub.poison, [{ body: 'bad', endpoint: filterId }]);
	t.deepEqual(endpoint.delivered, ['good']);
	t.true(hub.counted.includes('dropped poison edge1/sensor'));
	t.is(hub.log.size.records, 0);
});

test('senders go upstream side by side, each in order, and one that fails holds up itself only', async (t) => {
	const hub = new DeliveryFixture();
	const open = new Map<string, () => void>();
	hub.prepare = (endpoint) => {
		endpoint.ordering = 'sender';
		endpoint.concurrency = 3;
		endpoint.answer = async (messages) => {
			const { sender = '' } = messages[0] ?? {};
			t.true(messages.every((message) => message.sender === sender));
			t.false(open.has(sender), 'one batch of a sender at a time');
			await new Promise<void>((resolve) => open.set(sender, resolve));
			open.delete(sender);
			return sender === 'leaf1' ? retryAll(messages) : deliverAll(messages);
		};
	};
	await hub.start(t, upstream);
	for (const sender of ['leaf1', 'leaf2', 'leaf3', 'leaf4']) {
		for (let n = 0; n < 12; n += 1) await hub.ingest(sender, `${sender}-${n}`);
	}
	await hub.clock.advance(0);
	t.deepEqual([...open.keys()], ['leaf1', 'leaf2', 'leaf3']);
	for (let turn = 0; turn < 12; turn += 1) {
		for (const resolve of [...open.values()]) resolve();
		await hub.clock.advance(0);
	}
	const { delivered } = hub.endpoint('iothub');
	for (const sender of ['leaf2', 'leaf3', 'leaf4']) {
		t.deepEqual(
			delivered.filter((body) => body.startsWith(sender)),
			Array.from({ length: 12 }, (_, n) => `${sender}-${n}`),
		);
	}
	t.is(delivered.length, 36);
	t.is(hub.log.size.records, 12);
	hub.endpoint('iothub').becomeReady('leaf1');
	await hub.clock.advance(0);
	t.deepEqual([...open.keys()], ['leaf1'], 'the sender is tried as soon as it is ready');
	for (const resolve of open.values()) resolve();
});

test('among senders the one with the most urgent message goes first, equal ones take turns', async (t) => {
	const hub = new DeliveryFixture();
	hub.prepare = (endpoint) => {
		endpoint.ordering = 'sender';
		endpoint.batch = { messages: 1, bytes: 1e6 };
		endpoint.ready = false;
	};
	await hub.start(t, {
		urgent: { route: `FROM /messages/* WHERE kind = 'alarm' INTO $upstream`, priority: 0 },
		rest: 'FROM /messages/* INTO $upstream',
	});
	for (const body of ['a1', 'a2']) await hub.ingest('leafA', body);
	for (const body of ['b1', 'b2']) await hub.ingest('leafB', body);
	await hub.ingest('leafC', 'c1');
	await hub.ingest('leafB', 'alarm', { kind: 'alarm' });
	hub.endpoint('iothub').becomeReady();
	await hub.clock.advance(0);
	t.deepEqual(hub.endpoint('iothub').delivered, ['alarm', 'a1', 'c1', 'b1', 'a2', 'b2']);
});

test('after a restart only what an endpoint has not got is sent again, in order', async (t) => {
	const log = new MemoryMessageLog();
	const first = new DeliveryFixture(log);
	first.prepare = (endpoint) => {
		endpoint.ready = endpoint.id === 'iothub';
	};
	await first.start(t, { ...upstream, ...filter });
	for (let n = 0; n < 15; n += 1) await first.ingest('edge1/sensor', `m${n}`);
	await first.clock.advance(0);
	t.is(first.endpoint('iothub').delivered.length, 15);
	await first.delivery.stop();

	const second = new DeliveryFixture(log);
	await second.start(t, { ...upstream, ...filter });
	await second.clock.advance(0);
	t.deepEqual(second.endpoint('iothub').delivered, []);
	t.deepEqual(
		second.endpoint(filterId).delivered,
		Array.from({ length: 15 }, (_, n) => `m${n}`),
	);
	t.is(log.size.records, 0);
});

test('messages keep the priority and the expiry that they were stored with', async (t) => {
	const log = new MemoryMessageLog();
	const first = new DeliveryFixture(log);
	first.prepare = (endpoint) => {
		endpoint.ready = false;
	};
	await first.start(t, {
		alarm: { route: `FROM /messages/* WHERE k = 'a' INTO $upstream`, priority: 1 },
		brief: { route: `FROM /messages/* WHERE k = 'b' INTO $upstream`, timeToLiveSecs: 5 },
		rest: 'FROM /messages/* INTO $upstream',
	});
	await first.ingest('edge1/a', 'rest');
	await first.ingest('edge1/a', 'brief', { k: 'b' });
	await first.ingest('edge1/a', 'alarm', { k: 'a' });
	await first.delivery.stop();
	const second = new DeliveryFixture(log);
	await second.clock.advance(6000);
	await second.start(t, upstream);
	await second.clock.advance(0);
	t.deepEqual(second.endpoint('iothub').batches, [['alarm'], ['rest']]);
});

test('an endpoint that leaves the configuration loses its messages, at run time and at start', async (t) => {
	const log = new MemoryMessageLog();
	const hub = new DeliveryFixture(log);
	hub.prepare = (endpoint) => {
		endpoint.ready = false;
	};
	await hub.start(t, { ...upstream, ...filter });
	await hub.ingest('edge1/sensor', 'm1');
	const old = hub.endpoint(filterId);
	hub.delivery.configure(configurationOf(upstream));
	await hub.clock.advance(0);
	t.is(log.size.records, 1);
	t.is(old.listeners, 0);
	t.deepEqual(hub.counted.slice(1), ['dropped endpoint_removed edge1/sensor']);
	hub.delivery.configure(configurationOf({ ...upstream, ...filter }));
	t.not(hub.endpoint(filterId), old);
	hub.endpoint(filterId).becomeReady();
	await hub.ingest('edge1/sensor', 'm2');
	await hub.clock.advance(0);
	t.deepEqual(hub.endpoint(filterId).delivered, ['m2']);
	await hub.delivery.stop();
	const second = new DeliveryFixture(log);
	await second.start(t, filter);
	await second.clock.advance(0);
	t.is(log.size.records, 0);
	t.is(second.counted.filter((line) => line.startsWith('dropped endpoint_removed')).length, 2);
});

test('a batch under way when its endpoint is removed counts as delivered only where it was', async (t) => {
	const hub = new DeliveryFixture();
	hub.prepare = (endpoint) => {
		endpoint.ready = false;
		endpoint.answer = async (messages, signal) => {
			await new Promise((resolve) => signal.addEventListener('abort', resolve));
			return messages.map((_, index) => (index === 0 ? 'delivered' : 'retry'));
		};
	};
	await hub.start(t, { ...upstream, ...filter });
	await hub.ingest('edge1/sensor', 'm1');
	await hub.ingest('edge1/sensor', 'm2');
	hub.endpoint(filterId).becomeReady();
	await hub.clock.advance(0);
	hub.delivery.configure(configurationOf(upstream));
	await hub.clock.advance(0);
	t.deepEqual(hub.counted.slice(2), [
		`sent edge1/sensor ${filterId} 2000000000 0`,
		'dropped endpoint_removed edge1/sensor',
	]);
});

test('a message that cannot be stored is not acknowledged', async (t) => {
	const hub = new DeliveryFixture(new MemoryMessageLog(1500));
	hub.prepare = (endpoint) => {
		endpoint.ready = false;
	};
	await hub.start(t, upstream);
	await hub.ingest('edge1/a', 'x'.repeat(1000));
	const error = await t.throwsAsync(() => hub.ingest('edge1/a', 'x'.repeat(1000)));
	t.true(error instanceof EdgeError && error.code === 'EDGE_STORAGE_FULL');
	t.is(hub.counted.at(-1), 'unacknowledged edge1/a');
	hub.endpoint('iothub').becomeReady();
	await hub.clock.advance(0);
	await hub.ingest('edge1/a', 'again');
	await hub.clock.advance(0);
	t.is(hub.endpoint('iothub').delivered.at(-1), 'again');
});

test('storeLimits of the configuration bound what is stored', async (t) => {
	const hub = new DeliveryFixture();
	hub.prepare = (endpoint) => {
		endpoint.ready = false;
	};
	await hub.start(t, upstream);
	const storeLimits = { maxSizeBytes: 2000 };
	hub.delivery.configure(configurationOf(upstream, 3600, { storeLimits }));
	const error = await t.throwsAsync(async () => {
		for (let n = 0; n < 100; n += 1) await hub.ingest('edge1/a', 'x'.repeat(300));
	});
	t.true(error instanceof EdgeError && error.code === 'EDGE_STORAGE_FULL');
	t.true(hub.log.size.bytes < 3000);
	hub.delivery.configure(configurationOf(upstream));
	await t.notThrowsAsync(() => hub.ingest('edge1/a', 'more'));
});

test('a message may go to more endpoints than one record has parts', async (t) => {
	const routes = Object.fromEntries(
		Array.from({ length: 70 }, (_, n) => [
			`r${n}`,
			`FROM /messages/* INTO BrokeredEndpoint("/modules/m${n}/inputs/in")`,
		]),
	);
	const hub = new DeliveryFixture();
	await hub.start(t, routes);
	await hub.ingest('edge1/a', 'm1');
	await hub.clock.advance(0);
	t.is(hub.endpoints.size, 70);
	t.true([...hub.endpoints.values()].every(({ delivered }) => delivered.join() === 'm1'));
	t.is(hub.log.size.records, 0);
});

test('a stored message that is damaged is dropped and counted, and does not hold up the others', async (t) => {
	const log = new MemoryMessageLog();
	const hub = new DeliveryFixture(log, { cacheBytes: 0 });
	hub.prepare = (endpoint) => {
		endpoint.ready = false;
	};
	await hub.start(t, filter);
	for (const body of ['m0', 'm1', 'm2']) await hub.ingest('edge1/a', body);
	const read = log.read.bind(log);
	let failures = 1;
	log.read = async (offset) => {
		if (offset === 1) throw new EdgeError('EDGE_STORAGE_CORRUPT', 'The record is damaged.');
		if (failures > 0) {
			failures -= 1;
			throw new EdgeError('EDGE_STORAGE_FAILED', 'The disk is away for a moment.');
		}
		return read(offset);
	};
	hub.endpoint(filterId).becomeReady();
	await hub.clock.advance(2000);
	t.deepEqual(hub.endpoint(filterId).delivered, ['m0', 'm2']);
	t.true(hub.counted.includes('dropped corrupt edge1/a'));
});

test('stop waits for a batch under way, counts what was delivered, and may be called again', async (t) => {
	const log = new MemoryMessageLog();
	const hub = new DeliveryFixture(log);
	await hub.start(t, filter);
	const endpoint = hub.endpoint(filterId);
	endpoint.answer = async (messages, signal) => {
		await new Promise((resolve) => signal.addEventListener('abort', resolve));
		return deliverAll(messages);
	};
	await hub.ingest('edge1/a', 'm1');
	await hub.clock.advance(0);
	await hub.delivery.stop();
	await hub.delivery.stop();
	t.is(log.size.records, 0);
	t.is(hub.clock.pending, 0);
	t.is(endpoint.listeners, 0);
});

test('stop does not wait for ever for an endpoint that ignores its signal', async (t) => {
	const hub = new DeliveryFixture();
	await hub.start(t, filter);
	hub.endpoint(filterId).answer = () => new Promise(() => {});
	await hub.ingest('edge1/a', 'm1');
	await hub.clock.advance(0);
	const stopping = hub.delivery.stop();
	await hub.clock.advance(10_000);
	await stopping;
	t.is(hub.log.size.records, 1);
});

test('messages of one sender that come in at once keep their order', async (t) => {
	const hub = new DeliveryFixture();
	await hub.start(t, { ...upstream, ...filter });
	const bodies = Array.from({ length: 200 }, (_, n) => `m${n}`);
	await Promise.all(
		bodies.map((body) => hub.delivery.ingest(messageOf('edge1/a', body), '/messages/modules/a')),
	);
	await hub.clock.advance(0);
	t.deepEqual(hub.endpoint('iothub').delivered, bodies);
	t.deepEqual(hub.endpoint(filterId).delivered, bodies);
});
