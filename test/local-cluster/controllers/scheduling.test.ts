import test from 'ava';
import { quantityValue } from '../../../src/cluster/quantity.ts';
import {
	type ClusterNode,
	requestsOf,
	unfitness,
	unschedulableMessage,
} from '../../../src/local-cluster/controllers/scheduling.ts';
import type { Pod, PodSpec } from '../../../src/local-cluster/workloads/pod.ts';

const node: ClusterNode = {
	apiVersion: 'v1',
	kind: 'Node',
	metadata: { name: 'local', labels: { 'kubernetes.io/os': 'linux', rank: '3' } },
	spec: { taints: [{ key: 'dedicated', value: 'edge', effect: 'NoSchedule' }] },
	status: { allocatable: { cpu: '2', memory: '1Gi', pods: '2' } },
};
const tolerations = [{ key: 'dedicated', operator: 'Exists' as const }];

function pod(spec: Partial<PodSpec>, name = 'pod'): Pod {
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { name, namespace: 'edge' },
		spec: { containers: [], tolerations, ...spec },
	};
}

const container = (resources: Record<string, string>, hostPort?: number) => ({
	name: 'a',
	image: 'a',
	resources: { requests: resources },
	ports: hostPort === undefined ? [] : [{ containerPort: 80, hostPort }],
});

const term = (key: string, operator: string, values?: string[]): PodSpec['affinity'] => ({
	nodeAffinity: {
		requiredDuringSchedulingIgnoredDuringExecution: {
			nodeSelectorTerms: [
				{
					matchExpressions: [values === undefined ? { key, operator } : { key, operator, values }],
				},
			],
		},
	},
});

const table: [string, Partial<PodSpec>, string[]][] = [
	['a plain pod fits', {}, []],
	['a node selector that holds', { nodeSelector: { 'kubernetes.io/os': 'linux' } }, []],
	[
		'a node selector that does not hold',
		{ nodeSelector: { 'kubernetes.io/os': 'windows' } },
		["node(s) didn't match Pod's node affinity/selector"],
	],
	['affinity: greater', { affinity: term('rank', 'Gt', ['2']) as never }, []],
	[
		'affinity: not in',
		{ affinity: term('rank', 'NotIn', ['3']) as never },
		["node(s) didn't match Pod's node affinity/selector"],
	],
	['affinity: exists', { affinity: term('rank', 'Exists') as never }, []],
	[
		'a taint that is not tolerated',
		{ tolerations: [] },
		['node(s) had untolerated taint {dedicated: edge}'],
	],
	[
		'a toleration of another value',
		{ tolerations: [{ key: 'dedicated', value: 'cloud' }] },
		['node(s) had untolerated taint {dedicated: edge}'],
	],
	['a toleration of everything', { tolerations: [{ operator: 'Exists' }] }, []],
	['resources that are there', { containers: [container({ cpu: '1500m', memory: '512Mi' })] }, []],
	[
		'resources that are not there',
		{ containers: [container({ cpu: '3', 'nvidia.com/gpu': '1' })] },
		['Insufficient cpu', 'Insufficient nvidia.com/gpu'],
	],
];

for (const [title, spec, reasons] of table) {
	test(`scheduling: ${title}`, (t) => {
		t.deepEqual(unfitness(pod(spec), node, []), reasons);
	});
}

test('what other pods of the node use is not there any more', (t) => {
	const running = pod({ nodeName: 'local', containers: [container({ cpu: '1' }, 8883)] }, 'other');
	const wanting = pod({ containers: [container({ cpu: '1500m' }, 8883)] });
	t.deepEqual(unfitness(wanting, node, [running]), [
		'Insufficient cpu',
		"node(s) didn't have free ports for the requested pod ports",
	]);
	t.deepEqual(unfitness(wanting, node, [{ ...running, status: { phase: 'Succeeded' } }]), []);
	t.deepEqual(unfitness(pod({}), node, [running, { ...running }]), ['Too many pods']);
});

test('the message counts the nodes for each reason', (t) => {
	t.is(unschedulableMessage(0, []), 'no nodes available to schedule pods');
	t.is(
		unschedulableMessage(2, ['Insufficient cpu', 'Insufficient cpu']),
		'0/2 nodes are available: 2 Insufficient cpu.',
	);
});

test('a pod asks for the sum of its containers or its largest init container', (t) => {
	const wanted = requestsOf(
		pod({
			containers: [container({ cpu: '100m' }), container({ cpu: '200m' })],
			initContainers: [container({ cpu: '1' })],
		}),
	);
	t.is(wanted.get('cpu'), 1);
});

test('quantities have binary and decimal suffixes', (t) => {
	const values: [string, number][] = [
		['500m', 0.5],
		['64Mi', 67_108_864],
		['1e3', 1000],
		['2k', 2000],
		['1.5Gi', 1_610_612_736],
		['7', 7],
		['many', 0],
	];
	for (const [text, value] of values) t.is(quantityValue(text), value, text);
});
