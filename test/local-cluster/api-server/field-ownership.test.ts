import test from 'ava';
import fc from 'fast-check';
import {
	decodeFieldSet,
	difference,
	encodeFieldSet,
	type FieldSet,
	intersection,
	pathsOf,
	sameSet,
	union,
} from '../../../src/local-cluster/api-server/fields/field-set.ts';
import { compare, fieldSetOf } from '../../../src/local-cluster/api-server/fields/field-walk.ts';
import {
	decodeManagedFields,
	encodeManagedFields,
	FieldConflictError,
	ignoredFields,
	type ManagedObject,
	manageApply,
	manageUpdate,
} from '../../../src/local-cluster/api-server/fields/managed-fields.ts';
import { mergeTyped } from '../../../src/local-cluster/api-server/fields/merge.ts';
import { builtinSchema } from '../../../src/local-cluster/api-server/schema/builtin-schemas.ts';
import { schemaAt } from '../../../src/local-cluster/api-server/schema/schema.ts';
import type { JsonObject, JsonValue } from '../../../src/runtime/json.ts';

const deployment = builtinSchema('Deployment');
const podSpec = builtinSchema('PodSpec');
const service = builtinSchema('Service');

function change(
	name: string,
	operation: 'Apply' | 'Update' = 'Apply',
	now = '2026-01-01T00:00:00Z',
) {
	const manager = { name, operation, apiVersion: 'apps/v1', subresource: '' };
	return { schema: deployment, manager, now, ignored: ignoredFields('', true) };
}

function apply(
	live: ManagedObject | undefined,
	config: JsonObject,
	name = 'agent',
	force = false,
): ManagedObject {
	return manageApply(live, config, change(name), force);
}

function update(live: ManagedObject | undefined, object: JsonObject, name: string): ManagedObject {
	return { object, entries: manageUpdate(live, object, change(name, 'Update')) };
}

function ownedBy(managed: ManagedObject, name: string): string[] {
	const entry = managed.entries.find((item) => item.manager.name === name);
	return entry === undefined ? [] : pathsOf(entry.fields);
}

function workload(containers: JsonValue[], rest: JsonObject = {}): JsonObject {
	return { spec: { ...rest, template: { spec: { containers } } } };
}

test('a value declares its leaves, its list elements by their keys, and what is empty', (t) => {
	const spec = {
		containers: [
			{
				name: 'web',
				args: ['a', 'b'],
				env: [{ name: 'A', value: '1' }],
				ports: [{ containerPort: 80 }],
				resources: {},
			},
		],
		nodeSelector: { disk: 'ssd' },
		tolerations: [{ key: 'a' }],
	};
	t.deepEqual(pathsOf(fieldSetOf(spec, podSpec)), [
		'.containers[name="web"]',
		'.containers[name="web"].args',
		'.containers[name="web"].env[name="A"]',
		'.containers[name="web"].env[name="A"].name',
		'.containers[name="web"].env[name="A"].value',
		'.containers[name="web"].name',
		'.containers[name="web"].ports[containerPort=80,protocol="TCP"]',
		'.containers[name="web"].ports[containerPort=80,protocol="TCP"].containerPort',
		'.containers[name="web"].resources',
		'.nodeSelector',
		'.tolerations',
	]);
});

test('labels are owned one by one, finalizers one by one, owners by uid', (t) => {
	const metadata = {
		labels: { app: 'x', 'a.b/c': 'y' },
		finalizers: ['one'],
		ownerReferences: [{ uid: 'u1', name: 'n' }],
	};
	t.deepEqual(pathsOf(fieldSetOf({ metadata }, deployment)), [
		'.metadata.finalizers[="one"]',
		'.metadata.labels.a.b/c',
		'.metadata.labels.app',
		'.metadata.ownerReferences[uid="u1"]',
	]);
});

test('FieldsV1 has the form that Kubernetes documents, and can be read back', (t) => {
	const set = fieldSetOf({ spec: { replicas: 1, ports: [] } }, deployment);
	const encoded = encodeFieldSet(set);
	t.deepEqual(encoded, { 'f:spec': { 'f:ports': {}, 'f:replicas': {} } });
	const item = fieldSetOf({ containers: [{ name: 'a', image: 'b' }] }, podSpec);
	t.deepEqual(encodeFieldSet(item), {
		'f:containers': { 'k:{"name":"a"}': { '.': {}, 'f:image': {}, 'f:name': {} } },
	});
	t.true(sameSet(decodeFieldSet(encodeFieldSet(item)), item));
});

