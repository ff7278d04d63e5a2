import test from 'ava';
import fc from 'fast-check';
import type { KubernetesObject } from '../../../src/cluster/kubernetes-object.ts';
import { driftOf } from '../../../src/edge-agent/plan/drift.ts';
import type { JsonObject, JsonValue } from '../../../src/runtime/json.ts';

function object(spec: JsonObject): KubernetesObject {
	return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a' }, spec };
}

interface Case {
	readonly title: string;
	readonly declared: JsonObject;
	readonly live: JsonObject;
	readonly drift: readonly string[];
}

const cases: readonly Case[] = [
	{
		title: 'fields that the server adds',
		declared: { replicas: 1 },
		live: { replicas: 1, progressDeadlineSeconds: 600, strategy: { type: 'RollingUpdate' } },
		drift: [],
	},
	{
		title: 'a changed number',
		declared: { replicas: 1 },
		live: { replicas: 3 },
		drift: ['spec.replicas'],
	},
	{
		title: 'a label more in a selector, which then selects other pods',
		declared: { selector: { app: 'a' } },
		live: { selector: { app: 'a', also: 'b' } },
		drift: ['spec.selector'],
	},
	{ title: 'a removed member', declared: { a: { b: 'x' } }, live: {}, drift: ['spec.a.b'] },
	{
		title: 'a member of another type',
		declared: { a: { b: 1 } },
		live: { a: 'b' },
		drift: ['spec.a'],
	},
	{
		title: 'what is empty and left out by the server',
		declared: { a: '', b: false, c: 0, d: [], e: {}, f: null, g: { h: {} } },
		live: {},
		drift: [],
	},
	{ title: 'false where true lives', declared: { a: false }, live: { a: true }, drift: ['spec.a'] },
	{
		title: 'containers in another order, with one of somebody else',
		declared: {
			containers: [
				{ name: 'a', image: 'x' },
				{ name: 'b', image: 'y' },
			],
		},
		live: {
			containers: [
				{ name: 'sidecar', image: 'z' },
				{ name: 'b', image: 'y' },
				{ name: 'a', image: 'x', imagePullPolicy: 'Always' },
			],
		},
		drift: [],
	},
	{
		title: 'a container of another image, and one that is missing',
		declared: {
			containers: [
				{ name: 'a', image: 'x' },
				{ name: 'b', image: 'y' },
			],
		},
		live: { containers: [{ name: 'a', image: 'evil' }] },
		drift: ['spec.containers[a].image', 'spec.containers[b]'],
	},
	{
		title: 'a changed environment variable',
		declared: { containers: [{ name: 'a', env: [{ name: 'X', value: '1' }] }] },
		live: {
			containers: [
				{
					name: 'a',
					env: [
						{ name: 'Y', value: '2' },
						{ name: 'X', value: '9' },
					],
				},
			],
		},
		drift: ['spec.containers[a].env[X].value'],
	},
	{
		title: 'ports whose protocol the server fills in',
		declared: { ports: [{ port: 80 }, { port: 53, protocol: 'UDP' }] },
		live: {
			ports: [
				{ port: 53, protocol: 'UDP', targetPort: 53 },
				{ port: 80, protocol: 'TCP', targetPort: 80 },
			],
		},
		drift: [],
	},
	{
		title: 'a list that is one value',
		declared: { args: ['a', 'b'] },
		live: { args: ['a', 'b', 'c'] },
		drift: ['spec.args'],
	},
	{
		title: 'one item of a list that is one value',
		declared: { args: ['a', 'b'] },
		live: { args: ['a', 'x'] },
		drift: ['spec.args[1]'],
	},
	{
		title: 'quantities in other words',
		declared: { resources: { limits: { cpu: '1000m', memory: '1024Mi' }, requests: { cpu: 0.5 } } },
		live: { resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } } },
		drift: [],
	},
	{
		title: 'another quantity',
		declared: { resources: { limits: { cpu: '1' } } },
		live: { resources: { limits: { cpu: '2' } } },
		drift: ['spec.resources.limits.cpu'],
	},
	{
		title: 'a member whose name needs quoting',
		declared: { selector: { 'a.b/c': 'x' } },
		live: { selector: {} },
		drift: ['spec.selector["a.b/c"]'],
	},
];

for (const { title, declared, live, drift } of cases) {
	test(`${drift.length === 0 ? 'sees no drift in' : 'names'} ${title}`, (t) => {
		t.deepEqual(driftOf(object(declared), object(live)), [...drift]);
	});
}

test('compares labels, annotations and owners, and nothing else of the metadata', (t) => {
	const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u1' };
	const declared: KubernetesObject = {
		apiVersion: 'v1',
		kind: 'Secret',
		metadata: { name: 'a', labels: { l: '1' }, annotations: { n: '1' }, ownerReferences: [owner] },
		data: { key: 'djE=' },
		status: { ours: 'no' },
	};
	const live: KubernetesObject = {
		...declared,
		metadata: { name: 'a', uid: 'x', labels: { l: '2', other: '3' }, ownerReferences: [] },
		data: { key: 'djI=', other: '' },
		status: {},
	};
	t.deepEqual(driftOf(declared, live), [
		'metadata.labels.l',
		'metadata.annotations.n',
		'metadata.ownerReferences[u1]',
		'data.key',
	]);
});

const json = fc.letrec<{ value: JsonValue }>((tie) => ({
	value: fc.oneof(
		{ maxDepth: 4 },
		fc.string(),
		fc.integer(),
		fc.boolean(),
		fc.array(tie('value'), { maxLength: 4 }),
		fc.dictionary(fc.string({ maxLength: 4 }), tie('value'), { maxKeys: 4 }),
	),
})).value;

const jsonObject = fc.dictionary(fc.string({ minLength: 1, maxLength: 4 }), json, { maxKeys: 5 });

test('an object never drifts from itself', (t) => {
	fc.assert(
		fc.property(jsonObject, (spec) => {
			t.deepEqual(driftOf(object(spec), object(structuredClone(spec))), []);
		}),
	);
});

test('names of members are data: a prototype is neither read nor written', (t) => {
	const declared = JSON.parse('{"__proto__":{"polluted":"yes"},"constructor":"x"}') as JsonObject;
	t.deepEqual(driftOf(object(declared), object({})), [
		'spec.__proto__.polluted',
		'spec.constructor',
	]);
	t.is(({} as Record<string, unknown>)['polluted'], undefined);
});
