import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { StoreFullPolicy } from '../../../src/edge-hub/delivery/store-eviction.ts';
import { FileMessageLog } from '../../../src/storage/file-message-log.ts';
import { SqliteKeyValueStore } from '../../../src/storage/sqlite-key-value-store.ts';
import { configurationOf, DeliveryFixture } from '../../support/delivery-fixture.ts';
import { FaultyFileSystem } from '../../support/faulty-file-system.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const routes = {
	urgent: { route: "FROM /messages/* WHERE lane = 'urgent' INTO $upstream", priority: 0 },
	bulk: { route: "FROM /messages/* WHERE lane = 'bulk' INTO $upstream", priority: 9 },
};

/** A store that gets twice as much as it holds, in turns urgent and not, while nothing can be delivered. */
async function overfilled(t: ExecutionContext, storeFull: StoreFullPolicy) {
	const folder = join(await temporaryFolder(t), 'log');
	const log = new FileMessageLog({ folder, maxBytes: 300_000 });
	const hub = new DeliveryFixture(log, { storeFull });
	hub.prepare = (endpoint) => {
		endpoint.ready = false;
	};
	await hub.start(t, routes);
	let refused = 0;
	for (let number = 0; number < 600; number += 1) {
		const lane = number % 2 === 0 ? 'urgent' : 'bulk';
		const body = `${number} ${lane} `.padEnd(1000);
		await hub.ingest('edge1/sensor', body, { lane }).catch(() => {
			refused += 1;
		});
	}
	t.true(log.size.bytes <= 300_000);
	const endpoint = hub.endpoint('iothub');
	endpoint.becomeReady();
	while (log.size.records > 0) await hub.clock.advance(0);
	const delivered = endpoint.delivered.map((body) => {
		const [number, lane] = body.split(' ');
		return { number: Number(number), lane };
	});
	const dropped = hub.counted.filter((line) => line.startsWith('dropped store_full')).length;
	return { refused, dropped, delivered };
}

test('a full store refuses new messages', async (t) => {
	const { refused, dropped, delivered } = await overfilled(t, 'refuse');
	t.true(refused > 250);
	t.is(dropped, 0);
	t.is(delivered.length + refused, 600);
	t.true(delivered.every(({ number }) => number < 300));
});

test('a full store that drops the oldest takes every message and keeps the newest', async (t) => {
	const { refused, dropped, delivered } = await overfilled(t, 'drop-oldest');
	t.is(refused, 0);
	t.is(delivered.length + dropped, 600);
	t.true(delivered.length > 180, `${delivered.length} left`);
	t.true(delivered.every(({ number }) => number >= dropped));
	const numbers = (lane: string) => delivered.filter((one) => one.lane === lane);
	for (const lane of ['urgent', 'bulk']) {
		const found = numbers(lane).map(({ number }) => number);
		t.deepEqual(
			found,
			found.toSorted((a, b) => a - b),
		);
	}
});

test('a full store that drops the lowest priority keeps what is more urgent', async (t) => {
	const { refused, dropped, delivered } = await overfilled(t, 'drop-lowest-priority');
	t.is(refused, 0);
	t.is(delivered.length + dropped, 600);
	const urgent = delivered.filter(({ lane }) => lane === 'urgent').length;
	t.true(urgent > 180, `${urgent} urgent ones left of ${delivered.length}`);
	t.true(urgent > delivered.length - urgent);
});

test('a limit of the configuration gives back the space of what was delivered', async (t) => {
	const folder = join(await temporaryFolder(t), 'log');
	const hub = new DeliveryFixture(new FileMessageLog({ folder, maxBytes: 1e9 }));
	await hub.start(t, routes);
	const storeLimits = { maxSizeBytes: 100_000 };
	hub.delivery.configure(configurationOf(routes, 3600, { storeLimits }));
	for (let number = 0; number < 400; number += 1) {
		await hub.ingest('edge1/sensor', 'x'.repeat(1000), { lane: 'bulk' });
		await hub.clock.advance(0);
	}
	t.is(hub.endpoint('iothub').delivered.length, 400);
	t.true(hub.log.size.bytes <= 100_000);
});

test('messages leave a part of the volume to the key-value store', async (t) => {
	const folder = join(await temporaryFolder(t), 'log');
	const files = new FaultyFileSystem();
	const log = new FileMessageLog({ folder, maxBytes: 1e9, files });
	await log.open(() => {});
	t.teardown(() => log.close());
	files.reportedFree = 8 * 1024 * 1024 + 500;
	await t.throwsAsync(() => log.append(new Uint8Array(), new Uint8Array(1000)), {
		message: /nearly full/,
	});
	files.reportedFree = 8 * 1024 * 1024 + 5000;
	await log.append(new Uint8Array(), new Uint8Array(1000));
	t.is(log.size.records, 1);
});

test('a small volume has room again when its messages are delivered', async (t) => {
	const folder = join(await temporaryFolder(t), 'log');
	const files = new FaultyFileSystem();
	const log = new FileMessageLog({ folder, maxBytes: 1e9, files });
	files.freeBytes = async () => 8 * 1024 * 1024 + 100_000 - log.size.bytes;
	await log.open(() => {});
	t.teardown(() => log.close());
	const append = () => log.append(new Uint8Array(), new Uint8Array(1000));
	const offsets: number[] = [];
	await t.throwsAsync(async () => {
		for (;;) offsets.push(await append());
	});
	for (const offset of offsets.slice(0, -10)) log.release(offset);
	for (let number = 0; number < 80; number += 1) await append();
	t.is(log.size.records, 90);
});

test('a key-value store that exists opens without writing', async (t) => {
	const path = join(await temporaryFolder(t), 'values.sqlite');
	const store = SqliteKeyValueStore.open(path);
	store.set('twins', 'edge1', new Uint8Array(50_000));
	store.close();
	// Less than it has already: any write would fail.
	const full = SqliteKeyValueStore.open(path, { maxBytes: 8192 });
	t.is(full.get('twins', 'edge1')?.length, 50_000);
	full.close();
});