test('set operations obey their laws', (t) => {
	const set = fieldSets(3);
	fc.assert(
		fc.property(set, set, (a, b) => {
			t.true(sameSet(union(a, b), union(b, a)));
			t.true(sameSet(union(difference(a, b), intersection(a, b)), a));
			t.true(sameSet(intersection(difference(a, b), b), { member: false, children: new Map() }));
		}),
	);
});

function fieldSets(depth: number): fc.Arbitrary<FieldSet> {
	const element = fc.constantFrom('f:a', 'f:b', 'k:{"n":1}', 'v:"x"');
	const children =
		depth === 0
			? fc.constant([])
			: fc.array(fc.tuple(element, fieldSets(depth - 1)), { maxLength: 3 });
	return fc
		.tuple(fc.boolean(), children)
		.map(([member, entries]) => ({ member, children: new Map(entries) }));
}

test('a comparison names what is new, changed and gone', (t) => {
	const before = {
		containers: [
			{ name: 'a', image: '1' },
			{ name: 'b', image: '1' },
		],
	};
	const after = {
		containers: [
			{ name: 'b', image: '2' },
			{ name: 'c', image: '1' },
		],
	};
	const { changed, removed } = compare(before, after, podSpec);
	t.deepEqual(pathsOf(changed), [
		'.containers[name="b"].image',
		'.containers[name="c"]',
		'.containers[name="c"].image',
		'.containers[name="c"].name',
	]);
	t.deepEqual(pathsOf(removed), [
		'.containers[name="a"]',
		'.containers[name="a"].image',
		'.containers[name="a"].name',
	]);
});

const merges: readonly [
	title: string,
	live: JsonValue[],
	config: JsonValue[],
	merged: JsonValue[],
][] = [
	[
		'an element of the configuration is merged into its namesake',
		[{ name: 'a', image: '1', tty: true }],
		[{ name: 'a', image: '2' }],
		[{ name: 'a', image: '2', tty: true }],
	],
	['new elements come behind', [{ name: 'a' }], [{ name: 'b' }], [{ name: 'a' }, { name: 'b' }]],
	[
		'the order of the configuration wins',
		[{ name: 'a' }, { name: 'b' }, { name: 'c' }],
		[{ name: 'c' }, { name: 'a' }],
		[{ name: 'c' }, { name: 'a' }, { name: 'b' }],
	],
	[
		'new elements stay before those they precede',
		[{ name: 'b' }],
		[{ name: 'a' }, { name: 'b' }],
		[{ name: 'a' }, { name: 'b' }],
	],
];

for (const [title, live, config, merged] of merges) {
	test(`in a list with keys, ${title}`, (t) => {
		const schema = schemaAt(podSpec, 'containers');
		t.deepEqual(mergeTyped(live, config, schema), merged);
		t.deepEqual(mergeTyped(merged, config, schema), merged, 'merging again changes nothing');
	});
}

test('ports without a protocol are the TCP ones', (t) => {
	const schema = schemaAt(service, 'spec', 'ports');
	const live = [
		{ port: 80, protocol: 'TCP', nodePort: 30_000 },
		{ port: 80, protocol: 'UDP' },
	];
	t.deepEqual(mergeTyped(live, [{ port: 80, name: 'web' }], schema), [
		{ port: 80, protocol: 'TCP', nodePort: 30_000, name: 'web' },
		{ port: 80, protocol: 'UDP' },
	]);
});

test('a field that is no longer declared is removed', (t) => {
	const first = apply(undefined, workload([{ name: 'a', image: '1', tty: true }], { replicas: 2 }));
	const second = apply(first, workload([{ name: 'a', image: '1' }]));
	t.deepEqual(second.object, workload([{ name: 'a', image: '1' }]));
	t.deepEqual(ownedBy(second, 'agent'), [
		'.spec.template.spec.containers[name="a"]',
		'.spec.template.spec.containers[name="a"].image',
		'.spec.template.spec.containers[name="a"].name',
	]);
});

