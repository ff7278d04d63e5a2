import { randomBytes } from 'node:crypto';
import test, { type TestFn } from 'ava';
import { connect } from '../../src/cluster/http-cluster-client.ts';
import { testClusterClient } from '../contract/cluster-client.ts';
import type { ClusterUnderTest } from '../support/cluster-under-test.ts';
import { kubernetesUnderTest } from '../support/kubernetes-under-test.ts';

let cluster: ClusterUnderTest;

test.before(async (t) => {
	t.timeout(180_000);
	cluster = await kubernetesUnderTest();
});

test.after.always(() => cluster?.[Symbol.asyncDispose]());

testClusterClient(test as TestFn, 'a real cluster', async (t) => {
	const client = connect(cluster.config);
	const name = `contract-${randomBytes(4).toString('hex')}`;
	await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
	t.teardown(async () => {
		await client.delete({ apiVersion: 'v1', kind: 'Namespace', name });
		client.close();
	});
	return { client, namespace: name };
});
