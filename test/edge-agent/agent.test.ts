import test, { type ExecutionContext } from 'ava';
import { referenceOf } from '../../src/cluster/kubernetes-object.ts';
import { applyConfigurationContent } from '../../src/iot-hub-emulator/configuration/apply-configuration-content.ts';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { deviceAgent } from '../support/device-agent.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';
import { hubRequest, runningEmulator } from '../support/running-emulator.ts';
import { until } from '../support/until.ts';

const agentIdentity = { deviceId: 'edge1', moduleId: '$edgeAgent' };

async function agentOf(t: ExecutionContext, emulator: IotHubEmulator, cluster: MemoryCluster) {
	const agent = await deviceAgent(
		{ IOTEDGE_CONNECTION_STRING: emulator.deviceConnectionString({ deviceId: 'edge1' }) },
		{ cluster, clock: systemClock, logger: silentLogger, version: '0.0.1' },
		emulator.caCertificate,
	);
	t.teardown(() => agent.stop());
	return agent;
}

async function setUp(t: ExecutionContext) {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('edge1', { capabilities: { iotEdge: true } });
	const cluster = new MemoryCluster();
	const agent = await agentOf(t, emulator, cluster);
	return { emulator, cluster, agent };
}

function manifest(modules: JsonObject, hubEnv: JsonObject = {}): JsonObject {
	return {
		modulesContent: {
			$edgeAgent: {
				'properties.desired': {
					schemaVersion: '1.1',
					runtime: { type: 'docker', settings: { minDockerVersion: 'v1.25' } },
					systemModules: {
						edgeAgent: { type: 'docker', settings: { image: 'agent', createOptions: '' } },
						edgeHub: {
							type: 'docker',
							status: 'running',
							restartPolicy: 'always',
							settings: { image: 'hub', createOptions: '' },
							env: hubEnv,
						},
					},
					modules,
				},
			},
			$edgeHub: { 'properties.desired': { schemaVersion: '1.1', routes: {} } },
		},
	};
}

function module(image: string): JsonObject {
	return {
		type: 'docker',
		version: '1.0',
		status: 'running',
		restartPolicy: 'always',
		settings: { image, createOptions: '{}' },
	};
}

function reported(emulator: IotHubEmulator): JsonObject {
	return emulator.twins.get(agentIdentity).reported.values;
}

function names(cluster: MemoryCluster, kind: string): string[] {
	return cluster
		.all(kind)
		.map(({ metadata }) => metadata.name)
		.sort();
}

test('a deployment becomes identities, workloads and reported properties', async (t) => {
	const { emulator, cluster, agent } = await setUp(t);
	applyConfigurationContent(emulator, 'edge1', manifest({ filter: module('filter:1') }));
	await agent.start();
	await until(() => names(cluster, 'Deployment').includes('filter'));
	t.deepEqual(names(cluster, 'Deployment'), ['edgehub', 'filter']);
	const identity = emulator.registry.record({ deviceId: 'edge1', moduleId: 'filter' });
	t.is(identity.authentication.type, 'sas');
	const last = await until(() => {
		const document = reported(emulator);
		return document['lastDesiredVersion'] === undefined ? undefined : document;
	});
	t.like(last, { schemaVersion: '1.0', runtime: { type: 'docker' } });
	const document = await until(() => {
		const modules = reported(emulator)['modules'] as JsonObject | undefined;
		return modules?.['filter'] as JsonObject | undefined;
	});
	t.like(document, { status: 'running', restartPolicy: 'always', version: '1.0' });
});

test('changes of the deployment are followed, identities with them', async (t) => {
	const { emulator, cluster, agent } = await setUp(t);
	applyConfigurationContent(emulator, 'edge1', manifest({ filter: module('filter:1') }));
	await agent.start();
	await until(() => names(cluster, 'Deployment').includes('filter'));
	applyConfigurationContent(emulator, 'edge1', manifest({ sensor: module('sensor:1') }));
	await until(() => {
		const now = names(cluster, 'Deployment');
		return now.includes('sensor') && !now.includes('filter');
	});
	await until(
		() => emulator.registry.findModule({ deviceId: 'edge1', moduleId: 'filter' }) === undefined,
	);
	t.pass();
});

