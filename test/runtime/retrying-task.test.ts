import test from 'ava';
import { RetryingTask, type RetryingTaskOptions } from '../../src/runtime/retrying-task.ts';
import { FakeClock } from '../support/fake-clock.ts';

function setUp(options: Partial<RetryingTaskOptions> & Pick<RetryingTaskOptions, 'action'>) {
	const clock = new FakeClock();
	const backoff = { initial: 1000, max: 4000, jitter: 0 };
	return { clock, task: new RetryingTask({ clock, backoff, ...options }) };
}

test('asked many times while it runs, an action runs once more', async (t) => {
	let runs = 0;
	const gate = Promise.withResolvers<void>();
	const { task } = setUp({
		action: async () => {
			runs += 1;
			await gate.promise;
		},
	});
	task.trigger();
	await Promise.resolve();
	task.trigger();
	task.trigger();
	gate.resolve();
	await task.idle();
	t.is(runs, 2);
});

test('a failure is repeated with back-off until it succeeds', async (t) => {
	const starts: number[] = [];
	const failures: unknown[] = [];
	const { clock, task } = setUp({
		action: async () => {
			starts.push(clock.monotonic());
			if (starts.length < 4) throw new Error('not yet');
		},
		onFailure: (error) => failures.push(error),
	});
	task.trigger();
	await clock.advance(60_000);
	t.deepEqual(starts, [0, 1000, 3000, 7000]);
	t.is(failures.length, 3);
	t.is(clock.pending, 0);
});

test('a new reason to run ends the wait after a failure', async (t) => {
	let runs = 0;
	const { clock, task } = setUp({
		action: async () => {
			runs += 1;
			if (runs === 1) throw new Error('not yet');
		},
	});
	task.trigger();
	await clock.advance(10);
	task.trigger();
	await clock.advance(0);
	t.is(runs, 2);
	await clock.advance(60_000);
	t.is(runs, 2);
});

test('runs keep their distance', async (t) => {
	const starts: number[] = [];
	const { clock, task } = setUp({
		action: async () => {
			starts.push(clock.monotonic());
		},
		minInterval: 500,
	});
	task.trigger();
	await clock.advance(100);
	task.trigger();
	task.trigger();
	await clock.advance(2000);
	task.trigger();
	await clock.advance(0);
	t.deepEqual(starts, [0, 500, 2100]);
});

test('stop cancels the action and what waits', async (t) => {
	let aborted = false;
	const { clock, task } = setUp({
		action: async (signal) => {
			await clock.sleep(9000, signal).catch(() => {
				aborted = true;
				throw new Error('cancelled');
			});
		},
	});
	task.trigger();
	await clock.advance(1);
	await task.stop();
	task.trigger();
	await clock.advance(60_000);
	t.true(aborted);
	t.is(clock.pending, 0);
});
