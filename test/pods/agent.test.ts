import test, { type TestFn } from 'ava';
import { testEdgeAgent } from '../contract/edge-agent.ts';
import { testReconciler } from '../contract/reconciler.ts';
import { RealNode } from '../support/real-node.ts';

const title = 'a cluster with a kubelet';
let node: RealNode;

test.before(async (t) => {
	t.timeout(300_000);
	node = await RealNode.start();
});

test.after.always(() => node?.[Symbol.asyncDispose]());

test.after('the agent was refused nothing', async (t) => {
	t.deepEqual(await node.refusedRequests(), []);
});

testReconciler(test as TestFn, title, () => node);
testEdgeAgent(test as TestFn, title, () => node);