test('a deployment that cannot be read leaves the running one alone and says why', async (t) => {
	const { emulator, cluster, agent } = await setUp(t);
	applyConfigurationContent(emulator, 'edge1', manifest({ filter: module('filter:1') }));
	await agent.start();
	await until(() => names(cluster, 'Deployment').includes('filter'));
	const broken = { ...module('x'), restartPolicy: 'sometimes' };
	applyConfigurationContent(emulator, 'edge1', manifest({ broken, filter: module('filter:2') }));
	const status = await until(() => {
		const last = reported(emulator)['lastDesiredStatus'] as JsonObject | undefined;
		return last?.['code'] === 400 ? last : undefined;
	});
	t.regex(String(status['description']), /modules\.broken.*restartPolicy/);
	const version = emulator.twins.get(agentIdentity).desired.version;
	t.is(reported(emulator)['lastDesiredVersion'], version);
	const [filter] = cluster.all('Deployment').filter(({ metadata }) => metadata.name === 'filter');
	t.true(JSON.stringify(filter).includes('filter:1'));
	const modules = reported(emulator)['modules'] as JsonObject;
	t.deepEqual(Object.keys(modules), ['filter']);
});

test('a device without a deployment reports 417', async (t) => {
	const { emulator, agent } = await setUp(t);
	await agent.start();
	const status = await until(() => {
		return reported(emulator)['lastDesiredStatus'] as JsonObject | undefined;
	});
	t.is(status['code'], 417);
	t.is(status['description'], 'There is no deployment. Set a deployment manifest for the device.');
	t.like(reported(emulator)['systemModules'], { edgeAgent: { runtimeStatus: 'running' } });
});

test('an agent that starts without IoT Hub brings up the last good deployment', async (t) => {
	const { emulator, cluster, agent } = await setUp(t);
	applyConfigurationContent(emulator, 'edge1', manifest({ filter: module('filter:1') }));
	await agent.start();
	await until(() => names(cluster, 'Deployment').includes('filter'));
	const next = await agentOf(t, emulator, cluster);
	await agent.stop();
	await emulator.stop();
	for (const { metadata } of cluster.all('Deployment')) {
		const { name } = metadata;
		await cluster.delete({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'edge', name });
	}
	await next.start();
	await until(() => names(cluster, 'Deployment').includes('filter'));
	t.deepEqual(names(cluster, 'Deployment'), ['edgehub', 'filter']);
	t.true(next.workloadPort > 0);
});

test('keys that somebody has changed in IoT Hub are set again', async (t) => {
	const { emulator, agent } = await setUp(t);
	applyConfigurationContent(emulator, 'edge1', manifest({}));
	const key = Buffer.alloc(32, 7).toString('base64');
	emulator.registry.putModule(
		agentIdentity,
		{
			authentication: { type: 'sas', symmetricKey: { primaryKey: key, secondaryKey: key } },
		},
		'*',
	);
	await agent.start();
	await until(() => reported(emulator)['lastDesiredVersion'] !== undefined);
	const { symmetricKey } = emulator.registry.record(agentIdentity).authentication;
	t.not(symmetricKey.primaryKey, key);
});

test('direct methods answer in the form of Azure IoT Edge', async (t) => {
	const { emulator, cluster, agent } = await setUp(t);
	applyConfigurationContent(emulator, 'edge1', manifest({ filter: module('filter:1') }));
	await agent.start();
	await until(() => names(cluster, 'Deployment').includes('filter'));
	await until(() => reported(emulator)['lastDesiredVersion'] !== undefined);
	await cluster.create({
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: {
			name: 'filter-1',
			namespace: 'edge',
			labels: { 'net.azure-devices.edge.module': 'filter' },
			annotations: { 'net.azure-devices.edge.original-moduleid': 'filter' },
		},
	});
	const invoke = async (methodName: string, payload: unknown) => {
		const path = '/twins/edge1/modules/%24edgeAgent/methods';
		const body = { methodName, payload, responseTimeoutInSeconds: 10 };
		return (await hubRequest(emulator, { method: 'POST', path, body })).body;
	};
	t.deepEqual(await invoke('Ping', {}), { status: 200, payload: null });
	const restart = await invoke('restartmodule', { schemaVersion: '1.0', id: 'filter' });
	t.is(restart['status'], 200);
	t.deepEqual(names(cluster, 'Pod'), []);
	const answers: [payload: unknown, status: number][] = [
		[{ schemaVersion: '1.0', id: 'nobody' }, 500],
		[{ schemaVersion: '1.0' }, 400],
		[{ id: 'filter' }, 400],
		[{ schemaVersion: '2.0', id: 'filter' }, 500],
		[null, 400],
	];
	for (const [payload, status] of answers) {
		t.is((await invoke('RestartModule', payload))['status'], status, JSON.stringify(payload));
	}
	const unknown = await invoke('Nonsense', {});
	t.is(unknown['status'], 400);
	t.regex(JSON.stringify(unknown['payload']), /Nonsense.*not found.*ping, RestartModule/);
});

