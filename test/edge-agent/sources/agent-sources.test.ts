import test, { type ExecutionContext } from 'ava';
import { errorOfAnswer } from '../../../src/cluster/cluster-error.ts';
import type { AgentStatus } from '../../../src/edge-agent/agent-status.ts';
import type { RunningDeployment } from '../../../src/edge-agent/rollback.ts';
import {
	AgentSources,
	type AgentSourcesOptions,
} from '../../../src/edge-agent/sources/agent-sources.ts';
import { edgeDeploymentKind } from '../../../src/edge-agent/sources/edge-deployment-definition.ts';
import { applyConfigurationContent } from '../../../src/iot-hub-emulator/configuration/apply-configuration-content.ts';
import type { IotHubEmulator } from '../../../src/iot-hub-emulator/emulator.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import type { JsonObject } from '../../../src/runtime/json.ts';
import { silentLogger } from '../../../src/runtime/logger.ts';
import { deviceAgent } from '../../support/device-agent.ts';
import { desiredProperties } from '../../support/edge-deployment.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { MemoryCluster } from '../../support/memory-cluster.ts';
import { runningEmulator } from '../../support/running-emulator.ts';
import { until } from '../../support/until.ts';

const agentIdentity = { deviceId: 'edge1', moduleId: '$edgeAgent' };

function manifest(...names: string[]): JsonObject {
	const modules = Object.fromEntries(names.map((name) => [name, {}]));
	return {
		modulesContent: { $edgeAgent: { 'properties.desired': desiredProperties({ modules }) } },
	};
}

async function setUp(t: ExecutionContext) {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('edge1', { capabilities: { iotEdge: true } });
	const cluster = new MemoryCluster();
	const newAgent = async (sources: string) => {
		const connectionString = emulator.deviceConnectionString({ deviceId: 'edge1' });
		const agent = await deviceAgent(
			{ IOTEDGE_CONNECTION_STRING: connectionString, ConfigSource: sources },
			{ cluster, clock: systemClock, logger: silentLogger, version: '0.0.1' },
			emulator.caCertificate,
		);
		t.teardown(() => agent.stop());
		await agent.start();
		return agent;
	};
	return { emulator, cluster, newAgent };
}

function configMap(text: string) {
	const metadata = { name: 'edge-deployment', namespace: 'edge' };
	return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'deployment.json': text } };
}

function modulesIn(cluster: MemoryCluster): string[] {
	return cluster
		.all('Deployment')
		.map(({ metadata }) => metadata.name)
		.filter((name) => name !== 'edgehub')
		.sort();
}

function reported(emulator: IotHubEmulator): JsonObject {
	return emulator.twins.get(agentIdentity).reported.values;
}

test('a ConfigMap rules before the twin, which takes over when it is deleted', async (t) => {
	const { emulator, cluster, newAgent } = await setUp(t);
	applyConfigurationContent(emulator, 'edge1', manifest('fromhub'));
	await cluster.create(configMap(JSON.stringify(manifest('filter'))));
	await newAgent('config-map,twin');
	await until(() => modulesIn(cluster).includes('filter'), 'the module of the ConfigMap');
	await until(
		() =>
			/^ConfigMap edge-deployment, [0-9a-f]{12}$/.test(`${reported(emulator)['deploymentSource']}`),
		'the source in the twin',
	);
	t.deepEqual(modulesIn(cluster), ['filter']);
	await cluster.replace(configMap('{ "modulesContent": {} }'));
	await until(
		() => (reported(emulator)['lastDesiredStatus'] as JsonObject)['code'] === 417,
		'the refusal',
	);
	t.deepEqual(modulesIn(cluster), ['filter']);
	await cluster.delete({
		...{ apiVersion: 'v1', kind: 'ConfigMap' },
		...{ namespace: 'edge', name: 'edge-deployment' },
	});
	await until(() => modulesIn(cluster).join() === 'fromhub', 'the module of the twin');
	await until(() => 'lastDesiredVersion' in reported(emulator), 'the version of the twin');
	t.false('deploymentSource' in reported(emulator));
	const notes = await until(() => {
		const found = cluster.all('Event').filter((event) => event['reason'] === 'DeploymentSource');
		return found.length === 2 ? found.map((event) => event['message']) : undefined;
	}, 'two Events');
	t.deepEqual(notes, [
		'The deployment comes from ConfigMap edge-deployment.',
		'The deployment comes from the twin in IoT Hub, and no longer from ConfigMap edge-deployment.',
	]);
});

