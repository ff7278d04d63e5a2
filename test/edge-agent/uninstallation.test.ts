import test, { type ExecutionContext } from 'ava';
import { errorOfAnswer } from '../../src/cluster/cluster-error.ts';
import { Uninstallation } from '../../src/edge-agent/uninstallation.ts';
import { type Logger, silentLogger } from '../../src/runtime/logger.ts';
import { AgentWorld } from '../support/agent-world.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';

const namespace = 'edge';
const minute = 60_000;
const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'edgeagent' };
const filter = { ...deployment, name: 'filter' };
const pod = { apiVersion: 'v1', kind: 'Pod', namespace, name: 'edgeagent-5d9c-x2x' };

function installed(cluster: MemoryCluster, finalizers: string[] = []) {
	const { apiVersion, kind, name } = deployment;
	return cluster.create({ apiVersion, kind, metadata: { name, namespace, finalizers } });
}

/** An installed agent that watches whether it is uninstalled. */
async function setUp(t: ExecutionContext, finalizers: string[] = []) {
	const cluster = new MemoryCluster();
	const clock = new FakeClock();
	const object = await installed(cluster, finalizers);
	const said: string[] = [];
	const logger: Logger = { ...silentLogger, warn: (message) => said.push(message) };
	const own = { reference: deployment, object };
	const uninstallation = new Uninstallation({ client: cluster, own, clock, logger });
	t.teardown(() => uninstallation.stop());
	await uninstallation.start();
	await clock.advance(1000);
	const news = () => said.filter((message) => message.startsWith('The agent is being uninstalled'));
	return { cluster, clock, uninstallation, begun: () => uninstallation.signal.aborted, news };
}

test('begins when the agent’s Deployment is deleted, and says so once', async (t) => {
	const { cluster, clock, begun, news, uninstallation } = await setUp(t);
	t.false(begun());
	await cluster.delete(deployment);
	await clock.advance(1);
	t.true(begun());
	uninstallation.noteNamespaceEnds();
	await clock.advance(20 * minute);
	t.deepEqual(news(), [
		'The agent is being uninstalled, as its Deployment is deleted: nothing is written any more.',
	]);
});

test('begins when the Deployment waits for what it owns to be deleted', async (t) => {
	const { cluster, clock, begun } = await setUp(t, ['foregroundDeletion']);
	await cluster.delete(deployment);
	await clock.advance(1);
	t.true(begun());
});

test('begins with a Deployment that was replaced while nobody could see it', async (t) => {
	const { cluster, clock, begun, uninstallation } = await setUp(t);
	cluster.fault = () => errorOfAnswer(503, '{}', 'test');
	cluster.cutWatches();
	await clock.advance(minute);
	cluster.fault = () => undefined;
	await cluster.delete(deployment);
	await installed(cluster);
	cluster.compact();
	t.false(begun());
	await clock.advance(minute);
	t.true(begun());
	t.regex(uninstallation.fault ?? '', /installed anew/);
});

for (const status of [0, 401, 403, 404, 410, 429, 500, 503]) {
	test(`does not begin with an API server that answers ${status} for an hour`, async (t) => {
		const { cluster, clock, begun, uninstallation } = await setUp(t);
		cluster.fault = () => errorOfAnswer(status, '{"message":"no"}', 'test');
		cluster.cutWatches();
		await clock.advance(60 * minute);
		cluster.compact();
		cluster.fault = () => undefined;
		await clock.advance(minute);
		t.false(begun());
		t.is(uninstallation.fault, undefined);
	});
}

/** An agent in a pod, with a module, that has come to rest. */
async function runningAgent(t: ExecutionContext, cluster: MemoryCluster) {
	const clock = new FakeClock();
	const world = new AgentWorld({ cluster, namespace, clock, env: { POD_NAME: pod.name } });
	world.deploy({ modules: { filter: {} } });
	const agent = await world.agent();
	t.teardown(() => agent.stop({ report: false }));
	await agent.start();
	await clock.advance(minute);
	cluster.writes.length = 0;
	return { agent, clock, world };
}

test('an agent that is uninstalled repairs nothing that is collected, and tells nobody about it', async (t) => {
	const cluster = new MemoryCluster();
	await installed(cluster);
	const { agent, clock } = await runningAgent(t, cluster);
	t.not(await cluster.get(filter), undefined);
	await cluster.delete(deployment);
	await clock.advance(10);
	await cluster.delete(filter);
	await clock.advance(20 * minute);
	t.deepEqual(cluster.writes, [
		'delete Deployment edge/edgeagent',
		'delete Deployment edge/filter',
	]);
	t.is(agent.fault, undefined);
	t.true(agent.ready, 'modules that end may still want signatures');
});

test('an agent whose Deployment was deleted before its container started writes no module', async (t) => {
	const cluster = new MemoryCluster();
	const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'edgeagent-5d9c', uid: 'u' };
	const metadata = { name: pod.name, namespace, ownerReferences: [owner] };
	await cluster.create({ apiVersion: 'v1', kind: 'Pod', metadata });
	const { agent, clock } = await runningAgent(t, cluster);
	t.is(await cluster.get(filter), undefined);
	await installed(cluster);
	await clock.advance(minute);
	t.is(await cluster.get(filter), undefined);
	t.regex(agent.fault ?? '', /installed anew/);
});

test('an agent outside the cluster has no Deployment, and none is missed', async (t) => {
	const cluster = new MemoryCluster();
	const { agent } = await runningAgent(t, cluster);
	t.not(await cluster.get(filter), undefined);
	t.is(agent.fault, undefined);
});

test('an agent whose namespace is being deleted repairs nothing, although its Deployment is there', async (t) => {
	const cluster = new MemoryCluster();
	await installed(cluster);
	const { agent, clock } = await runningAgent(t, cluster);
	const message = 'forbidden: unable to create new content in namespace edge';
	const details = { causes: [{ reason: 'NamespaceTerminating', field: 'metadata.namespace' }] };
	cluster.fault = (operation) => {
		if (operation !== 'apply' && operation !== 'create') return undefined;
		return errorOfAnswer(403, JSON.stringify({ message, details }), 'test');
	};
	await cluster.delete(filter);
	await clock.advance(20 * minute);
	t.deepEqual(cluster.writes, ['delete Deployment edge/filter', 'apply Deployment edge/filter']);
	t.is(agent.fault, undefined);
});
