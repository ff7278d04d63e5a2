import test from 'ava';
import { CloudToDeviceDelivery } from '../../src/iot-hub-emulator/cloud-to-device/cloud-to-device-delivery.ts';
import {
	CloudToDeviceQueues,
	cloudToDeviceLimits,
} from '../../src/iot-hub-emulator/cloud-to-device/cloud-to-device-queues.ts';
import { keepDeliveryFeedback } from '../../src/iot-hub-emulator/cloud-to-device/delivery-feedback.ts';
import { ServiceBoundQueue } from '../../src/iot-hub-emulator/cloud-to-device/service-bound-queue.ts';
import type { DeviceConnection } from '../../src/iot-hub-emulator/connections/device-connection.ts';
import { DeviceConnections } from '../../src/iot-hub-emulator/connections/device-connections.ts';
import { IdentityRegistry } from '../../src/iot-hub-emulator/registry/identity-registry.ts';
import type { Message } from '../../src/protocol/message.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { MemoryKeyValueStore } from '../../src/storage/memory-key-value-store.ts';
import { FakeClock } from '../support/fake-clock.ts';

function message(text: string, systemProperties: [string, string][] = []): Message {
	return {
		body: Buffer.from(text),
		properties: new Map([['k', 'v']]),
		systemProperties: new Map(systemProperties),
	};
}

function queues() {
	const clock = new FakeClock();
	const store = new MemoryKeyValueStore();
	const registry = new IdentityRegistry(store, clock);
	for (const id of ['dev1', 'dev10']) registry.putDevice(id, {});
	return { clock, store, registry, queues: new CloudToDeviceQueues(store, registry, clock) };
}

function textOf(queued: { readonly message: Message } | undefined): string | undefined {
	return queued && Buffer.from(queued.message.body).toString();
}

test('messages leave in the order in which they came, each device by itself', (t) => {
	const { queues: all } = queues();
	for (const text of ['a', 'b']) all.send('dev1', message(text));
	all.send('dev10', message('other'));
	const first = all.take('dev1');
	t.is(textOf(first), 'a');
	const second = all.take('dev1');
	t.is(textOf(second), 'b', 'nobody gets what is out for delivery');
	t.is(all.take('dev1'), undefined);
	if (first !== undefined) t.true(all.abandon('dev1', first));
	if (second !== undefined) t.true(all.complete('dev1', second));
	if (second !== undefined) t.false(all.complete('dev1', second), 'once only');
	const again = all.take('dev1');
	t.is(textOf(again), 'a');
	if (first !== undefined) t.false(all.reject('dev1', first), 'its lock is lost');
	t.deepEqual([all.count('dev1'), all.count('dev10'), all.count('none')], [1, 1, 0]);
	t.is(all.purge('dev1'), 1);
	t.is(all.take('dev1'), undefined);
	t.is(textOf(all.take('dev10')), 'other');
});

test('a message is dropped when it expires, or after so many deliveries', async (t) => {
	const { clock, queues: all } = queues();
	const soon = new Date(clock.now() + 1000).toISOString();
	all.send('dev1', message('soon', [['absolute-expiry-time', soon]]));
	all.send('dev1', message('default'));
	await clock.advance(1000);
	for (let n = 0; n < cloudToDeviceLimits.maxDeliveryCount; n += 1) {
		const taken = all.take('dev1');
		t.is(textOf(taken), 'default');
		if (taken !== undefined) all.abandon('dev1', taken);
	}
	t.is(all.take('dev1'), undefined);
	all.send('dev1', message('old'));
	await clock.advance(cloudToDeviceLimits.timeToLiveMs);
	t.is(all.count('dev1'), 0);
});

test('a queue is limited in length and size, and needs its device', (t) => {
	const { clock, registry, queues: all } = queues();
	for (let n = 0; n < 50; n += 1) all.send('dev1', message(String(n)));
	t.like(
		t.throws(() => all.send('dev1', message('x'))),
		{
			code: 'DeviceMaximumQueueDepthExceeded',
			status: 403,
		},
	);
	t.like(
		t.throws(() => all.send('dev10', message('x'.repeat(65_537)))),
		{
			code: 'MessageTooLarge',
		},
	);
	const expiring = (ms: number) => ({
		...message('x'),
		systemProperties: new Map([['absolute-expiry-time', new Date(clock.now() + ms).toISOString()]]),
	});
	t.notThrows(() => all.send('dev10', expiring(172_800_000)));
	t.like(
		t.throws(() => all.send('dev10', expiring(172_801_000))),
		{ code: 'InvalidMessageExpiryTime', status: 403 },
	);
	const labelled = { ...message('x'.repeat(65_530)), properties: new Map([['label', 'ab']]) };
	t.like(
		t.throws(() => all.send('dev10', labelled)),
		{ code: 'MessageTooLarge' },
	);
	t.like(
		t.throws(() => all.send('none', message('x'))),
		{ code: 'DeviceNotFound' },
	);
	registry.deleteDevice('dev1');
	registry.putDevice('dev1', {});
	t.is(all.count('dev1'), 0, 'a new device does not get what was meant for the old one');
});

