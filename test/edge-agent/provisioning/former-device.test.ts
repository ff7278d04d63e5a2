import test from 'ava';
import { ClusterError } from '../../../src/cluster/cluster-error.ts';
import { declaredHashAnnotation } from '../../../src/edge-agent/plan/desired-object.ts';
import { deleteFormerDevice } from '../../../src/edge-agent/provisioning/former-device.ts';
import {
	deviceLabel,
	managedBy,
	managedByLabel,
} from '../../../src/edge-agent/translation/translation.ts';
import { MemoryCluster } from '../../support/memory-cluster.ts';

const signal = new AbortController().signal;

function object(apiVersion: string, kind: string, name: string, device: string, applied = true) {
	const labels = { [managedByLabel]: managedBy, [deviceLabel]: device };
	const annotations = applied ? { [declaredHashAnnotation]: 'x' } : {};
	return { apiVersion, kind, metadata: { name, namespace: 'edge', labels, annotations } };
}

test('of a former device everything is deleted but data, and what others have made', async (t) => {
	const cluster = new MemoryCluster();
	for (const each of [
		object('apps/v1', 'Deployment', 'gone', 'old'),
		object('v1', 'Secret', 'gone', 'old'),
		object('v1', 'PersistentVolumeClaim', 'data', 'old'),
		object('v1', 'Secret', 'foreign', 'old', false),
		object('apps/v1', 'Deployment', 'current', 'new'),
	]) {
		await cluster.create(each);
	}
	t.is(await deleteFormerDevice(cluster, 'edge', 'old', signal), 2);
	const left = ['Deployment', 'Secret', 'PersistentVolumeClaim'].flatMap((kind) =>
		cluster.all(kind).map(({ metadata }) => metadata.name),
	);
	t.deepEqual(left.sort(), ['current', 'data', 'foreign']);
	t.is(await deleteFormerDevice(cluster, 'edge', 'old', signal), 0);
});

test('a kind that the cluster lacks is passed over, any other failure is told', async (t) => {
	const cluster = new MemoryCluster();
	const refusing = (status: number, refused: string) => ({
		delete: cluster.delete.bind(cluster),
		list: (query: { kind: string }) =>
			query.kind === refused
				? Promise.reject(new ClusterError('EDGE_CLUSTER_FORBIDDEN', 'No.', { status }))
				: cluster.list(query as never),
	});
	const withoutPolicies = refusing(404, 'PodDisruptionBudget');
	t.is(await deleteFormerDevice(withoutPolicies as never, 'edge', 'old', signal), 0);
	const without = refusing(403, 'Deployment');
	await t.throwsAsync(deleteFormerDevice(without as never, 'edge', 'old', signal), {
		message: 'No.',
	});
});
