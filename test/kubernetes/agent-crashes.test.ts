import test, { type ExecutionContext, type TestFn } from 'ava';
import { systemClock } from '../../src/runtime/clock.ts';
import { type Rollout, testAgentCrashes } from '../contract/agent-crashes.ts';
import { AgentWorld } from '../support/agent-world.ts';
import type { ClusterUnderTest } from '../support/cluster-under-test.ts';
import { edgeNamespace } from '../support/edge-namespace.ts';
import { kubernetesUnderTest } from '../support/kubernetes-under-test.ts';
import { until } from '../support/until.ts';

let cluster: ClusterUnderTest;

test.before(async (t) => {
	t.timeout(180_000);
	cluster = await kubernetesUnderTest();
});

test.after.always(() => cluster?.[Symbol.asyncDispose]());

/** A namespace in which `from` is deployed and no agent runs. */
async function open(t: ExecutionContext, { from }: Rollout) {
	const { admin, agent: client, namespace } = await edgeNamespace(t, cluster);
	const world = new AgentWorld({ cluster: client, namespace, clock: systemClock });
	if (from !== undefined) {
		world.deploy(from);
		const agent = await world.agent();
		await agent.start();
		await until(() => agent.status?.code === 200, 'what was deployed before');
		await agent.stop();
	}
	const { registry } = world;
	const pass = () => Promise.resolve();
	return { agent: client, admin, namespace, registry, clock: systemClock, pass };
}

testAgentCrashes(test as TestFn, 'a real cluster', open, 4);

test.after('the agents were refused nothing', async (t) => {
	t.deepEqual((await cluster.refusedRequests?.()) ?? [], []);
});
