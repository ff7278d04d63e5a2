import test from 'ava';
import {
	endpointSlicesOf,
	endpointsOf,
} from '../../../src/local-cluster/controllers/endpoint-slices.ts';
import { serviceTable } from '../../../src/local-cluster/node/service-table-entries.ts';
import type { Pod } from '../../../src/local-cluster/workloads/pod.ts';
import type { Service, ServiceSpec } from '../../../src/local-cluster/workloads/service.ts';

const service = (spec: Partial<ServiceSpec> = {}): Service => ({
	apiVersion: 'v1',
	kind: 'Service',
	metadata: { name: 'web', namespace: 'edge', uid: 's' },
	spec: { clusterIP: '127.63.0.9', ports: [{ port: 80, targetPort: 'http' }], ...spec },
});

function pod(name: string, podIP: string, containerPort: number, ready = true): Pod {
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { name, namespace: 'edge', uid: name },
		spec: {
			nodeName: 'local',
			containers: [{ name: 'a', image: 'a', ports: [{ name: 'http', containerPort }] }],
		},
		status: {
			phase: 'Running',
			podIP,
			conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
		},
	};
}

test('a named port may have another number on each pod', (t) => {
	const slices = endpointSlicesOf(service(), [
		pod('a', '127.70.1.1', 8080),
		pod('b', '127.70.1.2', 9090),
		pod('c', '127.70.1.3', 8080),
	]);
	t.is(slices.length, 2);
	const table = serviceTable({ block: '127.70.1.', hostPorts: [], services: [service()], slices });
	t.deepEqual(table.services['edge/web']?.ports[0]?.targets.toSorted(), [
		'127.70.1.1:8080',
		'127.70.1.2:9090',
		'127.70.1.3:8080',
	]);
	t.is(table.clusterIps['127.63.0.9'], 'edge/web');
});

test('pods that are not ready, ending, finished or without address get no traffic', (t) => {
	const ending = pod('ending', '127.70.1.4', 80);
	ending.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
	const finished = pod('finished', '127.70.1.5', 80);
	finished.status = { ...finished.status, phase: 'Succeeded' };
	const waiting = pod('waiting', '', 80);
	waiting.status = { phase: 'Pending' };
	const pods = [pod('unready', '127.70.1.2', 80, false), ending, finished, waiting];
	const slices = endpointSlicesOf(service(), pods);
	t.deepEqual(
		slices[0]?.endpoints.map(({ addresses, conditions }) => [addresses[0], conditions]),
		[
			['127.70.1.2', { ready: false, serving: false, terminating: false }],
			['127.70.1.4', { ready: false, serving: true, terminating: true }],
		],
	);
	const table = serviceTable({ block: '127.70.1.', hostPorts: [], services: [service()], slices });
	t.deepEqual(table.services['edge/web']?.ports[0]?.targets, []);
});

test('a Service may publish addresses that are not ready', (t) => {
	const open = service({ publishNotReadyAddresses: true });
	const [slice] = endpointSlicesOf(open, [pod('a', '127.70.1.2', 80, false)]);
	t.true(slice?.endpoints[0]?.conditions.ready);
});

test('the same pods give the same slices, whatever their order', (t) => {
	const pods = [pod('a', '127.70.1.10', 80), pod('b', '127.70.1.9', 80)];
	t.deepEqual(endpointSlicesOf(service(), pods), endpointSlicesOf(service(), pods.toReversed()));
});

test('the older Endpoints object tells ready addresses from others', (t) => {
	const pods = [pod('a', '127.70.1.1', 80), pod('b', '127.70.1.2', 80, false)];
	const { subsets } = endpointsOf(service(), endpointSlicesOf(service(), pods)) as unknown as {
		subsets: { addresses: { ip: string }[]; notReadyAddresses: { ip: string }[] }[];
	};
	t.is(subsets[0]?.addresses[0]?.ip, '127.70.1.1');
	t.is(subsets[0]?.notReadyAddresses[0]?.ip, '127.70.1.2');
});

test('a pod of a headless Service is found by its own name', (t) => {
	const named = pod('db-0', '127.70.1.1', 5432);
	named.spec = { ...named.spec, hostname: 'db-0', subdomain: 'web' };
	const headless = service({ clusterIP: 'None' });
	const slices = endpointSlicesOf(headless, [named]);
	const table = serviceTable({ block: '127.70.1.', hostPorts: [], services: [headless], slices });
	t.deepEqual(table.services['edge/web']?.hosts, { 'db-0': '127.70.1.1' });
	t.deepEqual(table.services['edge/web']?.addresses, ['127.70.1.1']);
});
