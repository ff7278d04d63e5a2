import test from 'ava';
import { IdleMemory } from '../../src/runtime/idle-memory.ts';
import { FakeClock } from '../support/fake-clock.ts';

const megabyte = 1024 * 1024;
const second = 1_000_000;

/** A process of which a test says what it uses. */
class FakeMemory {
	used = 0;
	heap = 30 * megabyte;
	collections = 0;

	processorTime(): number {
		return this.used;
	}

	heapBytes(): number {
		return this.heap;
	}

	giveBack(): void {
		this.collections += 1;
		this.heap = 30 * megabyte;
		this.used += second / 10;
	}
}

test('memory is given back when the program has become idle, and not again before it has more', async (t) => {
	const clock = new FakeClock();
	const memory = new FakeMemory();
	await new IdleMemory(clock, memory).start();
	memory.used = 8 * second;
	memory.heap = 70 * megabyte;
	await clock.advance(10_000);
	t.is(memory.collections, 0, 'it was busy');
	await clock.advance(10_000);
	t.is(memory.collections, 1);
	await clock.advance(120_000);
	t.is(memory.collections, 1, 'there is nothing to give back');
	memory.heap = 50 * megabyte;
	await clock.advance(10_000);
	t.is(memory.collections, 2);
});

test('a program under load is not interrupted', async (t) => {
	const clock = new FakeClock();
	const memory = new FakeMemory();
	const idle = new IdleMemory(clock, memory);
	await idle.start();
	memory.heap = 70 * megabyte;
	for (let round = 0; round < 10; round += 1) {
		memory.used += 0.3 * second;
		await clock.advance(10_000);
	}
	t.is(memory.collections, 0);
	await idle.stop();
	await clock.advance(300_000);
	t.is(memory.collections, 0, 'it has stopped');
});

test('this process gives back what it does not use', async (t) => {
	const clock = new FakeClock();
	const before = process.memoryUsage().heapTotal;
	let waste: number[][] | undefined = Array.from({ length: 400 }, () => new Array(10_000).fill(1));
	const grown = process.memoryUsage().heapTotal;
	t.true(grown - before > 20 * megabyte, `${waste.length}`);
	waste = undefined;
	await new IdleMemory(clock).start();
	// Busy for as long as this takes, in the time of the clock.
	await clock.advance(10_000);
	await clock.advance(10_000);
	t.true(process.memoryUsage().heapTotal < grown);
});