test('a module that asks for it takes the deployment back to the last that ran well, restarts included', async (t) => {
	const { emulator, cluster, agent } = await setUp(t);
	const careful = (image: string) => ({
		...module(image),
		settings: { image, createOptions: JSON.stringify({ 'k8s-extensions': { rollback: true } }) },
	});
	const imageOf = () => {
		const filter = cluster.all('Deployment').find(({ metadata }) => metadata.name === 'filter');
		return JSON.stringify(filter ?? {}).match(/filter:\d/)?.[0];
	};
	const status = () => reported(emulator)['lastDesiredStatus'] as JsonObject | undefined;
	applyConfigurationContent(emulator, 'edge1', manifest({ filter: careful('filter:1') }));
	await agent.start();
	await until(() => imageOf() === 'filter:1');
	for (const name of ['edgehub', 'filter']) await bringUp(cluster, name);
	await until(() => agent.status?.settled);

	applyConfigurationContent(emulator, 'edge1', manifest({ filter: careful('filter:2') }));
	await until(() => imageOf() === 'filter:2');
	giveUp(cluster, 'filter');
	await until(() => imageOf() === 'filter:1');
	const last = await until(() => (status()?.['code'] === 500 ? status() : undefined));
	t.regex(String(last['description']), /^Rolled back to version \d+, .*: filter: .*too late/);

	await agent.stop();
	const second = await agentOf(t, emulator, cluster);
	cluster.writes.length = 0;
	await second.start();
	await until(() => second.status?.desiredVersion);
	await systemClock.sleep(200);
	t.is(imageOf(), 'filter:1');
	t.false(cluster.writes.includes('apply Deployment edge/filter'));

	applyConfigurationContent(emulator, 'edge1', manifest({ filter: careful('filter:3') }));
	await until(() => imageOf() === 'filter:3');
	t.pass();
});

function workload(cluster: MemoryCluster, name: string) {
	const found = cluster.all('Deployment').find(({ metadata }) => metadata.name === name);
	if (found === undefined) throw new Error(`There is no ${name}.`);
	return found;
}

/** What controllers and a node would do for a Deployment. */
async function bringUp(cluster: MemoryCluster, name: string): Promise<void> {
	const { metadata, ...rest } = workload(cluster, name);
	const { generation: observedGeneration = 0 } = metadata;
	const reference = referenceOf({ metadata, ...rest });
	cluster.setStatus(reference, { observedGeneration, updatedReplicas: 1, availableReplicas: 1 });
	const state = { running: { startedAt: '2026-01-01T00:00:00Z' } };
	await cluster.create({
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { name: `${name}-1`, namespace: 'edge', labels: { ...metadata.labels } },
		status: {
			phase: 'Running',
			conditions: [{ type: 'Ready', status: 'True' }],
			containerStatuses: [{ name, ready: true, restartCount: 0, state }],
		},
	});
}

/** What the Deployment controller says when the deadline of a rollout has passed. */
function giveUp(cluster: MemoryCluster, name: string): void {
	const object = workload(cluster, name);
	const { generation: observedGeneration = 0 } = object.metadata;
	const condition = { type: 'Progressing', status: 'False', message: 'The pods are too late.' };
	cluster.setStatus(referenceOf(object), { observedGeneration, conditions: [condition] });
}

test('a module named like the installation gets other names, and not its claims', async (t) => {
	const { emulator, cluster, agent } = await setUp(t);
	const volumes = [claimVolume('agent-data')];
	const own = { template: { spec: { serviceAccountName: 'installer', volumes } } };
	const metadata = { name: 'edgeagent', namespace: 'edge' };
	await cluster.create({ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: own });
	const Mounts = [{ Type: 'volume', Source: 'agent-data', Target: '/data' }];
	const createOptions = JSON.stringify({ HostConfig: { Mounts } });
	const filter = { ...module('c:1'), settings: { image: 'c:1', createOptions } };
	applyConfigurationContent(emulator, 'edge1', manifest({ installer: module('a:1'), filter }));
	await agent.start();
	await until(() => names(cluster, 'Deployment').includes('filter'));
	t.deepEqual(workload(cluster, 'edgeagent').spec, own);
	t.is(names(cluster, 'Deployment').length, 4);
	t.false(names(cluster, 'ServiceAccount').includes('installer'));
	t.false(names(cluster, 'PersistentVolumeClaim').includes('agent-data'));
	t.is(names(cluster, 'PersistentVolumeClaim').length, 2);
});

function claimVolume(claimName: string): JsonObject {
	return { name: 'data', persistentVolumeClaim: { claimName } };
}
