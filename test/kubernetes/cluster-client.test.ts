import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext, type TestFn } from 'ava';
import { fixedCredentials } from '../../src/cluster/cluster-config.ts';
import { type ClientOptions, connect } from '../../src/cluster/http-cluster-client.ts';
import { testClusterClient } from '../contract/cluster-client.ts';
import type { ClusterUnderTest } from '../support/cluster-under-test.ts';
import { kubernetesUnderTest } from '../support/kubernetes-under-test.ts';

let cluster: ClusterUnderTest;

test.before(async (t) => {
	t.timeout(180_000);
	cluster = await kubernetesUnderTest();
});

test.after.always(() => cluster?.[Symbol.asyncDispose]());

testClusterClient(test as TestFn, 'a real cluster', (t) => open(t));

test('a real cluster: reads a long list in pages', async (t) => {
	const { client, namespace } = await open(t, { pageSize: 2 });
	const names = ['a', 'b', 'c', 'd', 'e'];
	for (const name of names) {
		await client.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace } });
	}
	const { items } = await client.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace });
	const found = items.map(({ metadata }) => metadata.name);
	t.deepEqual(
		found.filter((name) => name !== 'kube-root-ca.crt'),
		names,
	);
});

test('a real cluster: tells apart who it does not know and who may not', async (t) => {
	const { client: admin, namespace } = await open(t);
	const query = { apiVersion: 'v1', kind: 'Secret', namespace };
	const credentials = fixedCredentials({ token: 'nobody' });
	const stranger = connect({ ...cluster.config, credentials });
	t.teardown(() => stranger.close());
	await t.throwsAsync(stranger.list(query), { code: 'EDGE_CLUSTER_UNAUTHORIZED' });
	const { items } = await admin.list(query);
	t.deepEqual(items, []);
	const headers = { 'impersonate-user': 'somebody' };
	const somebody = connect({ ...cluster.config, headers });
	t.teardown(() => somebody.close());
	await t.throwsAsync(somebody.list(query), { code: 'EDGE_CLUSTER_FORBIDDEN' });
});

/** A client, and a namespace that goes away with the test. */
async function open(t: ExecutionContext, options: ClientOptions = {}) {
	const client = connect(cluster.config, options);
	const name = `contract-${randomBytes(4).toString('hex')}`;
	await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
	t.teardown(async () => {
		await client.delete({ apiVersion: 'v1', kind: 'Namespace', name });
		client.close();
	});
	return { client, namespace: name };
}
