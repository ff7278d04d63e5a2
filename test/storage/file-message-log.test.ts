import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { EdgeError } from '../../src/runtime/edge-error.ts';
import { FileMessageLog, type FileMessageLogOptions } from '../../src/storage/file-message-log.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FaultyFileSystem } from '../support/faulty-file-system.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array) => new TextDecoder().decode(value);
const codeOf = (error: unknown) => (error instanceof EdgeError ? error.code : error);

/** Opens a log; returns it with the bodies of what it recovered, by offset. */
async function open(t: ExecutionContext, options: Partial<FileMessageLogOptions>) {
	const folder = options.folder ?? join(await temporaryFolder(t), 'log');
	const log = new FileMessageLog({ maxBytes: 1e9, ...options, folder });
	const offsets: number[] = [];
	await log.open(({ offset }) => offsets.push(offset));
	t.teardown(() => log.close());
	const recovered = new Map<number, string>();
	for (const offset of offsets) recovered.set(offset, text((await log.read(offset)).body));
	return { log, folder, recovered };
}

async function filesOf(folder: string, extension: string): Promise<string[]> {
	const names = await readdir(folder);
	return names.filter((name) => name.endsWith(extension)).map((name) => join(folder, name));
}

async function withThreeRecords(t: ExecutionContext): Promise<{ folder: string; path: string }> {
	const { log, folder } = await open(t, {});
	for (const body of ['first', 'second', 'third']) await log.append(bytes('header'), bytes(body));
	await log.close();
	const [path = ''] = await filesOf(folder, '.segment');
	return { folder, path };
}

test('a last record that was torn at any byte is cut off, and the log goes on behind the others', async (t) => {
	const { folder, path } = await withThreeRecords(t);
	const size = (await readFile(path)).byteLength;
	const start = size - 'headerthird'.length - 36;
	for (let length = start; length < size; length += 1) {
		const copy = `${folder}-${length}`;
		await cp(folder, copy, { recursive: true });
		await truncate(path.replace(folder, copy), length);
		const { log, recovered } = await open(t, { folder: copy });
		t.deepEqual([...recovered.values()], ['first', 'second'], `torn at ${length}`);
		t.is(log.damaged, 0);
		await log.append(bytes('header'), bytes('fourth'));
		await log.close();
		const again = await open(t, { folder: copy });
		t.deepEqual([...again.recovered.values()], ['first', 'second', 'fourth']);
		await again.log.close();
	}
});

test('a record that is damaged at any byte is skipped and counted, those around it are kept', async (t) => {
	const { folder, path } = await withThreeRecords(t);
	const good = await readFile(path);
	const start = 8 + 36 + 'headerfirst'.length;
	for (let position = start; position < start + 36 + 'headersecond'.length; position += 1) {
		const bad = Buffer.from(good);
		bad[position] = (bad[position] ?? 0) ^ 0x41;
		const copy = `${folder}-${position}`;
		await mkdir(copy);
		await writeFile(path.replace(folder, copy), bad);
		const { log, recovered } = await open(t, { folder: copy });
		t.deepEqual([...recovered.values()], ['first', 'third'], `damaged at ${position}`);
		t.is(log.damaged, 1);
		t.true((await log.append(bytes('h'), bytes('b'))) > 2);
		await log.close();
	}
});

test('bytes of a message that look like a record do not become one when the disk is damaged', async (t) => {
	const { path, folder } = await withThreeRecords(t);
	const forged = (await readFile(path)).subarray(8);
	const { log } = await open(t, { folder });
	await log.append(bytes('h'), forged);
	await log.append(bytes('h'), bytes('last'));
	await log.close();
	const whole = await readFile(path);
	const position = whole.lastIndexOf(forged) - 20;
	whole[position] = (whole[position] ?? 0) ^ 1;
	const other = (await open(t, {})).folder;
	await writeFile(join(other, '0000000000000000-0000000000000000-0-00000001.segment'), whole);
	// Under another name the checksums of every frame are wrong: nothing of it is believed.
	t.is((await open(t, { folder: other })).recovered.size, 0);
	await writeFile(path, whole);
	const { recovered } = await open(t, { folder });
	t.deepEqual([...recovered.values()], ['first', 'second', 'third', 'last']);
});

test('a body that has changed on disk is not handed out', async (t) => {
	const { folder, path } = await withThreeRecords(t);
	const { log } = await open(t, { folder });
	const file = await readFile(path);
	file[file.indexOf('second')] = 0;
	await writeFile(path, file);
	t.is(codeOf(await t.throwsAsync(() => log.read(1))), 'EDGE_STORAGE_CORRUPT');
	t.is(text((await log.read(2)).body), 'third');
});

