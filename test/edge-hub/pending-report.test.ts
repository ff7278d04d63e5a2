import test from 'ava';
import fc from 'fast-check';
import {
	type PendingReport,
	patchesOf,
	pendingWith,
	withPending,
} from '../../src/edge-hub/twins/pending-report.ts';
import { mergePatch } from '../../src/protocol/twin.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/runtime/json.ts';

const pendingOf = (...patches: JsonObject[]) =>
	patches.reduce<PendingReport | undefined>(pendingWith, undefined) as PendingReport;

test('patches become one, in which a later value takes the place of an earlier one', (t) => {
	const pending = pendingOf({ a: { b: 1, c: 1 }, d: 1 }, { a: { b: null }, d: [1] }, { d: 'x' });
	t.deepEqual(patchesOf(pending), [{ a: { b: null, c: 1 }, d: 'x' }]);
});

test('an object that takes the place of another one is deleted first', (t) => {
	const table: [patches: JsonObject[], sent: JsonObject[]][] = [
		[
			[{ a: null }, { a: { b: 1 } }],
			[{ a: null }, { a: { b: 1 } }],
		],
		[
			[{ a: 1 }, { a: { b: 1 } }],
			[{ a: null }, { a: { b: 1 } }],
		],
		[
			[{ a: { b: [] } }, { a: { b: {} } }],
			[{ a: { b: null } }, { a: { b: {} } }],
		],
		[[{ a: { b: 1 } }, { a: { b: {} } }, { a: null }], [{ a: null }]],
		[
			[{ a: { b: 1 } }, { a: { b: {} } }, { a: 1 }, { a: { b: 2 } }],
			[{ a: null }, { a: { b: 2 } }],
		],
		[
			[{ a: null }, { a: { b: 1 } }, { a: { b: { c: 1 } } }],
			[{ a: null }, { a: { b: { c: 1 } } }],
		],
	];
	for (const [patches, sent] of table) {
		t.deepEqual(patchesOf(pendingOf(...patches)), sent, JSON.stringify(patches));
	}
});

const name = fc.constantFrom('a', 'b', '__proto__');
const { document } = fc.letrec<{ document: JsonObject; value: JsonValue }>((tie) => ({
	document: fc
		.array(fc.tuple(name, tie('value')), { maxLength: 3 })
		.map((entries) => Object.fromEntries(entries)),
	value: fc.oneof(
		{ depthSize: 'small', withCrossShrink: true },
		fc.constantFrom(null, 1, 2, [1]),
		tie('document'),
	),
}));

/** Members that are null are none, wherever they are. */
function withoutNulls(value: JsonValue | undefined): JsonValue | undefined {
	if (!isJsonObject(value)) return value;
	const entries = Object.entries(value).filter(([, member]) => member !== null);
	return Object.fromEntries(entries.map(([key, member]) => [key, withoutNulls(member)]));
}

test('what is sent at the end comes to the same as every patch in its turn', (t) => {
	fc.assert(
		fc.property(document, fc.array(document, { minLength: 1, maxLength: 6 }), (base, patches) => {
			const inTurn = patches.reduce(
				(reported, patch) => mergePatch(reported, patch, { nullDeletes: true }),
				base,
			);
			const pending = pendingOf(...patches);
			t.deepEqual(withoutNulls(withPending(base, pending)), withoutNulls(inTurn));
			t.true(patchesOf(pending).length <= 2);
		}),
		{ numRuns: 500 },
	);
});
