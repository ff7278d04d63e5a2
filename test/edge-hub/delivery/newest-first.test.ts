import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { DeliveryQueue } from '../../../src/edge-hub/delivery/delivery-queue.ts';
import type { QueueEntry } from '../../../src/edge-hub/delivery/queue-entry.ts';
import { MemoryMessageLog } from '../../../src/storage/memory-message-log.ts';
import { configurationOf, DeliveryFixture } from '../../support/delivery-fixture.ts';

const values = `FROM /messages/* WHERE kind = 'value' INTO $upstream`;
const events = `FROM /messages/* WHERE kind = 'event' INTO $upstream`;

/** A hub that cannot reach IoT Hub; the route `values` goes newest first, `events` in order. */
async function offlineHub(t: ExecutionContext, log = new MemoryMessageLog()) {
	const hub = new DeliveryFixture(log);
	hub.prepare = (endpoint) => {
		endpoint.ready = false;
		endpoint.batch = { messages: 3, bytes: 1e6 };
	};
	await hub.delivery.start();
	hub.delivery.configure(configurationOf({ values, events }, 3600, {}, ['values']));
	t.teardown(() => hub.delivery.stop());
	const send = (kind: string, ...bodies: string[]) =>
		Promise.all(bodies.map((body) => hub.ingest('edge1/sensor', body, { kind })));
	return { hub, send };
}

test('after an outage the newest values go first, and what came before them later', async (t) => {
	const { hub, send } = await offlineHub(t);
	await send('value', 'v1', 'v2', 'v3', 'v4', 'v5', 'v6', 'v7');
	await send('event', 'e1', 'e2', 'e3', 'e4');
	hub.endpoint('iothub').becomeReady();
	await hub.clock.advance(0);
	t.deepEqual(hub.endpoint('iothub').batches, [
		['v5', 'v6', 'v7'],
		['v2', 'v3', 'v4'],
		['v1'],
		['e1', 'e2', 'e3'],
		['e4'],
	]);
	t.is(hub.log.size.records, 0);
});

test('messages that do not wait keep their order', async (t) => {
	const { hub, send } = await offlineHub(t);
	const endpoint = hub.endpoint('iothub');
	endpoint.becomeReady();
	for (let n = 0; n < 10; n += 1) {
		await send('value', `v${n}`);
		await hub.clock.advance(0);
	}
	t.deepEqual(
		endpoint.delivered,
		Array.from({ length: 10 }, (_, n) => `v${n}`),
	);
});

test('what came in while a batch failed goes before it, and nothing is lost', async (t) => {
	const { hub, send } = await offlineHub(t);
	const endpoint = hub.endpoint('iothub');
	await send('value', 'v1', 'v2', 'v3', 'v4');
	endpoint.answer = (messages) => messages.map(() => 'retry');
	endpoint.becomeReady();
	await hub.clock.advance(0);
	await send('value', 'v5');
	endpoint.answer = (messages) => messages.map(() => 'delivered');
	await hub.clock.advance(60_000);
	t.deepEqual(endpoint.batches, [
		['v2', 'v3', 'v4'],
		['v3', 'v4', 'v5'],
		['v1', 'v2'],
	]);
});

test('a restart of the hub changes nothing about it', async (t) => {
	const log = new MemoryMessageLog();
	const first = await offlineHub(t, log);
	await first.send('event', 'e1', 'e2');
	await first.send('value', 'v1', 'v2', 'v3', 'v4');
	await first.hub.delivery.stop();
	const { hub, send } = await offlineHub(t, log);
	await send('value', 'v5');
	hub.endpoint('iothub').becomeReady();
	await hub.clock.advance(0);
	t.deepEqual(hub.endpoint('iothub').batches, [
		['v3', 'v4', 'v5'],
		['v1', 'v2'],
		['e1', 'e2'],
	]);
});

test('a queue that goes newest first gives back what was put in, whatever happened in between', (t) => {
	const step = fc.oneof(
		fc.record({ push: fc.nat(40) }),
		fc.record({ take: fc.nat(60), arrive: fc.nat(10), putBack: fc.boolean() }),
		fc.record({ evict: fc.nat(10) }),
	);
	fc.assert(
		fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
			const queue = new DeliveryQueue({ priority: 3, newestFirst: true });
			const model: QueueEntry[] = [];
			let offset = 0;
			const push = (count: number) => {
				for (let pushed = 0; pushed < count; pushed += 1) {
					offset += 1;
					const origin = { sender: 's', output: '' };
					const entry = {
						offset,
						part: 0,
						priority: 3,
						newestFirst: true,
						origin,
						size: 1,
						expiresAt: 9,
					};
					queue.push(entry);
					model.push(entry);
				}
			};
			for (const each of steps) {
				if ('push' in each) push(each.push);
				else if ('evict' in each) {
					const evicted = Array.from({ length: each.evict }, () => queue.take());
					t.deepEqual(
						evicted.filter((entry) => entry !== undefined),
						model.splice(0, each.evict),
					);
				} else {
					const expected = model.splice(Math.max(0, model.length - each.take));
					const taken = expected.map(() => {
						const entry = queue.peek();
						queue.skip();
						return entry;
					});
					t.deepEqual(taken.toReversed(), expected);
					push(each.arrive);
					if (!each.putBack) continue;
					queue.putBack(expected);
					model.splice(model.length - each.arrive, 0, ...expected);
				}
				t.is(queue.length, model.length);
			}
			t.deepEqual([...queue.takeAll()], model);
		}),
		{ numRuns: 100 },
	);
});