test('after a restart the deployment of a source that is gone goes on, without news and writes', async (t) => {
	const { emulator, cluster, newAgent } = await setUp(t);
	await cluster.create(configMap(JSON.stringify(manifest('filter'))));
	const first = await newAgent('config-map');
	await until(() => modulesIn(cluster).includes('filter'), 'the module');
	await until(() => reported(emulator)['deploymentSource'], 'the report');
	await first.stop();
	const writes = () => cluster.writes.filter((write) => !/Event|edgeagent-state/.test(write));
	const before = writes().length;
	await cluster.delete({
		...{ apiVersion: 'v1', kind: 'ConfigMap' },
		...{ namespace: 'edge', name: 'edge-deployment' },
	});
	const second = await newAgent('config-map');
	await until(() => second.status?.modules.has('filter'), 'the status of the module');
	await until(
		() => (reported(emulator)['lastDesiredStatus'] as JsonObject)['code'] === 417,
		'that there is no deployment',
	);
	t.deepEqual(modulesIn(cluster), ['filter']);
	t.deepEqual(writes().slice(before + 1), []);
	t.is(cluster.all('Event').filter((event) => event['reason'] === 'DeploymentSource').length, 0);
});

function newRunner(take: (desired: JsonObject) => void): AgentSourcesOptions['runner'] {
	return { take, refuse: () => {}, refusal: undefined, accepted: undefined, running: undefined };
}

function newSources(
	cluster: MemoryCluster,
	clock: FakeClock,
	runner: AgentSourcesOptions['runner'],
	status: () => AgentStatus = () => {
		throw new Error('Nobody asks.');
	},
) {
	return new AgentSources({
		settings: {
			...{ namespace: 'edge', agentName: 'edgeagent', reportSeconds: 0 },
			...{ localConfigPath: '/none', deploymentConfigMap: 'none' },
			configSources: ['edge-deployment', 'twin'],
		},
		client: cluster,
		runner,
		status,
		onChange: () => {},
		clock,
		logger: silentLogger,
	});
}

test('the status of an EdgeDeployment is written when something has changed, and else never', async (t) => {
	const cluster = new MemoryCluster();
	const clock = new FakeClock();
	const metadata = { name: 'factory', namespace: 'edge' };
	await cluster.create({ ...edgeDeploymentKind, metadata, spec: manifest('filter') });
	let running: RunningDeployment | undefined;
	let status: AgentStatus = {
		...{ code: 200, description: '', modules: new Map(), problems: [], failedRollouts: [] },
		...{ held: [], settled: false, desiredVersion: 1 },
	};
	const runner = {
		...newRunner((desired) => {
			running = { version: 1, desired, translation: { objects: [], problems: [], modules: [] } };
		}),
	};
	Object.defineProperty(runner, 'running', { get: () => running });
	const sources = newSources(cluster, clock, runner, () => status);
	await sources.start();
	await clock.advance(1000);
	const writes = () => cluster.writes.filter((write) => /^patch EdgeDeployment/.test(write)).length;
	const first = writes();
	t.true(first >= 1);
	for (let minute = 0; minute < 10; minute += 1) {
		sources.report();
		await clock.advance(60_000);
	}
	t.is(writes(), first);
	status = { ...status, settled: true };
	sources.report();
	await clock.advance(1000);
	t.is(writes(), first + 1);
	t.true(sources.idleness < 900_000);
	await sources.stop();
});

test('a source that may not be read is told in an Event, and nothing behind it is taken', async (t) => {
	const cluster = new MemoryCluster();
	const clock = new FakeClock();
	cluster.fault = (_operation, what) =>
		what === 'EdgeDeployment'
			? errorOfAnswer(403, '{"message":"edgedeployments is forbidden"}', 'list')
			: undefined;
	const taken: JsonObject[] = [];
	const runner = newRunner((desired) => taken.push(desired));
	const sources = newSources(cluster, clock, runner);
	await sources.start();
	sources.twin.take({ schemaVersion: '1.1', modules: {}, $version: 3 });
	await clock.advance(60_000);
	await sources.stop();
	t.deepEqual(taken, []);
	const [event, ...more] = cluster.all('Event');
	t.is(more.length, 0);
	t.like(event, { type: 'Warning', reason: 'DeploymentSourceUnreadable' });
	t.regex(String(event?.['message']), /^an EdgeDeployment cannot be read.*forbidden/);
	t.is(clock.pending, 0);
});
