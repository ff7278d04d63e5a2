import { randomBytes } from 'node:crypto';
import test, { type TestFn } from 'ava';
import type { ClusterClient } from '../../src/cluster/cluster-client.ts';
import { connect } from '../../src/cluster/http-cluster-client.ts';
import { loadKubeconfig } from '../../src/cluster/kubeconfig.ts';
import { testClusterClient } from '../contract/cluster-client.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';
import { runningApiServer } from '../support/running-api-server.ts';

testClusterClient(test as TestFn, 'in memory', async () => ({
	client: new MemoryCluster(),
	namespace: 'edge',
}));

testClusterClient(test as TestFn, 'the local cluster', async (t) => {
	const { client } = await runningApiServer(t);
	return { client, namespace: await newNamespace(client) };
});

const kubeconfig = process.env['TEST_KUBECONFIG'];

if (kubeconfig !== undefined) {
	testClusterClient(test as TestFn, 'a real cluster', async (t) => {
		const client = connect(await loadKubeconfig(kubeconfig));
		const namespace = await newNamespace(client);
		const reference = { apiVersion: 'v1', kind: 'Namespace', name: namespace };
		t.teardown(async () => {
			await client.delete(reference);
			client.close();
		});
		return { client, namespace };
	});
}

async function newNamespace(client: ClusterClient): Promise<string> {
	const name = `contract-${randomBytes(4).toString('hex')}`;
	await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
	return name;
}
