import test from 'ava';
import { Backoff } from '../../src/runtime/backoff.ts';
import { EdgeError } from '../../src/runtime/edge-error.ts';
import { type Lifecycle, startAll } from '../../src/runtime/lifecycle.ts';
import { FakeClock } from '../support/fake-clock.ts';

test('delays double up to the longest and begin again after a success', (t) => {
	const backoff = new Backoff({ initial: 100, max: 1000, random: () => 0 });
	t.deepEqual(
		[1, 2, 3, 4, 5, 6].map(() => backoff.next()),
		[100, 200, 400, 800, 1000, 1000],
	);
	t.is(backoff.failures, 6);
	backoff.reset();
	t.is(backoff.next(), 100);
});

test('jitter shortens a delay and never lengthens it', (t) => {
	const backoff = new Backoff({ initial: 1000, max: 1000, jitter: 0.5, random: () => 0.5 });
	t.is(backoff.next(), 750);
});

function part(name: string, log: string[], fails = false): Lifecycle {
	return {
		start: async () => {
			if (fails) throw new Error(`${name} fails`);
			log.push(`start ${name}`);
		},
		stop: async () => void log.push(`stop ${name}`),
	};
}

test('parts stop in the reverse order of their start, once', async (t) => {
	const log: string[] = [];
	const stop = await startAll([part('a', log), part('b', log)]);
	await stop();
	await stop();
	t.deepEqual(log, ['start a', 'start b', 'stop b', 'stop a']);
});

test('when a part fails to start, those before it are stopped', async (t) => {
	const log: string[] = [];
	const starting = startAll([part('a', log), part('b', log, true), part('c', log)]);
	await t.throwsAsync(starting, { message: 'b fails' });
	t.deepEqual(log, ['start a', 'stop a']);
});

test('an error says its code, where, what and what to do', (t) => {
	const error = new EdgeError('EDGE_TOKEN_INVALID', 'The token lacks sr.', { where: 'module a' });
	t.regex(error.toString(), /^EDGE_TOKEN_INVALID module a: The token lacks sr\. Make a new token/);
});

test('the fake clock runs timers in order, and lets the wall clock jump without them', async (t) => {
	const clock = new FakeClock(0);
	const log: number[] = [];
	clock.after(30, () => log.push(clock.now()));
	using every = clock.every(20, () => log.push(clock.now()));
	t.truthy(every);
	const slept = clock.sleep(25).then(() => log.push(-clock.now()));
	await clock.advance(40);
	await slept;
	t.deepEqual(log, [20, -25, 30, 40]);
	clock.jump(1000);
	t.is(clock.now(), 1040);
	t.is(clock.monotonic(), 40);
	await t.throwsAsync(clock.sleep(5, AbortSignal.abort(new Error('stop'))), { message: 'stop' });
});
