import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { DeliveryLane } from '../../../src/edge-hub/delivery/delivery-lane.ts';
import { DeliveryQueue } from '../../../src/edge-hub/delivery/delivery-queue.ts';
import type { QueueEntry } from '../../../src/edge-hub/delivery/queue-entry.ts';

const origins = Array.from({ length: 300 }, (_, index) => ({
	sender: `edge1/sensor${index}`,
	output: 'out',
}));

function entryOf(offset: number, more: Partial<QueueEntry> = {}): QueueEntry {
	const origin = origins[offset % origins.length] ?? { sender: '', output: '' };
	return {
		offset,
		part: 0,
		priority: 3,
		newestFirst: false,
		origin,
		size: 100,
		expiresAt: offset + 1000,
		...more,
	};
}

/** A queue beside an array that must always agree with it. */
class QueueAndModel {
	readonly queue = new DeliveryQueue({ priority: 3, newestFirst: false });
	model: QueueEntry[] = [];
	#next = 0;

	push(count: number, gap: number, more: Partial<QueueEntry>): void {
		for (let pushed = 0; pushed < count; pushed += 1) {
			this.#next += gap;
			const entry = entryOf(this.#next, more);
			this.queue.push(entry);
			this.model.push(entry);
		}
	}

	take(t: ExecutionContext, count: number, putBack: boolean): void {
		const taken = Array.from({ length: count }, () => this.queue.take());
		const found = taken.filter((entry) => entry !== undefined);
		t.deepEqual(found, this.model.splice(0, count));
		if (!putBack) return;
		this.queue.putBack(found.slice(1));
		this.model.unshift(...found.slice(1));
	}

	expire(t: ExecutionContext, now: number): void {
		const expired = this.model.filter(({ expiresAt }) => expiresAt <= now);
		t.deepEqual([...this.queue.takeExpired(now)], expired);
		this.model = this.model.filter(({ expiresAt }) => expiresAt > now);
	}

	agree(t: ExecutionContext): void {
		t.is(this.queue.length, this.model.length);
		t.is(this.queue.firstOffset, this.model[0]?.offset ?? Number.POSITIVE_INFINITY);
	}
}

type Step = (t: ExecutionContext, pair: QueueAndModel) => void;

const pushes = fc
	.record({
		count: fc.nat(40),
		gap: fc.oneof(fc.constant(1), fc.constant(5_000_000_000)),
		part: fc.nat(31),
		size: fc.constantFrom(0, 1, 262_144, 134_217_727),
		expiresAt: fc.oneof(fc.nat(1000), fc.constant(Number.POSITIVE_INFINITY)),
	})
	.map(
		({ count, gap, ...more }): Step =>
			(_t, pair) =>
				pair.push(count, gap, more),
	);
const takes = fc.tuple(fc.nat(60), fc.boolean()).map(
	([count, putBack]): Step =>
		(t, pair) =>
			pair.take(t, count, putBack),
);
const expiries = fc.nat(1000).map(
	(now): Step =>
		(t, pair) =>
			pair.expire(t, now),
);

test('a queue gives back what was put in, whatever happened in between', (t) => {
	const steps = fc.array(fc.oneof(pushes, takes, expiries), { maxLength: 30 });
	fc.assert(
		fc.property(steps, (sequence) => {
			const pair = new QueueAndModel();
			for (const step of sequence) {
				step(t, pair);
				pair.agree(t);
			}
			t.deepEqual([...pair.queue.takeAll()], pair.model);
			t.is(pair.queue.length, 0);
		}),
		{ numRuns: 100 },
	);
});

test('a million waiting messages take less than 20 bytes each', (t) => {
	const before = process.memoryUsage().arrayBuffers;
	const queue = new DeliveryQueue({ priority: 3, newestFirst: false });
	const [origin = { sender: '', output: '' }] = origins;
	for (let offset = 0; offset < 1_000_000; offset += 1) queue.push(entryOf(offset, { origin }));
	const bytes = process.memoryUsage().arrayBuffers - before;
	t.true(bytes < 20e6, `${bytes} bytes`);
	t.is(queue.length, 1_000_000);
});

test('many expired messages come out in several batches, each once', (t) => {
	const lane = new DeliveryLane('edge1/sensor0', () => 0);
	for (let offset = 0; offset < 3000; offset += 1) lane.add(entryOf(offset, { expiresAt: 1 }));
	lane.add(entryOf(3000));
	const expired: number[] = [];
	for (;;) {
		const taken = lane.take({ messages: 10, bytes: 1e6 }, 2);
		expired.push(...taken.expired.map(({ offset }) => offset));
		if (taken.batch.length === 0) continue;
		t.deepEqual(
			taken.batch.map(({ offset }) => offset),
			[3000],
		);
		break;
	}
	t.deepEqual(
		expired,
		Array.from({ length: 3000 }, (_, offset) => offset),
	);
});
