import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { diff } from '../../src/cli/commands/diff.ts';
import { findChanges } from '../../src/cli/manifest-changes.ts';
import { checkManifestFile } from '../../src/cli/manifest-check.ts';
import { readInstallation } from '../../src/cli/manifest-installation.ts';
import type { KubernetesObject } from '../../src/cluster/kubernetes-object.ts';
import { fieldManager } from '../../src/edge-agent/apply.ts';
import { desiredObjects } from '../../src/edge-agent/plan/desired-object.ts';
import { Reconciler } from '../../src/edge-agent/reconcile.ts';
import { labelValue } from '../../src/edge-agent/translation/object-name.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import {
	type AuthoredDeployment,
	desiredProperties,
	desiredStateOf,
	deviceId,
} from '../support/edge-deployment.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';
import { RecordingTerminal } from '../support/recording-terminal.ts';
import { runningApiServer } from '../support/running-api-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const context = { namespace: 'edge' };
const scope = { namespace: 'edge', device: labelValue(deviceId) };
const credentials = (password: string) => ({
	r: { address: 'example.azurecr.io', username: 'u', password },
});

/** A cluster on which an agent has applied a deployment. */
async function deployed(authored: AuthoredDeployment): Promise<MemoryCluster> {
	const clock = new FakeClock();
	const cluster = new MemoryCluster();
	const logger = silentLogger;
	const reconciler = new Reconciler({ client: cluster, ...context, deviceId, clock, logger });
	await reconciler.start();
	reconciler.setDesired(desiredStateOf(authored, context));
	await clock.advance(1000);
	await reconciler.stop();
	return cluster;
}

async function changes(cluster: MemoryCluster, authored: AuthoredDeployment) {
	return findChanges(cluster, desiredStateOf(authored, context).translation, scope);
}

const before: AuthoredDeployment = {
	modules: {
		filter: { env: { MODE: { value: 'slow' } } },
		sensor: { createOptions: { HostConfig: { Binds: ['data:/data'] } } },
	},
	registryCredentials: credentials('old'),
};

test('the same deployment changes nothing', async (t) => {
	const { changes: found, unchanged } = await changes(await deployed(before), before);
	t.deepEqual(found, []);
	t.true(unchanged > 5);
});

test('every change is shown with its lines, and nothing is written', async (t) => {
	const cluster = await deployed(before);
	const all = JSON.stringify([cluster.all('Deployment'), cluster.all('Secret')]);
	const { changes: found } = await changes(cluster, {
		...before,
		modules: { filter: { env: { MODE: { value: 'fast' } } }, added: {} },
	});
	t.deepEqual(
		found.map(({ change, kind, name }) => `${change} ${kind} ${name}`),
		[
			'delete Deployment sensor',
			'create ServiceAccount added',
			'create Deployment added',
			'update Deployment filter',
			'delete ServiceAccount sensor',
		],
	);
	const update = found.find(({ change }) => change === 'update');
	const marked = update?.diff.filter((line) => /^[-+]/.test(line));
	t.deepEqual(marked, ['-              value: slow', '+              value: fast']);
	t.true(found[0]?.diff.slice(1).every((line) => line.startsWith('-')));
	t.is(JSON.stringify([cluster.all('Deployment'), cluster.all('Secret')]), all);
});

test('of a Secret only whether a value changes is shown', async (t) => {
	const cluster = await deployed(before);
	const [secret] = cluster.all('Secret');
	const { changes: found } = await changes(cluster, {
		...before,
		registryCredentials: credentials('new'),
	});
	t.deepEqual(
		found.map(({ kind, diff }) => [kind, diff.filter((line) => /^[-+]/.test(line))]),
		[['Secret', ['-  .dockerconfigjson: "*** (before)"', '+  .dockerconfigjson: "*** (after)"']]],
	);
	const hidden = Object.values((secret?.['data'] ?? {}) as Record<string, string>);
	t.is(hidden.length, 1);
	t.false(JSON.stringify(found).includes(hidden[0] ?? ''));
});

test('claims are kept, and what cannot change about them is told', async (t) => {
	const cluster = await deployed(before);
	const storage = { data: { accessModes: ['ReadWriteMany'] } };
	const createOptions = {
		HostConfig: { Binds: ['data:/data'] },
		'k8s-extensions': { storage, strategy: { type: 'Recreate' } },
	};
	const { changes: found, notes } = await changes(cluster, {
		...before,
		modules: { ...before.modules, sensor: { createOptions } },
	});
	t.false(found.some(({ kind }) => kind === 'PersistentVolumeClaim'));
	t.deepEqual(notes, [
		'The claim data stays as it is in what cannot be changed: spec.accessModes[0].',
	]);
	const gone = await changes(cluster, { modules: {} });
	t.false(gone.changes.some(({ kind }) => kind === 'PersistentVolumeClaim'));
});