test('a list element that is no longer declared goes with what the server had added to it', (t) => {
	const first = apply(
		undefined,
		workload([
			{ name: 'a', image: '1' },
			{ name: 'b', image: '1' },
		]),
	);
	const defaulted = workload([
		{ name: 'a', image: '1', imagePullPolicy: 'Always' },
		{ name: 'b', image: '1', imagePullPolicy: 'Always' },
	]);
	const second = apply({ ...first, object: defaulted }, workload([{ name: 'a', image: '1' }]));
	t.deepEqual(second.object, workload([{ name: 'a', image: '1', imagePullPolicy: 'Always' }]));
});

test('a field that another manager owns as well survives', (t) => {
	const mine = apply(undefined, { metadata: { labels: { a: '1', b: '1' } } });
	const both = apply(mine, { metadata: { labels: { b: '1' } } }, 'other');
	const rest = apply(both, { metadata: { labels: { a: '1' } } });
	t.deepEqual(rest.object, { metadata: { labels: { a: '1', b: '1' } } });
	t.deepEqual(ownedBy(rest, 'other'), ['.metadata.labels.b']);
	t.deepEqual(ownedBy(rest, 'agent'), ['.metadata.labels.a']);
});

test('an element in which another manager owns a field survives with that field', (t) => {
	const mine = apply(
		undefined,
		workload([
			{ name: 'a', image: '1' },
			{ name: 'b', image: '1' },
		]),
	);
	const both = apply(mine, workload([{ name: 'b', tty: true }]), 'other');
	const rest = apply(both, workload([{ name: 'a', image: '1' }]));
	t.deepEqual(
		rest.object,
		workload([
			{ name: 'a', image: '1' },
			{ name: 'b', tty: true },
		]),
	);
});

test('a conflict names the manager and the fields, and force takes them', (t) => {
	const live = update(undefined, { spec: { replicas: 3, paused: true } }, 'kubectl');
	const error = t.throws(() => apply(live, { spec: { replicas: 1, paused: true } }), {
		instanceOf: FieldConflictError,
	});
	t.deepEqual(
		error.conflicts.map(({ entry, paths }) => [entry.manager.name, paths]),
		[['kubectl', ['.spec.replicas']]],
	);
	const forced = apply(live, { spec: { replicas: 1, paused: true } }, 'agent', true);
	t.deepEqual(ownedBy(forced, 'kubectl'), ['.spec.paused']);
	t.deepEqual(ownedBy(forced, 'agent'), ['.spec.paused', '.spec.replicas']);
});

test('an update takes what it changes from others, and nobody owns what it removes', (t) => {
	const mine = apply(undefined, { metadata: { labels: { a: '1' } }, spec: { replicas: 1 } });
	const changed = update(mine, { metadata: { labels: {} }, spec: { replicas: 5 } }, 'kubectl');
	t.deepEqual(ownedBy(changed, 'agent'), []);
	t.deepEqual(ownedBy(changed, 'kubectl'), ['.spec.replicas']);
});

test('an update that changes nothing owns nothing', (t) => {
	const mine = apply(undefined, { spec: { replicas: 1 } });
	t.deepEqual(ownedBy(update(mine, mine.object, 'kubectl'), 'kubectl'), []);
});

test('what the server writes, and the status, belong to nobody', (t) => {
	const object = {
		metadata: { name: 'a', uid: 'u', generation: 1, labels: { a: '1' } },
		spec: { replicas: 1 },
		status: { replicas: 1 },
	};
	t.deepEqual(ownedBy(update(undefined, object, 'kubectl'), 'kubectl'), [
		'.metadata.labels',
		'.metadata.labels.a',
		'.spec.replicas',
	]);
	const status = { ...change('kubelet', 'Update'), ignored: ignoredFields('status', true) };
	const [entry] = manageUpdate(undefined, object, status);
	t.deepEqual(entry && pathsOf(entry.fields), ['.status.replicas']);
});

