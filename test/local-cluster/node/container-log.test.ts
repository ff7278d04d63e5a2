import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ExecutionContext, default as test } from 'ava';
import { ContainerLog } from '../../../src/local-cluster/node/container-log.ts';
import { type LogReading, readLog } from '../../../src/local-cluster/node/log-reader.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const start = Date.parse('2026-01-01T00:00:00Z');

async function newLog(t: ExecutionContext, maxBytes = 1_000_000) {
	const clock = new FakeClock(start);
	const log = new ContainerLog(join(await temporaryFolder(t), 'a', '0.log'), { clock, maxBytes });
	await log.open();
	return { log, clock };
}

async function text(log: ContainerLog, reading: LogReading = {}): Promise<string> {
	const pieces: Buffer[] = [];
	for await (const piece of readLog(log, reading, new AbortController().signal)) pieces.push(piece);
	return Buffer.concat(pieces).toString();
}

test('lines come back whole, however they were written', async (t) => {
	const { log } = await newLog(t);
	for (const part of ['one\ntw', 'o\n', '\n', 'grün'.slice(0, 2), 'ün\nlast']) {
		log.write('stdout', Buffer.from(part));
	}
	await log.end();
	t.is(await text(log), 'one\ntwo\n\ngrün\nlast\n');
});

test('stdout and stderr do not mix within a line', async (t) => {
	const { log } = await newLog(t);
	log.write('stdout', Buffer.from('out'));
	log.write('stderr', Buffer.from('error\n'));
	log.write('stdout', Buffer.from('put\n'));
	await log.end();
	t.is(await text(log), 'error\noutput\n');
});

test('only the last lines, only since a time, with times, only so many bytes', async (t) => {
	const { log, clock } = await newLog(t);
	for (const line of ['one', 'two', 'three']) {
		log.write('stdout', Buffer.from(`${line}\n`));
		await clock.advance(1000);
	}
	await log.end();
	t.is(await text(log, { tailLines: 2 }), 'two\nthree\n');
	t.is(await text(log, { tailLines: 0 }), '');
	t.is(await text(log, { since: start + 1000 }), 'two\nthree\n');
	t.is(
		await text(log, { tailLines: 1, timestamps: true }),
		'2026-01-01T00:00:02.000000000Z three\n',
	);
	t.is(await text(log, { limitBytes: 5 }), 'one\nt');
});

test('a very long line is stored in parts and shown as one', async (t) => {
	const { log } = await newLog(t);
	const line = 'x'.repeat(50_000);
	log.write('stdout', Buffer.from(`${line}\nshort\n`));
	await log.end();
	t.is(await text(log), `${line}\nshort\n`);
});

test('following shows what is there, then what comes, and ends with the run', async (t) => {
	const { log } = await newLog(t);
	log.write('stdout', Buffer.from('before\n'));
	const followed = readLog(log, { follow: true }, new AbortController().signal);
	t.is(String((await followed.next()).value), 'before\n');
	const next = followed.next();
	log.write('stdout', Buffer.from('after\n'));
	t.is(String((await next).value), 'after\n');
	const end = followed.next();
	await log.end();
	t.true((await end).done);
});

test('following ends when the reader goes away', async (t) => {
	const { log } = await newLog(t);
	const abort = new AbortController();
	const next = readLog(log, { follow: true }, abort.signal).next();
	setImmediate(() => abort.abort());
	await t.throwsAsync(next, { name: 'AbortError' });
	await log.end();
});

test('a log that grows is put aside: its size is bounded and a follower misses nothing', async (t) => {
	const { log } = await newLog(t, 2000);
	const followed: string[] = [];
	const follow = (async () => {
		for await (const piece of readLog(log, { follow: true }, new AbortController().signal)) {
			followed.push(piece.toString());
		}
	})();
	const lines = Array.from({ length: 200 }, (_, index) => `line ${index}\n`);
	for (const [index, line] of lines.entries()) {
		log.write('stdout', Buffer.from(line));
		// A follower that is behind by two files loses lines, as in every cluster: let it keep up.
		if (index % 20 === 0) await until(() => followed.join('').endsWith(line));
	}
	await log.end();
	await follow;
	t.is(followed.join(''), lines.join(''));
	const { size } = await stat(log.file);
	const older = await stat(`${log.file}.1`);
	t.true(size + older.size < 5000);
	const left = await text(log);
	t.true(left.endsWith('line 199\n') && left.length < 5000);
});

test('the log of an earlier life of the node can be read', async (t) => {
	const { log, clock } = await newLog(t);
	log.write('stdout', Buffer.from('before the restart\n'));
	await log.end();
	const again = new ContainerLog(log.file, { clock, maxBytes: 1000 });
	await again.openEnded();
	t.is(await text(again, { follow: true }), 'before the restart\n');
});
