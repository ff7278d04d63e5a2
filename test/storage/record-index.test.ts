import test from 'ava';
import fc from 'fast-check';
import { RecordIndex } from '../../src/storage/record-index.ts';

const record = fc.record({
	gap: fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: 1000 })),
	position: fc.nat(0xffff_ffff),
	length: fc.nat(0xffff_ffff),
	pending: fc.oneof({ weight: 9, arbitrary: fc.nat(255) }, fc.nat(0xffff_ffff)),
});

test('an index finds every record, and nothing in its gaps', (t) => {
	fc.assert(
		fc.property(fc.array(record, { maxLength: 300 }), fc.nat(300), (records, trimAt) => {
			const index = new RecordIndex();
			let delta = -1;
			const added = new Map<number, (typeof records)[number]>();
			for (const [place, one] of records.entries()) {
				delta += one.gap;
				index.add(delta, one.position, one.length, one.pending);
				added.set(delta, one);
				if (place === trimAt) index.trim();
			}
			t.is(index.count, records.length);
			for (let wanted = -1; wanted <= delta + 1; wanted += 1) {
				const entry = index.find(wanted);
				const one = added.get(wanted);
				if (one === undefined) {
					if (entry !== -1) t.fail(`found ${wanted}`);
					continue;
				}
				const { position, length, pending } = one;
				const found = {
					delta: index.delta(entry),
					position: index.position(entry),
					length: index.length(entry),
					pending: index.pending(entry),
				};
				t.deepEqual(found, { delta: wanted, position, length, pending });
			}
		}),
		{ numRuns: 50 },
	);
});
