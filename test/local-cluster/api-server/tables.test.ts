import test from 'ava';
import { ageOf, humanDuration } from '../../../src/local-cluster/api-server/table/age.ts';
import { compileJsonPath } from '../../../src/local-cluster/api-server/table/json-path-column.ts';
import { podStatus } from '../../../src/local-cluster/api-server/table/pod-columns.ts';
import {
	configMapOf,
	deploymentOf,
	podOf,
	startApiServer,
} from '../../support/kubernetes-requests.ts';

const durations: readonly [seconds: number, text: string][] = [
	[-5, '<invalid>'],
	[-1, '0s'],
	[0, '0s'],
	[119, '119s'],
	[120, '2m'],
	[200, '3m20s'],
	[600, '10m'],
	[10_799, '179m'],
	[10_800, '3h'],
	[11_000, '3h3m'],
	[28_800, '8h'],
	[172_799, '47h'],
	[172_800, '2d'],
	[180_000, '2d2h'],
	[691_200, '8d'],
	[63_072_000, '2y'],
	[64_000_000, '2y10d'],
	[252_288_000, '8y'],
];

for (const [seconds, text] of durations) {
	test(`${seconds} seconds are ${text}`, (t) => {
		t.is(humanDuration(seconds * 1000), text);
	});
}

test('the age of nothing is unknown', (t) => {
	t.is(ageOf('', 0), '<unknown>');
	t.is(ageOf('1970-01-01T00:00:00Z', 5000), '5s');
});

const running = { ready: true, state: { running: {} } };
const waiting = (reason: string) => ({ ready: false, state: { waiting: { reason } } });
const ended = (exitCode: number, reason?: string) => ({
	ready: false,
	state: { terminated: { exitCode, ...(reason === undefined ? {} : { reason }) } },
});
const ready = { conditions: [{ type: 'Ready', status: 'True' }] };

const statuses: readonly [title: string, pod: object, word: string][] = [
	['waits for a node', { status: { phase: 'Pending' } }, 'Pending'],
	['runs', { status: { phase: 'Running', containerStatuses: [running] } }, 'Running'],
	[
		'crashes',
		{ status: { phase: 'Running', containerStatuses: [waiting('CrashLoopBackOff')] } },
		'CrashLoopBackOff',
	],
	[
		'has ended well',
		{ status: { phase: 'Succeeded', containerStatuses: [ended(0, 'Completed')] } },
		'Completed',
	],
	['has failed', { status: { phase: 'Failed', containerStatuses: [ended(1, 'Error')] } }, 'Error'],
	[
		'has ended without a reason',
		{ status: { phase: 'Failed', containerStatuses: [ended(3)] } },
		'ExitCode:3',
	],
	[
		'runs on while a neighbour has ended',
		{ status: { phase: 'Running', ...ready, containerStatuses: [running, ended(0, 'Completed')] } },
		'Running',
	],
	['is evicted', { status: { phase: 'Failed', reason: 'Evicted' } }, 'Evicted'],
	[
		'initializes',
		{
			spec: { initContainers: [{ name: 'i' }, { name: 'j' }] },
			status: { phase: 'Pending', initContainerStatuses: [{ name: 'i', ...running }] },
		},
		'Init:0/2',
	],
	[
		'fails to initialize',
		{
			spec: { initContainers: [{ name: 'i' }] },
			status: {
				phase: 'Pending',
				initContainerStatuses: [{ name: 'i', ...waiting('ErrImagePull') }],
			},
		},
		'Init:ErrImagePull',
	],
	[
		'has a sidecar',
		{
			spec: { initContainers: [{ name: 'i', restartPolicy: 'Always' }] },
			status: {
				phase: 'Running',
				initContainerStatuses: [{ name: 'i', started: true, ...running }],
				containerStatuses: [running],
			},
		},
		'Running',
	],
	[
		'stops',
		{
			metadata: { deletionTimestamp: 'x' },
			status: { phase: 'Running', containerStatuses: [running] },
		},
		'Terminating',
	],
];

for (const [title, pod, word] of statuses) {
	test(`a pod that ${title} is ${word}`, (t) => {
		t.is(podStatus(pod), word);
	});
}

