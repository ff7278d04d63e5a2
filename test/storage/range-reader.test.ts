import { randomBytes } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { RangeReader } from '../../src/storage/range-reader.ts';

const file = randomBytes(200_000);

function reader() {
	const fills: number[] = [];
	const ranges = new RangeReader(async (target, position) => {
		const bytes = file.subarray(position, position + target.byteLength);
		target.set(bytes);
		fills.push(target.byteLength);
		return bytes.byteLength;
	});
	return { ranges, fills };
}

test('any ranges come as they are in the file, also overlapping and beyond its end', async (t) => {
	const range = fc.tuple(fc.nat(file.byteLength + 10), fc.nat(30_000));
	await fc.assert(
		fc.asyncProperty(fc.array(range, { maxLength: 20 }), async (wanted) => {
			const { ranges } = reader();
			const found = await Promise.all(
				wanted.map(([position, length]) => ranges.read(position, length)),
			);
			for (const [index, [position, length]] of wanted.entries()) {
				t.true(found[index]?.equals(file.subarray(position, position + length)));
			}
		}),
		{ numRuns: 50 },
	);
});

test('neighbours are read at once, and do not share their memory', async (t) => {
	const { ranges, fills } = reader();
	const found = await Promise.all([0, 100, 200, 90_000].map((at) => ranges.read(at, 100)));
	t.deepEqual(fills, [300, 100]);
	t.is(new Set(found.map((bytes) => bytes.buffer)).size, 4);
	await ranges.read(0, 100);
	t.is(fills.length, 3);
});

test('a fault reaches all that wait, and the next read is tried again', async (t) => {
	let faults = 1;
	const ranges = new RangeReader(async (target) => {
		faults -= 1;
		if (faults >= 0) throw new Error('broken');
		return target.byteLength;
	});
	const outcomes = await Promise.allSettled([ranges.read(0, 1), ranges.read(5, 1)]);
	t.true(outcomes.every(({ status }) => status === 'rejected'));
	t.is((await ranges.read(0, 3)).byteLength, 3);
});
