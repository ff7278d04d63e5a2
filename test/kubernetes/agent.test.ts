import test, { type TestFn } from 'ava';
import { testEdgeAgent } from '../contract/edge-agent.ts';
import { testEdgeDeployments } from '../contract/edge-deployments.ts';
import { testReconciler } from '../contract/reconciler.ts';
import { testTranslation } from '../contract/translation.ts';
import { testWorkloadSidecar } from '../contract/workload-sidecar.ts';
import type { ClusterUnderTest } from '../support/cluster-under-test.ts';
import { kubernetesUnderTest } from '../support/kubernetes-under-test.ts';

const title = 'a real cluster';
let cluster: ClusterUnderTest;

test.before(async (t) => {
	t.timeout(180_000);
	cluster = await kubernetesUnderTest();
});

test.after.always(() => cluster?.[Symbol.asyncDispose]());

test.after('the agent was refused nothing', async (t) => {
	t.deepEqual((await cluster.refusedRequests?.()) ?? [], []);
});

testReconciler(test as TestFn, title, () => cluster);
testEdgeAgent(test as TestFn, title, () => cluster);
testEdgeDeployments(test as TestFn, title, () => cluster, { rules: true });
testWorkloadSidecar(test as TestFn, title, () => cluster);
testTranslation(test as TestFn, title, () => cluster, {
	podSecurity: true,
	manifests: process.env['MANIFESTS'],
});