const paths: readonly [path: string, values: unknown[]][] = [
	['.spec.name', ['n']],
	['.spec.list[1]', [2]],
	['.spec.list[-1]', [3]],
	['.spec.list[*]', [1, 2, 3]],
	['.status.conditions[?(@.type=="Ready")].status', ['True']],
	["['spec']['name']", ['n']],
	['.spec.dotted\\.name', []],
	['.none', []],
	['.spec..name', []],
];

for (const [path, values] of paths) {
	test(`the JSON path ${path} finds ${JSON.stringify(values)}`, (t) => {
		const object = {
			spec: { name: 'n', list: [1, 2, 3] },
			status: {
				conditions: [
					{ type: 'Other', status: 'x' },
					{ type: 'Ready', status: 'True' },
				],
			},
		};
		t.deepEqual(compileJsonPath(path)(object), values);
	});
}

const asTable = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };
const asMetadata = { accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1' };

test('objects come as tables for those who print them', async (t) => {
	const api = await startApiServer(t);
	const path = '/apis/apps/v1/namespaces/default/deployments';
	await api.post(path, deploymentOf('web', { replicas: 2 }));
	const { body } = await api.get(path, { headers: asTable });
	t.is(body.kind, 'Table');
	t.deepEqual(
		body.columnDefinitions.map((item: { name: string }) => item.name),
		['Name', 'Ready', 'Up-to-date', 'Available', 'Age', 'Containers', 'Images', 'Selector'],
	);
	const [row] = body.rows;
	t.deepEqual(row.cells.slice(0, 4), ['web', '0/2', 0, 0]);
	t.deepEqual(row.cells.slice(5), ['web', 'web:1', 'app=web']);
	t.like(row.object, { kind: 'PartialObjectMetadata', metadata: { name: 'web' } });
	const { body: one } = await api.get(`${path}/web?includeObject=Object`, { headers: asTable });
	t.is(one.rows[0].object.kind, 'Deployment');
	const { body: none } = await api.get(`${path}?includeObject=None`, { headers: asTable });
	t.is(none.rows[0].object, undefined);
});

test('a watch of a table names the columns once', async (t) => {
	const api = await startApiServer(t);
	const path = '/api/v1/namespaces/default/pods';
	await api.post(path, podOf('a'));
	const events = api.watch(`${path}?watch=true`, { headers: asTable });
	await api.post(path, podOf('b'));
	const first = (await events.next()).value;
	const second = (await events.next()).value;
	t.deepEqual([first.type, first.object.rows[0].cells[0]], ['ADDED', 'a']);
	t.is(first.object.columnDefinitions.length, 9);
	t.deepEqual([second.object.columnDefinitions, second.object.rows[0].cells[0]], [[], 'b']);
	await events.return(undefined);
});

test('metadata can be had alone', async (t) => {
	const api = await startApiServer(t);
	const path = '/api/v1/namespaces/default/configmaps';
	await api.post(path, configMapOf('a', { secret: 'x' }));
	const { body } = await api.get(path, { headers: asMetadata });
	t.is(body.kind, 'PartialObjectMetadataList');
	t.is(body.items[0].metadata.name, 'a');
	t.is(body.items[0].data, undefined);
	const { body: one } = await api.get(`${path}/a`, { headers: asMetadata });
	t.is(one.kind, 'PartialObjectMetadata');
});

test('every kind can be listed as a table', async (t) => {
	const api = await startApiServer(t);
	const { body } = await api.get('/apis', {
		headers: { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' },
	});
	t.is(body.kind, 'APIGroupDiscoveryList');
	let listed = 0;
	for (const group of body.items) {
		for (const { version, resources } of group.versions) {
			for (const { resource, verbs } of resources) {
				if (!verbs.includes('list')) continue;
				const path = `/apis/${group.metadata.name}/${version}/${resource}`;
				const answer = await api.get(path, { headers: asTable });
				t.is(answer.body.kind, 'Table', path);
				listed += 1;
			}
		}
	}
	t.true(listed >= 16);
});
