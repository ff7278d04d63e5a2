import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestFn } from 'ava';
import { testEdgeAgent } from '../contract/edge-agent.ts';
import { testEdgeDeployments } from '../contract/edge-deployments.ts';
import { testReconciler } from '../contract/reconciler.ts';
import { testWorkloadSidecar } from '../contract/workload-sidecar.ts';
import { type ClusterUnderTest, localCluster } from '../support/cluster-under-test.ts';

let folder = '';
let cluster: ClusterUnderTest;

test.before(async () => {
	folder = await mkdtemp(join(tmpdir(), 'iotedge-k8s-'));
	cluster = await localCluster(folder);
});

test.after.always(async () => {
	await cluster[Symbol.asyncDispose]();
	await rm(folder, { recursive: true, force: true });
});

test.after('the agent was refused nothing', async (t) => {
	t.deepEqual(await cluster.refusedRequests?.(), []);
});

testReconciler(test as TestFn, 'the local cluster', () => cluster);
testEdgeAgent(test as TestFn, 'the local cluster', () => cluster);
testEdgeDeployments(test as TestFn, 'the local cluster', () => cluster, { rules: false });
testWorkloadSidecar(test as TestFn, 'the local cluster', () => cluster);
