import test from 'ava';
import fc from 'fast-check';
import {
	applyJsonPatch,
	PatchError,
} from '../../../src/local-cluster/api-server/fields/json-patch.ts';
import { applyMergePatch } from '../../../src/local-cluster/api-server/fields/merge-patch.ts';
import { applyStrategicMergePatch } from '../../../src/local-cluster/api-server/fields/strategic-merge-patch.ts';
import { builtinSchema } from '../../../src/local-cluster/api-server/schema/builtin-schemas.ts';
import type { JsonObject, JsonValue } from '../../../src/runtime/json.ts';

const jsonPatches: readonly [
	title: string,
	before: JsonValue,
	patch: JsonValue,
	after: JsonValue,
][] = [
	['add sets a member', { a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
	['add inserts into a list', [1, 3], [{ op: 'add', path: '/1', value: 2 }], [1, 2, 3]],
	['add appends with a dash', [1], [{ op: 'add', path: '/-', value: 2 }], [1, 2]],
	['remove takes away', { a: [1, 2] }, [{ op: 'remove', path: '/a/0' }], { a: [2] }],
	[
		'replace needs something there',
		{ a: 1 },
		[{ op: 'replace', path: '/a', value: null }],
		{ a: null },
	],
	['replace may take the whole document', { a: 1 }, [{ op: 'replace', path: '', value: 5 }], 5],
	[
		'move takes from one place to another',
		{ a: { b: 1 } },
		[{ op: 'move', from: '/a/b', path: '/c' }],
		{ a: {}, c: 1 },
	],
	[
		'copy leaves the first',
		{ a: { b: 1 } },
		[{ op: 'copy', from: '/a', path: '/c' }],
		{ a: { b: 1 }, c: { b: 1 } },
	],
	[
		'test passes what is equal',
		{ a: { b: [1] } },
		[{ op: 'test', path: '/a', value: { b: [1] } }],
		{ a: { b: [1] } },
	],
	[
		'escapes stand for slash and tilde',
		{ 'a/b': 1, 'c~d': 2 },
		[
			{ op: 'remove', path: '/a~1b' },
			{ op: 'remove', path: '/c~0d' },
		],
		{},
	],
	[
		'a member called __proto__ is a member',
		{},
		[{ op: 'add', path: '/__proto__', value: 1 }],
		JSON.parse('{"__proto__":1}'),
	],
];

for (const [title, before, patch, after] of jsonPatches) {
	test(`JSON patch: ${title}`, (t) => {
		const copy = structuredClone(before);
		t.deepEqual(applyJsonPatch(before, patch), after);
		t.deepEqual(before, copy, 'the document itself is not changed');
	});
}

const faultyPatches: readonly [title: string, patch: JsonValue][] = [
	['an unknown operation', [{ op: 'spam', path: '/a' }]],
	['a path to nothing', [{ op: 'remove', path: '/x/y' }]],
	['an index behind the end', [{ op: 'add', path: '/list/5', value: 1 }]],
	['an index with a leading nought', [{ op: 'replace', path: '/list/00', value: 1 }]],
	['a test that fails', [{ op: 'test', path: '/a', value: 2 }]],
	['a missing value', [{ op: 'add', path: '/b' }]],
	['a move into itself', [{ op: 'move', from: '/deep', path: '/deep/er' }]],
	['no list', { op: 'add' }],
	['an inherited member', [{ op: 'remove', path: '/constructor' }]],
];

for (const [title, patch] of faultyPatches) {
	test(`JSON patch: ${title} is refused`, (t) => {
		const document = { a: 1, list: [1], deep: {} };
		t.throws(() => applyJsonPatch(document, patch), { instanceOf: PatchError });
		t.deepEqual(document, { a: 1, list: [1], deep: {} });
	});
}

const mergePatches: readonly [before: JsonValue, patch: JsonValue, after: JsonValue][] = [
	[{ a: 'b' }, { a: 'c' }, { a: 'c' }],
	[{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
	[{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
	[{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
	[{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
	[{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
	[
		['a', 'b'],
		['c', 'd'],
		['c', 'd'],
	],
	[{ e: null }, { a: 1 }, { e: null, a: 1 }],
	[{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
	[
		{},
		JSON.parse('{"__proto__":{"polluted":true}}'),
		JSON.parse('{"__proto__":{"polluted":true}}'),
	],
];

for (const [before, patch, after] of mergePatches) {
	test(`merge patch: ${JSON.stringify(patch)} on ${JSON.stringify(before)}`, (t) => {
		t.deepEqual(applyMergePatch(before, patch), after);
		t.false('polluted' in {});
	});
}

function patched(before: JsonObject, patch: JsonObject): JsonObject {
	return applyStrategicMergePatch(before, patch, builtinSchema('PodSpec'));
}

const strategicPatches: readonly [
	title: string,
	before: JsonObject,
	patch: JsonObject,
	after: JsonObject,
][] = [
	[
		'elements are merged by their key',
		{
			containers: [
				{ name: 'a', image: '1' },
				{ name: 'b', image: '1' },
			],
		},
		{ containers: [{ name: 'b', image: '2' }] },
		{
			containers: [
				{ name: 'a', image: '1' },
				{ name: 'b', image: '2' },
			],
		},
	],
	[
		'an element can be deleted',
		{ containers: [{ name: 'a' }, { name: 'b' }] },
		{ containers: [{ name: 'a', $patch: 'delete' }] },
		{ containers: [{ name: 'b' }] },
	],
	[
		'a list can be replaced',
		{ containers: [{ name: 'a' }] },
		{ containers: [{ $patch: 'replace' }, { name: 'c' }] },
		{ containers: [{ name: 'c' }] },
	],
	[
		'an object can be replaced',
		{ securityContext: { runAsUser: 1 } },
		{ securityContext: { $patch: 'replace', runAsGroup: 2 } },
		{ securityContext: { runAsGroup: 2 } },
	],
	['null deletes', { hostname: 'a', subdomain: 'b' }, { hostname: null }, { subdomain: 'b' }],
	[
		'lists without a key are replaced',
		{ tolerations: [{ key: 'a' }] },
		{ tolerations: [{ key: 'b' }] },
		{ tolerations: [{ key: 'b' }] },
	],
	[
		'$setElementOrder decides the order',
		{ containers: [{ name: 'a' }, { name: 'b' }] },
		{
			$setElementOrder__containers: [],
			'$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }],
		},
		{ containers: [{ name: 'b' }, { name: 'a' }], $setElementOrder__containers: [] },
	],
	[
		'$retainKeys drops the other members',
		{ volumes: [{ name: 'v', emptyDir: {} }] },
		{ volumes: [{ name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/' } }] },
		{ volumes: [{ name: 'v', hostPath: { path: '/' } }] },
	],
	[
		'mounts are told apart by their path',
		{ containers: [{ name: 'a', volumeMounts: [{ mountPath: '/a', name: 'v' }] }] },
		{ containers: [{ name: 'a', volumeMounts: [{ mountPath: '/b', name: 'v' }] }] },
		{
			containers: [
				{
					name: 'a',
					volumeMounts: [
						{ mountPath: '/a', name: 'v' },
						{ mountPath: '/b', name: 'v' },
					],
				},
			],
		},
	],
];

for (const [title, before, patch, after] of strategicPatches) {
	test(`strategic merge patch: ${title}`, (t) => {
		t.deepEqual(patched(before, patch), after);
	});
}

test('strategic merge patch: sets of scalars are united, and shrink on demand', (t) => {
	const schema = builtinSchema('ObjectMeta');
	const before = { finalizers: ['a', 'b'] };
	t.deepEqual(applyStrategicMergePatch(before, { finalizers: ['c'] }, schema), {
		finalizers: ['a', 'b', 'c'],
	});
	t.deepEqual(
		applyStrategicMergePatch(before, { '$deleteFromPrimitiveList/finalizers': ['a'] }, schema),
		{ finalizers: ['b'] },
	);
});

test('strategic merge patch: an element without its key is refused', (t) => {
	t.throws(() => patched({}, { containers: [{ image: '1' }] }), { instanceOf: PatchError });
	t.throws(() => patched({}, { securityContext: { $patch: 'shuffle' } }), {
		instanceOf: PatchError,
	});
});

test('a merge patch that was applied changes nothing when it is applied again', (t) => {
	fc.assert(
		fc.property(fc.jsonValue(), fc.jsonValue(), (document, patch) => {
			const once = applyMergePatch(document as JsonValue, patch as JsonValue);
			t.deepEqual(applyMergePatch(once, patch as JsonValue), once);
		}),
	);
});