test('a segment with damaged first bytes is read, one of a later version is refused', async (t) => {
	const { folder, path } = await withThreeRecords(t);
	const file = await readFile(path);
	file.write('WRONG!');
	await writeFile(path, file);
	const { log, recovered } = await open(t, { folder });
	t.is(recovered.size, 3);
	await log.append(bytes('h'), bytes('b'));
	await log.close();
	file.write('IEKLOG');
	file.writeUInt16LE(3, 6);
	await writeFile(path, file);
	const later = new FileMessageLog({ folder, maxBytes: 1e9 });
	t.is(codeOf(await t.throwsAsync(() => later.open(() => {}))), 'EDGE_STORAGE_VERSION');
});

test('one sync serves all appends that wait', async (t) => {
	const files = new FaultyFileSystem();
	const { log } = await open(t, { files });
	const before = files.syncs;
	await Promise.all(Array.from({ length: 500 }, () => log.append(bytes('h'), bytes('b'))));
	t.true(files.syncs - before <= 3, `${files.syncs - before} syncs`);
});

test('segments whose records are released go away, and offsets do not start again', async (t) => {
	const { log, folder } = await open(t, { segmentBytes: 1000 });
	let last = 0;
	for (let count = 0; count < 100; count += 1) {
		last = await log.append(bytes('h'), new Uint8Array(100));
		log.release(last);
	}
	await log.close();
	t.true((await filesOf(folder, '.segment')).length <= 2);
	const second = await open(t, { folder, segmentBytes: 1000 });
	t.is(second.recovered.size, 0);
	t.true((await second.log.append(bytes('h'), bytes('b'))) > last);
});

test('a few stuck records do not hold the space of all that came after them', async (t) => {
	const clock = new FakeClock();
	const { log, folder } = await open(t, { segmentBytes: 2000, clock });
	const stuck: number[] = [];
	for (let count = 0; count < 1000; count += 1) {
		const offset = await log.append(bytes('h'), bytes(`${count}`.padEnd(100)), 2);
		if (count % 100 === 0) {
			stuck.push(offset);
			log.release(offset, 1);
		} else {
			log.release(offset, 0);
			log.release(offset, 1);
		}
		if (count % 50 === 0) await clock.advance(20);
	}
	await clock.advance(2000);
	t.true(log.size.bytes < 20_000, `${log.size.bytes} bytes`);
	t.is(log.size.records, 10);
	for (const [index, offset] of stuck.entries()) {
		t.is(text((await log.read(offset)).body).trim(), `${index * 100}`);
	}
	await log.close();
	const { recovered, log: second } = await open(t, { folder });
	t.deepEqual([...recovered.keys()], stuck);
	for (const offset of stuck) second.release(offset, 0);
	t.is(second.size.records, 0);
});

test('sources of a compaction that a crash left behind bring nothing back', async (t) => {
	const clock = new FakeClock();
	const { log, folder } = await open(t, { segmentBytes: 2000, clock });
	const offsets = await Promise.all(
		Array.from({ length: 300 }, (_, index) =>
			log.append(bytes('h'), bytes(`${index}`.padEnd(100))),
		),
	);
	await clock.advance(100);
	const before = `${folder}-before`;
	await cp(folder, before, { recursive: true });
	const kept = offsets.filter((_, index) => index % 50 === 0);
	for (const offset of offsets) if (!kept.includes(offset)) log.release(offset);
	await clock.advance(5000);
	await log.close();
	t.true((await filesOf(folder, '.segment')).some((path) => /-[1-9]-/.test(path)));
	for (const path of await filesOf(before, '.segment'))
		await cp(path, path.replace(before, folder));
	const second = await open(t, { folder });
	const compacted = kept.filter((offset) => second.recovered.has(offset));
	t.deepEqual(compacted, kept);
	const replaced = offsets.slice(0, 250).filter((offset) => !kept.includes(offset));
	t.deepEqual(
		replaced.filter((offset) => second.recovered.has(offset)),
		[],
	);
});

