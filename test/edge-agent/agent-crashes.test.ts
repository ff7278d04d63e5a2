import test, { type TestFn } from 'ava';
import { type Rollout, testAgentCrashes } from '../contract/agent-crashes.ts';
import { AgentWorld } from '../support/agent-world.ts';
import { FakeClock } from '../support/fake-clock.ts';
import type { FakeRegistry } from '../support/fake-registry.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';
import { until } from '../support/until.ts';

/** Clusters in which something is deployed; each case gets a copy of its own. */
const deployed = new Map<Rollout, Promise<{ cluster: MemoryCluster; registry: FakeRegistry }>>();

async function deploy({ from }: Rollout) {
	const cluster = new MemoryCluster();
	const clock = new FakeClock();
	const world = new AgentWorld({ cluster, namespace: 'edge', clock });
	const { registry } = world;
	if (from === undefined) return { cluster, registry };
	world.deploy(from);
	const agent = await world.agent();
	await agent.start();
	await until(async () => {
		await clock.advance(5000);
		return agent.status?.code === 200;
	});
	await agent.stop();
	return { cluster, registry };
}

testAgentCrashes(
	test as TestFn,
	'in memory',
	async (_t, rollout) => {
		if (!deployed.has(rollout)) deployed.set(rollout, deploy(rollout));
		const { cluster: original, registry } =
			(await deployed.get(rollout)) ?? (await deploy(rollout));
		const cluster = original.fork();
		const clock = new FakeClock();
		return {
			agent: cluster,
			admin: cluster,
			namespace: 'edge',
			registry: registry.fork(),
			clock,
			pass: () => clock.advance(5000),
		};
	},
	4,
);
