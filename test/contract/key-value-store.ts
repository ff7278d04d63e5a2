import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { KeyValueStore } from '../../src/storage/key-value-store.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined) =>
	value === undefined ? undefined : new TextDecoder().decode(value);

/** What every key-value store does. `open` makes an empty one. */
export function keyValueStoreContract(
	name: string,
	open: (t: ExecutionContext) => Promise<KeyValueStore>,
): void {
	test(`${name}: keeps values by collection and key`, async (t) => {
		const store = await open(t);
		store.set('twins', 'edge1', bytes('a'));
		store.set('twins', 'edge1/filter', bytes('b'));
		store.set('sessions', 'edge1', bytes('c'));
		store.set('twins', 'edge1', bytes('a2'));
		t.is(text(store.get('twins', 'edge1')), 'a2');
		t.is(text(store.get('twins', 'edge1/filter')), 'b');
		t.is(text(store.get('sessions', 'edge1')), 'c');
		t.is(store.get('twins', 'edge2'), undefined);
		t.is(store.get('nothing', 'edge1'), undefined);
	});

	test(`${name}: keeps empty values, and names that are special elsewhere`, async (t) => {
		const store = await open(t);
		store.set('', '', new Uint8Array(0));
		store.set('__proto__', 'constructor', bytes('x'));
		t.is(store.get('', '')?.byteLength, 0);
		t.is(text(store.get('__proto__', 'constructor')), 'x');
		t.is(store.get('__proto__', 'toString'), undefined);
	});

	test(`${name}: deletes, and says whether there was something`, async (t) => {
		const store = await open(t);
		store.set('c', 'k', bytes('v'));
		t.true(store.delete('c', 'k'));
		t.false(store.delete('c', 'k'));
		t.is(store.get('c', 'k'), undefined);
	});

	test(`${name}: lists a collection by code point, as it was when asked`, async (t) => {
		const store = await open(t);
		for (const key of ['b', 'a', 'ﬀ', '😀', 'A', 'a/b']) store.set('c', key, bytes(key));
		store.set('d', 'c', bytes('other'));
		const seen: string[] = [];
		for (const [key, value] of store.entries('c')) {
			store.delete('c', key);
			store.set('c', `${key}${key}`, value);
			t.is(text(value), key);
			seen.push(key);
		}
		t.deepEqual(seen, ['A', 'a', 'a/b', 'b', 'ﬀ', '😀']);
		t.is([...store.entries('c')].length, 6);
		t.deepEqual([...store.entries('empty')], []);
	});

	test(`${name}: owes nothing to the buffers that callers hold`, async (t) => {
		const store = await open(t);
		const value = bytes('before');
		store.set('c', 'k', value);
		value.fill(0);
		store.get('c', 'k')?.fill(1);
		t.is(text(store.get('c', 'k')), 'before');
	});

	test(`${name}: makes the writes of a transaction together, or none of them`, async (t) => {
		const store = await open(t);
		store.set('c', 'old', bytes('1'));
		store.transaction(() => {
			store.set('c', 'x', bytes('2'));
			store.transaction(() => store.set('c', 'y', bytes('3')));
		});
		const failure = t.throws(() => {
			store.transaction(() => {
				store.set('c', 'z', bytes('4'));
				store.delete('c', 'old');
				store.set('c', 'x', bytes('5'));
				throw new Error('changed my mind');
			});
		});
		t.is(failure?.message, 'changed my mind');
		const entries = [...store.entries('c')].map(([key, value]) => [key, text(value)]);
		t.deepEqual(entries, [
			['old', '1'],
			['x', '2'],
			['y', '3'],
		]);
		store.set('c', 'after', bytes('6'));
		t.is(text(store.get('c', 'after')), '6');
	});

	test(`${name}: agrees with a map after any sequence of writes`, async (t) => {
		const key = fc.constantFrom('a', 'b', 'c', 'd');
		const operation = fc.record({ key, value: fc.option(fc.uint8Array({ maxLength: 8 })) });
		const store = await open(t);
		let run = 0;
		fc.assert(
			fc.property(fc.array(operation, { maxLength: 20 }), (operations) => {
				run += 1;
				const collection = `run${run}`;
				const model = new Map<string, Uint8Array>();
				for (const { key, value } of operations) {
					if (value === null) t.is(store.delete(collection, key), model.delete(key));
					else {
						store.set(collection, key, value);
						model.set(key, value);
					}
				}
				const entries = [...store.entries(collection)].map(([key, value]) => [key, [...value]]);
				const expected = [...model].map(([key, value]) => [key, [...value]]);
				t.deepEqual(entries, expected.sort());
			}),
			{ numRuns: 25 },
		);
	});
}