test('the time of an entry moves only with its fields', (t) => {
	const config = { spec: { replicas: 1 } };
	const first = apply(undefined, config);
	const same = manageApply(first, config, change('agent', 'Apply', '2026-02-02T00:00:00Z'), false);
	t.deepEqual(same.entries, first.entries);
	const more = manageApply(
		first,
		{ spec: { replicas: 1, paused: true } },
		change('agent', 'Apply', '2026-02-02T00:00:00Z'),
		false,
	);
	t.is(more.entries[0]?.time, '2026-02-02T00:00:00Z');
});

test('managedFields can be read back', (t) => {
	const { entries } = update(
		apply(undefined, { spec: { replicas: 1 } }),
		{ spec: { replicas: 2 } },
		'x',
	);
	t.deepEqual(decodeManagedFields(encodeManagedFields(entries)), entries);
	t.deepEqual(decodeManagedFields([{}]), [], 'an empty entry clears ownership');
});

const name = fc.constantFrom('a', 'b', 'c');
const container = fc.record(
	{
		name,
		image: fc.constantFrom('1', '2'),
		args: fc.array(fc.constantFrom('x', 'y'), { maxLength: 2 }),
		env: fc.uniqueArray(fc.record({ name, value: fc.constantFrom('1', '2') }), {
			selector: (item) => item.name,
			maxLength: 3,
		}),
		resources: fc.record(
			{ limits: fc.dictionary(name, fc.constantFrom('1', '2')) },
			{ requiredKeys: [] },
		),
	},
	{ requiredKeys: ['name'] },
);
const configuration = fc
	.record({
		labels: fc.dictionary(name, fc.constantFrom('1', '2'), { maxKeys: 3 }),
		replicas: fc.option(fc.nat(3), { nil: undefined }),
		containers: fc.uniqueArray(container, { selector: (item) => item.name, maxLength: 3 }),
	})
	.map(({ labels, replicas, containers }) => {
		const config = {
			metadata: { labels },
			spec: { replicas, template: { spec: { containers } } },
		};
		return JSON.parse(JSON.stringify(config)) as JsonObject;
	});

test('applying twice is applying once', (t) => {
	fc.assert(
		fc.property(configuration, configuration, configuration, (theirs, before, config) => {
			const live = apply(apply(undefined, theirs, 'other'), before, 'agent', true);
			const once = apply(live, config, 'agent', true);
			t.deepEqual(apply(once, config, 'agent', true), once);
		}),
	);
});

test('of what one manager applied last nothing is missing, and alone it leaves nothing else', (t) => {
	fc.assert(
		fc.property(configuration, configuration, (before, config) => {
			const changed = apply(apply(undefined, before), config);
			const fresh = apply(undefined, config);
			t.deepEqual(withoutEmpty(changed.object), withoutEmpty(fresh.object));
			t.deepEqual(changed.entries, fresh.entries);
		}),
	);
});

test('a manager that declares nothing any more leaves what others own untouched', (t) => {
	fc.assert(
		fc.property(configuration, configuration, (theirs, mine) => {
			const alone = apply(undefined, theirs, 'other');
			const both = apply(alone, mine, 'agent', true);
			const owned = both.entries.find((entry) => entry.manager.name === 'other')?.fields;
			const left = apply(both, {}, 'agent');
			const present = fieldSetOf(left.object, deployment);
			const kept = owned === undefined ? [] : pathsOf(difference(owned, present));
			// An object that was declared empty stays declared, with or without members.
			t.deepEqual(
				kept.filter((path) => !/labels$|limits$|resources$|env$|args$|containers$/.test(path)),
				[],
			);
			t.deepEqual(ownedBy(left, 'agent'), []);
		}),
	);
});

/** Objects and lists without content, dropped at every depth of objects. */
function withoutEmpty(value: JsonValue): JsonValue {
	if (Array.isArray(value)) return value.map(withoutEmpty);
	if (typeof value !== 'object' || value === null) return value;
	const members = Object.entries(value).map(([key, member]) => [key, withoutEmpty(member ?? null)]);
	const isEmpty = (member: unknown) =>
		typeof member === 'object' && member !== null && Object.keys(member).length === 0;
	return Object.fromEntries(members.filter(([, member]) => !isEmpty(member)));
}
