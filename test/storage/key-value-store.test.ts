import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'ava';
import { EdgeError } from '../../src/runtime/edge-error.ts';
import { MemoryKeyValueStore } from '../../src/storage/memory-key-value-store.ts';
import { SqliteKeyValueStore } from '../../src/storage/sqlite-key-value-store.ts';
import { keyValueStoreContract } from '../contract/key-value-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

keyValueStoreContract('memory', async () => new MemoryKeyValueStore());
keyValueStoreContract('sqlite', async (t) => {
	const store = SqliteKeyValueStore.open(join(await temporaryFolder(t), 'store.db'));
	t.teardown(() => store.close());
	return store;
});

const codeOf = (error: unknown) => (error instanceof EdgeError ? error.code : error);

test('a store that is opened again has what was written, and nothing of a broken transaction', async (t) => {
	const path = join(await temporaryFolder(t), 'store.db');
	const first = SqliteKeyValueStore.open(path);
	first.set('c', 'kept', Buffer.from('1'));
	try {
		first.transaction(() => {
			first.set('c', 'lost', Buffer.from('2'));
			throw new Error('no');
		});
	} catch {
		// as intended
	}
	first.close();
	first.close();
	const second = SqliteKeyValueStore.open(path);
	t.teardown(() => second.close());
	t.deepEqual(
		[...second.entries('c')].map(([key]) => key),
		['kept'],
	);
});

test('a file that another store has open is refused', async (t) => {
	const path = join(await temporaryFolder(t), 'store.db');
	const first = SqliteKeyValueStore.open(path);
	t.teardown(() => first.close());
	const error = t.throws(() => SqliteKeyValueStore.open(path, { lockTimeout: 10 }));
	t.is(codeOf(error), 'EDGE_STORAGE_LOCKED');
});

test('a file of a later version, and a file that is none of ours, are refused', async (t) => {
	const folder = await temporaryFolder(t);
	const later = new DatabaseSync(join(folder, 'later.db'));
	later.exec('PRAGMA user_version = 99');
	later.close();
	await writeFile(join(folder, 'other.db'), 'these bytes are not a database at all, whatever');
	const codes = ['later.db', 'other.db'].map((name) =>
		codeOf(t.throws(() => SqliteKeyValueStore.open(join(folder, name)))),
	);
	t.deepEqual(codes, ['EDGE_STORAGE_VERSION', 'EDGE_STORAGE_CORRUPT']);
});

test('a full store says so, keeps what it has, and takes more when something was deleted', async (t) => {
	const path = join(await temporaryFolder(t), 'store.db');
	const store = SqliteKeyValueStore.open(path, { maxBytes: 100_000 });
	t.teardown(() => store.close());
	const value = new Uint8Array(10_000);
	let stored = 0;
	const error = t.throws(() => {
		for (; stored < 100; stored += 1) store.set('c', `k${stored}`, value);
	});
	t.is(codeOf(error), 'EDGE_STORAGE_FULL');
	t.is([...store.entries('c')].length, stored);
	const inTransaction = t.throws(() =>
		store.transaction(() => {
			store.delete('c', 'k0');
			for (let more = 0; more < 5; more += 1) store.set('c', `more${more}`, value);
		}),
	);
	t.is(codeOf(inTransaction), 'EDGE_STORAGE_FULL');
	t.is([...store.entries('c')].length, stored);
	store.delete('c', 'k0');
	store.set('c', 'again', value);
	t.is(store.get('c', 'again')?.byteLength, 10_000);
});

test('space of deleted values goes back to the file system', async (t) => {
	const path = join(await temporaryFolder(t), 'store.db');
	const store = SqliteKeyValueStore.open(path);
	store.transaction(() => {
		for (let key = 0; key < 1000; key += 1) store.set('c', `k${key}`, new Uint8Array(10_000));
	});
	store.transaction(() => {
		for (let key = 0; key < 1000; key += 1) store.delete('c', `k${key}`);
	});
	store.set('c', 'last', new Uint8Array(1));
	store.close();
	t.true((await stat(path)).size < 2_000_000);
});
