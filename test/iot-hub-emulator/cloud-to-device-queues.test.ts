import test from 'ava';
import { CloudToDeviceDelivery } from '../../src/iot-hub-emulator/cloud-to-device/cloud-to-device-delivery.ts';
import {
	CloudToDeviceQueues,
	cloudToDeviceLimits,
} from '../../src/iot-hub-emulator/cloud-to-device/cloud-to-device-queues.ts';
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
	t.is(textOf(all.take('dev1')), 'a', 'until it is completed');
	if (first !== undefined) all.complete('dev1', first);
	t.is(textOf(all.take('dev1')), 'b');
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
	t.is(textOf(all.take('dev1')), 'default');
	for (let n = 1; n < cloudToDeviceLimits.maxDeliveryCount; n += 1) {
		t.is(textOf(all.take('dev1')), 'default');
	}
	t.is(all.take('dev1'), undefined);
	all.send('dev1', message('old'));
	await clock.advance(cloudToDeviceLimits.timeToLiveMs);
	t.is(all.count('dev1'), 0);
});

test('a queue is limited in length and size, and needs its device', (t) => {
	const { registry, queues: all } = queues();
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

test('what a client did not accept is delivered again when it is back', async (t) => {
	const { clock, queues: all } = queues();
	const connections = new DeviceConnections(clock);
	new CloudToDeviceDelivery(all, connections, silentLogger).begin();
	const delivered: string[] = [];
	const client = (accepts: boolean): DeviceConnection => ({
		identity: { deviceId: 'dev1' },
		admission: { credential: {}, method: { scope: 'device', type: 'sas' }, generationId: '1' },
		receives: () => true,
		sendDesired: () => {},
		sendMethod: () => {},
		deliver: async ({ body }) => {
			delivered.push(Buffer.from(body).toString());
			if (!accepts) throw new Error('gone');
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
