import { randomBytes } from 'node:crypto';
import test, { type TestFn } from 'ava';
import { connect } from '../../src/cluster/http-cluster-client.ts';
import { loadKubeconfig } from '../../src/cluster/kubeconfig.ts';
import { testClusterClient } from '../contract/cluster-client.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';

testClusterClient(test as TestFn, 'in memory', async () => ({
	client: new MemoryCluster(),
	namespace: 'edge',
}));

const kubeconfig = process.env['TEST_KUBECONFIG'];

if (kubeconfig !== undefined) {
	testClusterClient(test as TestFn, 'a real cluster', async (t) => {
		const client = connect(await loadKubeconfig(kubeconfig));
		const namespace = `contract-${randomBytes(4).toString('hex')}`;
		const reference = { apiVersion: 'v1', kind: 'Namespace', name: namespace };
		await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
		t.teardown(async () => {
			await client.delete(reference);
			client.close();
		});
		return { client, namespace };
	});
}
