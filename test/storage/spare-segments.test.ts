import { cp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { FileMessageLog, type FileMessageLogOptions } from '../../src/storage/file-message-log.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

interface OpenedLog {
	readonly log: FileMessageLog;
	readonly recovered: readonly string[];
}

async function open(
	t: ExecutionContext,
	folder: string,
	options: Partial<FileMessageLogOptions> = {},
): Promise<OpenedLog> {
	const log = new FileMessageLog({ maxBytes: 1e6, segmentBytes: 1000, ...options, folder });
	const offsets: number[] = [];
	await log.open(({ offset }) => offsets.push(offset));
	t.teardown(() => log.close());
	const bodies = await Promise.all(offsets.map((offset) => log.read(offset)));
	return { log, recovered: bodies.map(({ body }) => new TextDecoder().decode(body)) };
}

async function filesOf(folder: string, extension: string): Promise<string[]> {
	const names = await readdir(folder);
	return names.filter((name) => name.endsWith(extension)).map((name) => join(folder, name));
}

/** Appends records and releases them until a segment has become a spare. */
async function untilSpare(log: FileMessageLog, clock: FakeClock, folder: string): Promise<string> {
	for (;;) {
		log.release(await log.append(bytes('header'), bytes('old'.padEnd(100))));
		await clock.advance(20);
		const [spare] = await filesOf(folder, '.spare');
		if (spare !== undefined) return spare;
	}
}

test('the file of a segment without live records is written over', async (t) => {
	const clock = new FakeClock();
	const folder = join(await temporaryFolder(t), 'log');
	const { log } = await open(t, folder, { clock });
	const { ino } = await stat(await untilSpare(log, clock, folder));
	for (let count = 0; count < 10; count += 1)
		await log.append(bytes('h'), bytes('new'.padEnd(100)));
	const segments = await filesOf(folder, '.segment');
	const inodes = await Promise.all(segments.map(async (path) => (await stat(path)).ino));
	t.true(inodes.includes(ino));
	t.deepEqual(await filesOf(folder, '.spare'), []);
	await log.close();
	t.deepEqual((await open(t, folder)).recovered, new Array(10).fill('new'.padEnd(100)));
});

test('what a spare held before does not come back, wherever a crash finds the new segment', async (t) => {
	const clock = new FakeClock();
	const folder = join(await temporaryFolder(t), 'log');
	const { log } = await open(t, folder, { clock });
	await untilSpare(log, clock, folder);
	const expected: string[] = [];
	for (let count = 0; count < 20; count += 1) {
		const body = `new ${count}`.padEnd(90);
		await log.append(bytes('h'), bytes(body));
		expected.push(body);
		const copy = `${folder}-${count}`;
		await cp(folder, copy, { recursive: true });
		const crashed = await open(t, copy);
		t.deepEqual(
			crashed.recovered.filter((each) => each.startsWith('new')),
			expected,
		);
		t.is(crashed.log.damaged, 0);
		await crashed.log.close();
	}
});

test('spares that nobody needs go back to the volume, at once when the log is closed', async (t) => {
	const clock = new FakeClock();
	const folder = join(await temporaryFolder(t), 'log');
	const { log } = await open(t, folder, { clock });
	await untilSpare(log, clock, folder);
	await clock.advance(60_000);
	await until(async () => (await filesOf(folder, '.spare')).length === 0);
	await untilSpare(log, clock, folder);
	await log.close();
	t.deepEqual(await filesOf(folder, '.spare'), []);
});

test('files, spares included, never have more bytes than the limit', async (t) => {
	const maxBytes = 20_000;
	const root = await temporaryFolder(t);
	let run = 0;
	const step = fc.record({ size: fc.nat(900), releases: fc.nat(3), wait: fc.boolean() });
	await fc.assert(
		fc.asyncProperty(fc.array(step, { minLength: 60, maxLength: 120 }), async (steps) => {
			run += 1;
			const clock = new FakeClock();
			const folder = join(root, `${run}`);
			const { log } = await open(t, folder, { clock, maxBytes, segmentBytes: 2000 });
			const live: number[] = [];
			for (const { size, releases, wait } of steps) {
				const offset = await log.append(bytes('h'), new Uint8Array(size)).catch(() => undefined);
				if (offset !== undefined) live.push(offset);
				for (const each of live.splice(0, releases)) log.release(each);
				if (wait) await clock.advance(20);
				const used = await bytesIn(folder);
				t.true(used <= maxBytes, `${used} bytes`);
			}
			await log.close();
		}),
		{ numRuns: 10 },
	);
});

async function bytesIn(folder: string): Promise<number> {
	const names = await readdir(folder);
	const sizes = names.map((name) =>
		stat(join(folder, name)).then(
			({ size }) => size,
			() => 0,
		),
	);
	return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** A log that was killed after two writes of three records each. */
async function killedAfterTwoWrites(
	t: ExecutionContext,
): Promise<{ folder: string; path: string }> {
	const folder = join(await temporaryFolder(t), 'log');
	const { log } = await open(t, folder, { segmentBytes: 10_000 });
	for (const group of ['early', 'late']) {
		const bodies = [1, 2, 3].map((number) => bytes(`${group} ${number}`));
		await Promise.all(bodies.map((body) => log.append(bytes('h'), body)));
	}
	const [path = ''] = await filesOf(folder, '.segment');
	return { folder, path };
}

async function damage(path: string, text: string): Promise<void> {
	const content = await readFile(path);
	content[content.indexOf(text)] = 0;
	await writeFile(path, content);
}

test('of a last write that reached the disk in parts only what lies before the first gap counts', async (t) => {
	const { folder, path } = await killedAfterTwoWrites(t);
	await damage(path, 'late 2');
	const { log, recovered } = await open(t, folder);
	t.deepEqual(recovered, ['early 1', 'early 2', 'early 3', 'late 1']);
	t.is(log.damaged, 0);
	await log.append(bytes('h'), bytes('repeated'));
	await log.close();
	t.is((await open(t, folder)).recovered.at(-1), 'repeated');
});

test('damage in a write that others followed costs the damaged record only, and is counted', async (t) => {
	const { folder, path } = await killedAfterTwoWrites(t);
	await damage(path, 'early 1');
	const { log, recovered } = await open(t, folder);
	t.deepEqual(recovered, ['early 2', 'early 3', 'late 1', 'late 2', 'late 3']);
	t.is(log.damaged, 1);
});