test('what is released while its segment is being compacted stays released', async (t) => {
	const clock = new FakeClock();
	const files = new FaultyFileSystem();
	const { log, folder } = await open(t, { segmentBytes: 2000, clock, files });
	const offsets = await Promise.all(
		Array.from({ length: 300 }, () => log.append(bytes('h'), bytes('x'.repeat(100)), 2)),
	);
	const sparse = offsets.filter((offset) => offset % 20 === 0);
	const [first = -1, second = -1] = sparse;
	let compactions = 0;
	files.beforeRename = () => {
		compactions += 1;
		log.release(first, 1);
		log.release(second, 0);
		log.release(second, 1);
	};
	for (const offset of offsets) {
		for (const part of sparse.includes(offset) ? [] : [0, 1]) log.release(offset, part);
	}
	await clock.advance(20);
	await log.close();
	t.true(compactions > 0);
	t.is(log.size.records, sparse.length - 1);
	const pending: number[][] = [];
	const again = new FileMessageLog({ folder, maxBytes: 1e9 });
	await again.open((record) => pending.push([record.offset, record.pending]));
	t.teardown(() => again.close());
	t.deepEqual(pending.slice(0, 2), [
		[first, 0b01],
		[sparse[2] ?? -1, 0b11],
	]);
});

test('the offset of a released record is not used again when the record itself is gone', async (t) => {
	const { folder, path } = await withThreeRecords(t);
	const { log } = await open(t, { folder });
	log.release(2);
	await log.close();
	await truncate(path, (await readFile(path)).byteLength - 1);
	const second = await open(t, { folder });
	const offset = await second.log.append(bytes('h'), bytes('new'));
	t.true(offset > 2);
	await second.log.close();
	const { recovered } = await open(t, { folder });
	t.is(recovered.get(offset), 'new');
});

test('a full disk refuses appends, loses nothing, and is used again when space returns', async (t) => {
	const files = new FaultyFileSystem();
	const { log, folder } = await open(t, { files, segmentBytes: 2000 });
	const kept = await log.append(bytes('h'), bytes('kept'));
	files.free = 1200;
	const stored: number[] = [];
	const error = await t.throwsAsync(async () => {
		for (;;) stored.push(await log.append(bytes('h'), new Uint8Array(100)));
	});
	t.is(codeOf(error), 'EDGE_STORAGE_FULL');
	t.true(stored.length >= 5);
	await t.throwsAsync(() => log.append(bytes('h'), new Uint8Array(100)));
	t.is(text((await log.read(kept)).body), 'kept');
	for (const offset of stored) log.release(offset);
	files.free = 10_000;
	const after = await log.append(bytes('h'), bytes('after'));
	await log.close();
	const { recovered, log: second } = await open(t, { folder });
	t.deepEqual(
		[...recovered],
		[
			[kept, 'kept'],
			[after, 'after'],
		],
	);
	t.is(second.damaged, 0);
});

test('after a failed sync the log goes on in a new file, and keeps what it acknowledged', async (t) => {
	const files = new FaultyFileSystem();
	const { log, folder } = await open(t, { files });
	await log.append(bytes('h'), bytes('before'));
	files.failSyncs = true;
	const error = await t.throwsAsync(() => log.append(bytes('h'), bytes('unknown')));
	t.is(codeOf(error), 'EDGE_STORAGE_FAILED');
	await t.throwsAsync(() => log.append(bytes('h'), bytes('unknown')));
	files.failSyncs = false;
	await log.append(bytes('h'), bytes('after'));
	await log.close();
	t.is((await filesOf(folder, '.segment')).length, 2);
	const { recovered } = await open(t, { folder });
	t.deepEqual([...recovered.values()], ['before', 'after']);
});

test('a log on a full disk opens, so that what it holds can be delivered', async (t) => {
	const { folder } = await withThreeRecords(t);
	const files = new FaultyFileSystem();
	files.free = 0;
	const { log, recovered } = await open(t, { folder, files });
	t.is(recovered.size, 3);
	t.is(codeOf(await t.throwsAsync(() => log.append(bytes('h'), bytes('b')))), 'EDGE_STORAGE_FULL');
});

test('agrees with a model through appends, releases, restarts and crashes', async (t) => {
	const operation = fc.oneof(
		{
			weight: 6,
			arbitrary: fc.record({ append: fc.nat(300), parts: fc.integer({ min: 1, max: 3 }) }),
		},
		{ weight: 5, arbitrary: fc.record({ release: fc.nat(1000) }) },
		{ weight: 1, arbitrary: fc.constantFrom('restart', 'crash', 'wait') },
	);
	const folder = await temporaryFolder(t);
	let run = 0;
	await fc.assert(
		fc.asyncProperty(fc.array(operation, { maxLength: 120 }), async (operations) => {
			run += 1;
			await agreesWithModel(t, join(folder, `${run}`), operations);
		}),
		{ numRuns: 12 },
	);
});

type Operation = { append: number; parts: number } | { release: number } | string;

