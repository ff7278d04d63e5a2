import test, { type ExecutionContext } from 'ava';
import { EdgeError } from '../../src/runtime/edge-error.ts';
import type { MessageLog } from '../../src/storage/message-log.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array) => new TextDecoder().decode(value);

/** What every message log does. `create` makes an empty one that takes 20,000 bytes, not yet open. */
export function messageLogContract(
	name: string,
	create: (t: ExecutionContext) => Promise<MessageLog>,
): void {
	const open = async (t: ExecutionContext) => {
		const log = await create(t);
		await log.open(() => t.fail('an empty log has nothing to recover'));
		t.teardown(() => log.close());
		return log;
	};

	test(`${name}: gives back what was appended, under growing offsets`, async (t) => {
		const log = await open(t);
		const appended = await Promise.all(
			['a', '', 'c'].map((body) => log.append(bytes('header'), bytes(body))),
		);
		t.true((appended[0] ?? 0) < (appended[1] ?? 0) && (appended[1] ?? 0) < (appended[2] ?? 0));
		const bodies = await Promise.all(
			appended.map(async (offset) => text((await log.read(offset)).body)),
		);
		t.deepEqual(bodies, ['a', '', 'c']);
		t.is(log.size.records, 3);
	});

	test(`${name}: acknowledges appends in the order of the calls`, async (t) => {
		const log = await open(t);
		const order: number[] = [];
		const appends = Array.from({ length: 50 }, async (_, index) => {
			await log.append(new Uint8Array(0), bytes(`${index}`));
			order.push(index);
		});
		await Promise.all(appends);
		t.deepEqual(
			order,
			Array.from({ length: 50 }, (_, index) => index),
		);
	});

	test(`${name}: a released record is gone, and releasing it again does nothing`, async (t) => {
		const log = await open(t);
		const gone = await log.append(bytes('h'), bytes('gone'));
		const kept = await log.append(bytes('h'), bytes('kept'));
		log.release(gone);
		log.release(gone);
		log.release(12345);
		await t.throwsAsync(() => log.read(gone), { instanceOf: RangeError });
		await t.throwsAsync(() => log.read(12345), { instanceOf: RangeError });
		t.is(text((await log.read(kept)).body), 'kept');
		t.is(log.size.records, 1);
	});

	test(`${name}: a record lives until its last part is released`, async (t) => {
		const log = await open(t);
		const offset = await log.append(bytes('h'), bytes('shared'), 3);
		log.release(offset, 1);
		log.release(offset, 1);
		log.release(offset, 2);
		t.is(text((await log.read(offset)).body), 'shared');
		log.release(offset, 0);
		await t.throwsAsync(() => log.read(offset), { instanceOf: RangeError });
		const many = await log.append(bytes('h'), bytes('many'), 32);
		for (let part = 0; part < 31; part += 1) log.release(many, part);
		t.is(text((await log.read(many)).body), 'many');
		log.release(many, 31);
		t.is(log.size.records, 0);
		await t.throwsAsync(async () => log.append(bytes('h'), bytes('b'), 33), {
			instanceOf: RangeError,
		});
	});

	test(`${name}: recovers live records and their pending parts when opened again`, async (t) => {
		const log = await open(t);
		const first = await log.append(bytes('one'), bytes('1'));
		const second = await log.append(bytes('two'), bytes('2'), 3);
		const third = await log.append(bytes('three'), bytes('3'));
		log.release(first);
		log.release(second, 1);
		await log.close();
		const recovered: unknown[] = [];
		await log.open(({ offset, header, pending }) =>
			recovered.push([offset, text(header), pending]),
		);
		t.deepEqual(recovered, [
			[second, 'two', 0b101],
			[third, 'three', 1],
		]);
		t.is(text((await log.read(second)).body), '2');
		t.true((await log.append(bytes('four'), bytes('4'))) > third);
	});

	test(`${name}: refuses what exceeds its limit, and takes more when space was released`, async (t) => {
		const log = await open(t);
		const body = new Uint8Array(1000);
		const stored: number[] = [];
		const error = await t.throwsAsync(async () => {
			for (;;) stored.push(await log.append(bytes('h'), body));
		});
		t.true(error instanceof EdgeError && error.code === 'EDGE_STORAGE_FULL');
		t.true(stored.length >= 10 && stored.length < 20);
		for (let round = 0; round < 50; round += 1) {
			for (const offset of stored.splice(0)) log.release(offset);
			for (let more = 0; more < 5; more += 1) stored.push(await log.append(bytes('h'), body));
		}
		t.is(log.size.records, 5);
	});
}
