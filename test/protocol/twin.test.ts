import test from 'ava';
import fc from 'fast-check';
import { diff, mergePatch, patchedTwin, sameJson, stripMetadata } from '../../src/protocol/twin.ts';
import { validateReportedPatch } from '../../src/protocol/twin-validation.ts';
import { isJsonObject, type JsonObject } from '../../src/runtime/json.ts';

const remove = { nullDeletes: true };

test('no null is left in a twin, of an object that is new neither', (t) => {
	const patch = { new: { a: null, b: { c: null } }, old: { d: null, e: { f: null, g: 1 } } };
	t.deepEqual(patchedTwin({ old: { d: 1, h: 2 } }, patch), {
		new: { b: {} },
		old: { h: 2, e: { g: 1 } },
	});
});

test('a patch merges objects, replaces arrays and deletes by null', (t) => {
	const base = { a: { b: 1, c: 2 }, list: [1, 2], gone: true, kept: 'x' };
	const patch = { a: { b: 3, c: null }, list: [9], gone: null };
	t.deepEqual(mergePatch(base, patch, remove), { a: { b: 3 }, list: [9], kept: 'x' });
	t.deepEqual(base, { a: { b: 1, c: 2 }, list: [1, 2], gone: true, kept: 'x' });
});

test('deletions survive when two patches become one that is sent later', (t) => {
	const later = mergePatch(
		{ a: 1, b: { c: 2 } },
		{ a: null, b: { c: null } },
		{ nullDeletes: false },
	);
	t.deepEqual(later, { a: null, b: { c: null } });
});

test('a member called __proto__ stays a member', (t) => {
	const hostile = JSON.parse(
		'{"__proto__": {"admin": true}, "constructor": {"prototype": {"x": 1}}}',
	);
	const merged = mergePatch({}, hostile, remove);
	t.true(Object.hasOwn(merged, '__proto__'));
	t.is(({} as { admin?: boolean }).admin, undefined);
	t.true(Object.hasOwn(diff({}, hostile), '__proto__'));
});

const json = fc.dictionary(
	fc.string(),
	fc.letrec((tie) => ({
		value: fc.oneof(
			{ depthSize: 'small' },
			fc.integer(),
			fc.string(),
			fc.boolean(),
			fc.array(tie('value'), { maxLength: 3 }),
			fc.dictionary(fc.string(), tie('value'), { maxKeys: 3 }),
		),
	})).value,
) as fc.Arbitrary<JsonObject>;

test('the difference of two documents turns the one into the other, and is empty for equal ones', (t) => {
	const property = fc.property(json, json, (from, to) => {
		t.true(sameJson(mergePatch(from, diff(from, to), remove), to));
		t.deepEqual(diff(to, structuredClone(to)), {});
	});
	t.notThrows(() => fc.assert(property));
});

/** A value of the first patch that the second makes an object: no merge patch can say both at once. */
function replacesValueByObject(one: JsonObject, two: JsonObject): boolean {
	return Object.entries(two).some(([name, value]) => {
		if (!isJsonObject(value) || !Object.hasOwn(one, name)) return false;
		const old = one[name];
		return !isJsonObject(old) || replacesValueByObject(old, value);
	});
}

test('two patches one after the other are the same as both merged', (t) => {
	const property = fc.property(json, json, json, (base, one, two) => {
		fc.pre(!replacesValueByObject(one, two));
		const both = mergePatch(one, two, { nullDeletes: false });
		const apart = mergePatch(mergePatch(base, one, remove), two, remove);
		t.true(sameJson(mergePatch(base, both, remove), apart));
	});
	t.notThrows(() => fc.assert(property, { numRuns: 1000 }));
});

test('versions and metadata go from the top only', (t) => {
	const properties = { $version: 4, $metadata: {}, a: { $version: 1 } };
	t.deepEqual(stripMetadata(properties), { a: { $version: 1 } });
});

function nested(depth: number): JsonObject {
	return depth === 0 ? {} : { level: nested(depth - 1) };
}

const patches: [title: string, patch: JsonObject, faults: RegExp[]][] = [
	['a plain patch', { a: 1, b: null, c: ['x', { d: 1.5 }] }, []],
	['ten levels', nested(10), []],
	['eleven levels', nested(11), [/depth/]],
	['a deep array', { a: nested(9), b: [[[[[[[[[[[1]]]]]]]]]]] }, [/depth/]],
	['a long name', { ['n'.repeat(1025)]: 1 }, [/nnnnnnnnnn\.\. exceeds maximum length of 1024/]],
	['a long value', { a: 'é'.repeat(2049) }, [/length 4098/]],
	['a large integer', { a: 4503599627370496, b: 4503599627370495 }, [/out of bound/]],
	['a number that is written with an exponent', { a: 6.02e23, b: -1e300, c: 1.5 }, []],
	['null in an array', { a: [1, null] }, [/'null'/]],
	['null in an object of an array', { a: [{ b: null }] }, [/b of an object in an array/]],
	['a dot, a dollar and a space', { 'a.b': 1, $c: 2, 'd e': 3 }, [/'\.'/, /'\$'/, /' '/]],
	[
		'too much of everything',
		Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`k${n}`, 'x'.repeat(4000)])),
		[/size \d+ exceeds maximum 32768/],
	],
];
for (const [title, patch, faults] of patches) {
	test(`${faults.length === 0 ? 'accepts' : 'refuses'} ${title} as reported properties`, (t) => {
		const found = validateReportedPatch(patch);
		t.is(found.length, faults.length, JSON.stringify(found));
		for (const [index, fault] of faults.entries()) t.regex(found[index]?.message ?? '', fault);
	});
}