async function agreesWithModel(
	t: ExecutionContext,
	folder: string,
	operations: readonly Operation[],
): Promise<void> {
	const model = new ModelledLog(t, folder);
	await model.reopen();
	for (const operation of operations) {
		if (typeof operation === 'string') await model.interrupt(operation);
		else if ('append' in operation) await model.append(operation.append, operation.parts);
		else model.release(operation.release);
	}
	await model.interrupt('restart');
	await model.interrupt('crash');
	await model.close();
}

/** A log, and what must be in it. A part of a record is `offset:part`. */
class ModelledLog {
	readonly #t: ExecutionContext;
	readonly #folder: string;
	#clock = new FakeClock();
	#files = new FaultyFileSystem();
	#log: FileMessageLog | undefined;
	readonly #bodies = new Map<number, string>();
	readonly #owed = new Set<string>();
	/** Released, and not yet sure to stay so after a crash. */
	readonly #uncertain = new Set<string>();

	constructor(t: ExecutionContext, folder: string) {
		this.#t = t;
		this.#folder = folder;
	}

	async append(length: number, parts: number): Promise<void> {
		const body = 'x'.repeat(length);
		const offset = (await this.#log?.append(bytes('header'), bytes(body), parts)) ?? -1;
		this.#t.false(this.#bodies.has(offset));
		this.#bodies.set(offset, body);
		for (let part = 0; part < parts; part += 1) this.#owed.add(`${offset}:${part}`);
	}

	release(choice: number): void {
		const released = [...this.#owed][choice % Math.max(1, this.#owed.size)];
		if (released === undefined) return;
		const [offset = 0, part = 0] = released.split(':').map(Number);
		this.#log?.release(offset, part);
		this.#owed.delete(released);
		this.#uncertain.add(released);
	}

	async close(): Promise<void> {
		await this.#log?.close();
	}

	async interrupt(how: string): Promise<void> {
		if (how === 'wait') {
			await this.#clock.advance(1100);
			return;
		}
		if (how === 'restart') {
			await this.#log?.close();
			this.#uncertain.clear();
		} else await this.#files.crash();
		await this.reopen();
	}

	async reopen(): Promise<void> {
		this.#clock = new FakeClock();
		this.#files = new FaultyFileSystem();
		const { clock, files, folder } = {
			clock: this.#clock,
			files: this.#files,
			folder: this.#folder,
		};
		const log = new FileMessageLog({ folder, maxBytes: 1e9, segmentBytes: 700, clock, files });
		this.#log = log;
		const found = new Set<string>();
		const offsets: number[] = [];
		await log.open(({ offset, pending }) => {
			offsets.push(offset);
			for (let part = 0; part < 32; part += 1) {
				if (pending & (1 << part)) found.add(`${offset}:${part}`);
			}
		});
		this.#t.deepEqual(
			offsets,
			[...offsets].sort((a, b) => a - b),
		);
		for (const offset of offsets)
			this.#t.is(this.#bodies.get(offset), text((await log.read(offset)).body));
		const lost = [...this.#owed].filter((part) => !found.has(part));
		const allowed = new Set([...this.#owed, ...this.#uncertain]);
		const returned = [...found].filter((part) => !allowed.has(part));
		this.#t.deepEqual({ lost, returned }, { lost: [], returned: [] });
		for (const part of found) this.#owed.add(part);
		this.#uncertain.clear();
	}
}

test('what a process acknowledged before it was killed is there, in eight rounds', async (t) => {
	const folder = join(await temporaryFolder(t), 'log');
	const program = join(import.meta.dirname, '../support/appending-process.ts');
	const owed = new Map<number, string>();
	let acknowledged = 0;
	for (let round = 0; round < 8; round += 1) {
		const child = spawn(process.execPath, [program, folder], {
			stdio: ['ignore', 'pipe', 'inherit'],
		});
		let output = '';
		child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
			if (output === '') setTimeout(() => child.kill('SIGKILL'), 20 + round * 10);
			output += chunk;
		});
		await once(child, 'close');
		for (const line of output.split('\n').slice(0, -1)) {
			const offset = Number.parseInt(line.slice(1), 10);
			if (line.startsWith('-')) owed.delete(offset);
			else {
				acknowledged += 1;
				owed.set(offset, line.slice(line.indexOf(' ') + 1));
			}
		}
		const { log, recovered } = await open(t, { folder });
		t.is(log.damaged, 0);
		await log.close();
		const lost = [...owed].filter(([offset, body]) => recovered.get(offset) !== body);
		t.deepEqual(lost, [], `round ${round}`);
	}
	t.true(acknowledged > 100);
	t.log(`${acknowledged} appends acknowledged, none lost`);
});
