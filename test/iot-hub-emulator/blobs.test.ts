import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import test from 'ava';
import fc from 'fast-check';
import {
	type BlobBytes,
	FileBlobBytes,
	MemoryBlobBytes,
} from '../../src/iot-hub-emulator/files/blob-bytes.ts';
import { BlobSignature } from '../../src/iot-hub-emulator/files/blob-signature.ts';
import { Blobs } from '../../src/iot-hub-emulator/files/blobs.ts';
import { MemoryKeyValueStore } from '../../src/storage/memory-key-value-store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const bytesOf = (...texts: string[]) => Readable.from(texts.map((text) => Buffer.from(text)));

async function textOf(parts: AsyncIterable<Uint8Array>): Promise<string> {
	let text = '';
	for await (const part of parts) text += Buffer.from(part).toString();
	return text;
}

for (const [kind, make] of [
	['memory', async () => new MemoryBlobBytes()],
	['files', async (t) => new FileBlobBytes(await temporaryFolder(t))],
] as const satisfies [string, (t: Parameters<typeof temporaryFolder>[0]) => Promise<BlobBytes>][]) {
	test(`${kind}: bytes are written, read, replaced and removed, alone or with all below`, async (t) => {
		const blobs = await make(t);
		t.is(await blobs.write('c/a/1', bytesOf('on', 'e')), 3);
		await blobs.write('c/a/2', bytesOf('two'));
		await blobs.write('c/a/1', bytesOf('new'));
		t.is(await textOf(blobs.read('c/a/1')), 'new');
		await blobs.remove('c/a');
		await blobs.remove('c/a');
		await t.throwsAsync(textOf(blobs.read('c/a/2')));
	});
}

test('no name of a blob leads out of the folder or to another blob', async (t) => {
	const folder = await temporaryFolder(t);
	const blobs = new FileBlobBytes(join(folder, 'in', 'side'));
	const segment = fc.oneof(
		fc.constantFrom('..', '.', '', '~', 'a~', '%2E%2E', '\\', '..\\..', 'ä', ' ', '%', 'CON'),
		fc.string({ maxLength: 10 }).map((text) => text.replaceAll('/', '')),
	);
	const names = fc.uniqueArray(
		fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => `blob/${parts.join('/')}/end`),
		{ minLength: 1, maxLength: 3 },
	);
	let run = 0;
	await fc.assert(
		fc.asyncProperty(names, async (all) => {
			run += 1;
			for (const name of all) await blobs.write(`${run}/${name}`, bytesOf(name));
			for (const name of all) {
				if ((await textOf(blobs.read(`${run}/${name}`))) !== name) return false;
			}
			return true;
		}),
		{ numRuns: 60 },
	);
	t.deepEqual(await readdir(folder), ['in']);
	t.deepEqual(await readdir(join(folder, 'in')), ['side']);
});

test('blocks become a blob in the order of the list, whatever was left before', async (t) => {
	const folder = await temporaryFolder(t);
	const store = new MemoryKeyValueStore();
	const blobs = new Blobs(store, new FileBlobBytes(folder), new FakeClock());
	await blobs.putBlock('c', 'x', 'b', Buffer.from('B'));
	await blobs.load();
	const missing = blobs.putBlockList('c', 'x', ['b']);
	await t.throwsAsync(missing, { message: /block that is not there/ });
	await blobs.putBlock('c', 'x', 'b', Buffer.from('B'));
	await blobs.putBlock('c', 'x', 'a', Buffer.from('A'));
	const blob = await blobs.putBlockList('c', 'x', ['a', 'b', 'a'], 'text/plain');
	t.like(blob, { size: 3, contentType: 'text/plain' });
	t.is(await readFile(join(folder, 'c/x'), 'utf8'), 'ABA');
	const below = blobs.put('c', 'x/y', bytesOf('z'));
	await t.throwsAsync(below, { message: /name of a folder/ });
	await t.throwsAsync(blobs.put('c', 'x//y', bytesOf('z')), { message: /empty or too long/ });
	await blobs.delete('c', 'x');
	await t.throwsAsync(blobs.delete('c', 'x'), { message: /no blob x/ });
});

test('a signature opens its blob, or its container, for its rights and its time', (t) => {
	const signature = new BlobSignature(new MemoryKeyValueStore());
	const query = (text: string) => new URLSearchParams(text.slice(1));
	const blob = query(signature.create('c', 'dir/a', 'rw', 10_000));
	const container = query(signature.create('c', undefined, 'r', 10_000));
	t.notThrows(() => signature.require(blob, 'c', 'dir/a', 'w', 9_000));
	t.notThrows(() => signature.require(container, 'c', 'dir/b', 'r', 9_000));
	const refused = { message: /does not open/ };
	t.throws(() => signature.require(blob, 'c', 'dir/a', 'w', 10_000), refused, 'too late');
	t.throws(() => signature.require(blob, 'c', 'dir/a', 'd', 0), refused, 'another right');
	t.throws(() => signature.require(blob, 'c', 'dir/b', 'r', 0), refused, 'another blob');
	t.throws(() => signature.require(container, 'd', 'a', 'r', 0), refused, 'another container');
	for (const name of ['se', 'sp', 'sr', 'sig']) {
		const changed = new URLSearchParams(container);
		changed.set(name, name === 'se' ? '2100-01-01T00:00:00Z' : 'rwd');
		t.throws(() => signature.require(changed, 'c', 'a', 'r', 0), refused, name);
	}
});
