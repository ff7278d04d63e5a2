import { randomBytes } from 'node:crypto';
import test, { type TestFn } from 'ava';
import type { ClusterClient } from '../../src/cluster/cluster-client.ts';
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

async function newNamespace(client: ClusterClient): Promise<string> {
	const name = `contract-${randomBytes(4).toString('hex')}`;
	await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
	return name;
}