test('what waits is still there after a restart, with its delivery count', (t) => {
	const { clock, store, registry, queues: all } = queues();
	all.send('dev1', message('a', [['messageId', 'id 1']]));
	all.send('dev1', message('b'));
	const taken = all.take('dev1');
	const again = new CloudToDeviceQueues(store, registry, clock);
	again.load();
	const restored = again.take('dev1');
	t.is(restored?.deliveryCount, 2);
	t.is(restored?.sequenceNumber, taken?.sequenceNumber);
	t.deepEqual(
		[textOf(restored), restored?.message.properties, restored?.message.systemProperties],
		['a', new Map([['k', 'v']]), new Map([['messageId', 'id 1']])],
	);
	again.send('dev1', message('c'));
	if (restored !== undefined) again.complete('dev1', restored);
	t.is(textOf(again.take('dev1')), 'b');
});

test('a message that nobody settles comes back, and is offered again', async (t) => {
	const { clock, queues: all } = queues();
	all.send('dev1', message('a'));
	const lost = all.take('dev1');
	const offered: string[] = [];
	all.onReady((deviceId) => offered.push(deviceId));
	all.sweep();
	t.deepEqual(offered, []);
	await clock.advance(cloudToDeviceLimits.lockMs);
	all.sweep();
	t.deepEqual(offered, ['dev1']);
	if (lost !== undefined) t.false(all.complete('dev1', lost));
	t.is(all.take('dev1')?.deliveryCount, 2);
});

for (const [ack, wanted] of [
	['full', ['Success', 'Rejected', 'Expired', 'Purged', 'DeliveryCountExceeded']],
	['positive', ['Success']],
	['negative', ['Rejected', 'Expired', 'Purged', 'DeliveryCountExceeded']],
	['none', []],
] as const) {
	test(`feedback on messages with ack=${ack}`, async (t) => {
		const { clock, store, registry, queues: all } = queues();
		const feedback = new ServiceBoundQueue(store, 'feedback', clock);
		keepDeliveryFeedback(all, feedback, registry, () => clock.now());
		const send = (id: string, more: [string, string][] = []) =>
			all.send('dev1', message(id, [['messageId', id], ['ack', ack], ...more]));
		send('done');
		send('refused');
		const [done, refused] = [all.take('dev1'), all.take('dev1')];
		if (done !== undefined) all.complete('dev1', done);
		if (refused !== undefined) all.reject('dev1', refused);
		send('late', [['absolute-expiry-time', new Date(clock.now() - 1).toISOString()]]);
		all.sweep();
		send('purged');
		all.purge('dev1');
		send('again and again');
		for (let taken = all.take('dev1'); taken !== undefined; taken = all.take('dev1')) {
			all.abandon('dev1', taken);
		}
		const restarted = new ServiceBoundQueue(store, 'feedback', clock);
		restarted.load();
		const documents = restarted.take(100)?.documents ?? [];
		t.deepEqual(
			documents.map((document) => document['statusCode']),
			[...wanted],
		);
		if (documents[0] !== undefined) {
			t.like(documents[0], {
				deviceId: 'dev1',
				deviceGenerationId: registry.device('dev1').generationId,
				description: documents[0]['statusCode'],
			});
		}
	});
}

test('what no receiver takes over waits, in its order, for an hour', async (t) => {
	const { clock, store } = queues();
	const queue = new ServiceBoundQueue(store, 'feedback', clock);
	for (const n of [1, 2, 3]) queue.add({ n });
	const batch = queue.take(2);
	t.deepEqual(batch?.documents, [{ n: 1 }, { n: 2 }]);
	if (batch !== undefined) queue.abandon(batch);
	const all = queue.take(10);
	t.deepEqual(all?.documents, [{ n: 1 }, { n: 2 }, { n: 3 }]);
	if (all !== undefined) queue.complete(all);
	t.is(queue.take(10), undefined);
	queue.add({ n: 4 });
	await clock.advance(3_600_000);
	t.is(queue.take(10), undefined);
});

test('what a client did not accept is delivered again when it is back', async (t) => {
	const { clock, queues: all } = queues();
	const connections = new DeviceConnections(clock);
	new CloudToDeviceDelivery(all, connections, silentLogger).begin();
	const delivered: string[] = [];
	let delivering = false;
	const client = (accepts: boolean): DeviceConnection => ({
		identity: { deviceId: 'dev1' },
		admission: { credential: {}, method: { scope: 'device', type: 'sas' }, generationId: '1' },
		receives: () => true,
		sendDesired: () => {},
		sendMethod: () => {},
		get deliveryRoom() {
			return delivering ? 0 : 1;
		},
		deliver: async ({ body }) => {
			delivered.push(Buffer.from(body).toString());
			delivering = true;
			await Promise.resolve();
			delivering = false;
			if (!accepts) throw new Error('gone');
			return 'completed';
		},
		close: () => {},
	});
	for (const text of ['a', 'b']) all.send('dev1', message(text));
	for (const connection of [client(false), client(true)]) {
		connections.add(connection);
		connections.ready(connection, 'cloud-to-device');
		await clock.advance(0);
	}
	all.send('dev1', message('c'));
	await clock.advance(0);
	t.deepEqual(delivered, ['a', 'a', 'b', 'c']);
	t.is(all.count('dev1'), 0);
});