test('what somebody else has made stands in the way, and is said so', async (t) => {
	const cluster = await deployed({ modules: {} });
	const metadata = { name: 'filter', namespace: 'edge' };
	await cluster.create({ apiVersion: 'apps/v1', kind: 'Deployment', metadata });
	const { changes: found } = await changes(cluster, { modules: { filter: {} } });
	const foreign = found.find(({ kind }) => kind === 'Deployment');
	t.deepEqual(foreign?.diff, []);
	t.regex(foreign?.note ?? '', /not made by this edge agent/);
});

test('what the agent there knows is read from its Deployment and those of modules', async (t) => {
	const cluster = await deployed(before);
	const env = [
		{ name: 'ALLOW_HOST_NETWORK', value: 'true' },
		{ name: 'STATE_SECRET', value: 'state' },
	];
	const containers = [{ name: 'agent', image: 'iotedge-k8s:7', env }];
	const agent: KubernetesObject = {
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: { name: 'agent', namespace: 'edge' },
		spec: { template: { spec: { containers, serviceAccountName: 'account' } } },
	};
	await cluster.create(agent);
	const options = { namespace: 'edge', agent: 'agent' };
	const { target, policy, owner } = await readInstallation(cluster, options);
	t.like(target, {
		deviceId,
		iotHubHostName: 'hub.azure-devices.net',
		runtimeImage: 'iotedge-k8s:7',
		edgeDeviceHostName: 'edge-1.example.com',
	});
	t.is(target.generationIds?.get('$edgeHub'), '1');
	t.is(target.generationIds?.get('filter'), '1');
	t.true(target.reservedNames?.includes('account'));
	t.true(policy.allowHostNetwork);
	t.deepEqual(policy.protectedSecrets, ['state', 'iotedge-device']);
	t.is(owner?.name, 'agent');
	const told = await readInstallation(cluster, { ...options, device: 'other', hub: 'h' });
	t.like(told.target, { deviceId: 'other', iotHubHostName: 'h' });
});

test('the command ends with 0, 1, 2 or 3, and tells a script what would change', async (t) => {
	const { client, kubeconfig } = await runningApiServer(t);
	const folder = await temporaryFolder(t);
	const [file, config, broken] = ['a.json', 'kubeconfig', 'broken.json'].map((name) => {
		return join(folder, name);
	}) as [string, string, string];
	const $edgeAgent = { 'properties.desired': desiredProperties(before) };
	await writeFile(file, JSON.stringify({ modulesContent: { $edgeAgent } }));
	await writeFile(config, kubeconfig);
	await writeFile(broken, '{}');
	await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'edge' } });
	const run = async (manifest: string, more: { kubeconfig?: string } = {}) => {
		const terminal = new RecordingTerminal();
		const options = { namespace: 'edge', agent: 'edgeagent', kubeconfig: config, ...more };
		const code = await diff(manifest, { ...options, output: 'json' }, terminal);
		return { code, terminal };
	};

	const fresh = await run(file);
	t.is(fresh.code, 1);
	const { changes: found } = JSON.parse(fresh.terminal.output);
	t.true(found.every(({ change }: { change: string }) => change === 'create'));
	t.is(await client.get({ ...deploymentOf('filter') }), undefined);

	const { target, policy, device } = await readInstallation(client, { ...context, agent: 'x' });
	const { translation } = await checkManifestFile(file, target, policy);
	if (translation === undefined) throw new Error('It is no manifest.');
	for (const { object } of desiredObjects(translation, { ...context, device })) {
		await client.apply(object, { fieldManager });
	}
	const same = await run(file);
	t.is(same.code, 0, same.terminal.output);
	await client.patch(deploymentOf('filter'), { spec: { replicas: 4 } });
	const drifted = await run(file);
	t.is(drifted.code, 1);
	t.regex(drifted.terminal.output, /"- {2}replicas: 4",\s+"\+ {2}replicas: 1"/);

	t.is((await run(broken)).code, 2);
	t.is((await run(join(folder, 'none.json'))).code, 2);
	const nowhere = await run(file, { kubeconfig: join(folder, 'none') });
	t.is(nowhere.code, 3);
	t.regex(nowhere.terminal.notes, /EDGE_KUBECONFIG_INVALID/);
});

function deploymentOf(name: string) {
	return { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'edge', name };
}
