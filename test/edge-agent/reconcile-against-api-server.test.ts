import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { parseAllDocuments } from 'yaml';
import type { ClusterClient } from '../../src/cluster/cluster-client.ts';
import { connect } from '../../src/cluster/http-cluster-client.ts';
import type { KubernetesObject } from '../../src/cluster/kubernetes-object.ts';
import type { DesiredState } from '../../src/edge-agent/agent-status.ts';
import { Reconciler } from '../../src/edge-agent/reconcile.ts';
import { defaultPolicy } from '../../src/edge-agent/translation/default-policy.ts';
import { translate } from '../../src/edge-agent/translation/translate.ts';
import { parseDeployment } from '../../src/manifest/deployment-parser.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { runningApiServer } from '../support/running-api-server.ts';
import { until } from '../support/until.ts';

const namespace = 'edge';
const kinds = [
	['v1', 'ServiceAccount'],
	['v1', 'PersistentVolumeClaim'],
	['v1', 'Service'],
	['apps/v1', 'Deployment'],
	['batch/v1', 'Job'],
	['autoscaling/v2', 'HorizontalPodAutoscaler'],
	['policy/v1', 'PodDisruptionBudget'],
	['networking.k8s.io/v1', 'NetworkPolicy'],
] as const;

/** A module that uses much of what can be translated, so that much can be rewritten by the server. */
const richModule = {
	version: '1.0',
	type: 'docker',
	status: 'running',
	restartPolicy: 'always',
	env: { EMPTY: { value: '' }, NUMBER: { value: 1 } },
	settings: {
		image: 'example/rich:1',
		createOptions: {
			Cmd: ['--verbose'],
			ExposedPorts: { '9000/udp': {} },
			Healthcheck: { Test: ['CMD', 'true'], Interval: 30_000_000_000 },
			HostConfig: {
				Memory: 134217728,
				NanoCpus: 1_500_000_000,
				PortBindings: { '80/tcp': [{ HostPort: '8080' }] },
				Mounts: [{ Type: 'volume', Source: 'data', Target: '/data' }],
				Tmpfs: { '/scratch': 'size=1m' },
			},
			'k8s-extensions': {
				replicas: 2,
				resources: { requests: { cpu: '1000m', memory: '1024Mi' }, limits: { cpu: 2 } },
				tolerations: [{ key: 'edge', operator: 'Exists' }],
			},
		},
	},
};

/** Requests count as the agent's own ServiceAccount. */
const asAgent = {
	'impersonate-user': `system:serviceaccount:${namespace}:edgeagent`,
	'impersonate-group': ['system:serviceaccounts', 'system:authenticated'],
};

/** The namespace with the rights that the agent is installed with, and nothing else of it. */
async function installRights(client: ClusterClient): Promise<void> {
	await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
	const path = join(import.meta.dirname, '../../deployments/kubernetes/agent.yaml');
	const documents = parseAllDocuments(await readFile(path, 'utf8'));
	for (const document of documents) {
		const object: KubernetesObject = document.toJS();
		if (!['ServiceAccount', 'Role', 'RoleBinding'].includes(object?.kind)) continue;
		object.metadata.namespace = namespace;
		const subjects = (object['subjects'] ?? []) as { namespace?: string }[];
		for (const subject of subjects) subject.namespace ??= namespace;
		await client.create(object);
	}
}

async function desired(version: number, more: JsonObject = {}): Promise<DesiredState> {
	const path = join(import.meta.dirname, '../../deployments/simulated-temperature.json');
	const manifest = JSON.parse(await readFile(path, 'utf8'));
	const properties = manifest.modulesContent.$edgeAgent['properties.desired'];
	const modules = { ...properties.modules, ...more };
	const { deployment } = parseDeployment({ ...properties, modules, $version: version });
	if (deployment === undefined) throw new Error('The deployment is invalid.');
	const ids = deployment.modules.map(({ name, system }) => (system ? `$${name}` : name));
	const context = {
		namespace,
		deviceId: 'device',
		iotHubHostName: 'hub.example.com',
		generationIds: new Map(ids.map((id) => [id, '1'])),
		runtimeImage: 'iotedge-k8s:1',
		gatewayHostName: 'edgehub',
		edgeDeviceHostName: 'device',
		workloadUri: 'http://edgeagent:35001/',
		workloadTlsUri: 'https://edgeagent:35002/',
		apiVersion: '2022-08-03',
		runtimeLogLevel: 'info',
	};
	const policy = { ...defaultPolicy, networkPolicies: true };
	return { version, deployment, translation: translate(deployment, context, policy) };
}

function reconcilerOf(client: ClusterClient): Reconciler {
	// No controllers run here: nothing becomes ready.
	const settings = { client, namespace, deviceId: 'device', startupDeadline: 0 };
	return new Reconciler({ ...settings, clock: systemClock, logger: silentLogger });
}

async function applied(reconciler: Reconciler): Promise<void> {
	for (let tries = 0; tries < 500; tries += 1) {
		const { code, description } = reconciler.status();
		if (code === 200) return reconciler.idle();
		if (code >= 500) throw new Error(description);
		await systemClock.sleep(20);
	}
	throw new Error(`The deployment is not applied: ${reconciler.status().description}`);
}

/** Name and version of everything that the agent could have written. */
async function state(client: ClusterClient): Promise<string[]> {
	const all: string[] = [];
	for (const [apiVersion, kind] of kinds) {
		const { items } = await client.list({ apiVersion, kind, namespace });
		all.push(
			...items.map(({ metadata }) => `${kind} ${metadata.name} ${metadata.resourceVersion}`),
		);
	}
	return all.sort();
}

test('a real translation converges on a server that fills in defaults, with the rights of the installation', async (t) => {
	const { client, config, denials } = await runningApiServer(t);
	const agent = connect({ ...config, headers: asAgent });
	t.teardown(() => agent.close());
	await installRights(client);
	const first = reconcilerOf(agent);
	t.teardown(() => first.stop());
	await first.start();
	first.setDesired(await desired(1, { rich: richModule }));
	await applied(first);
	t.deepEqual(first.status().problems, []);
	const after = await state(client);
	t.true(after.length > 10, after.join('\n'));

	first.setDesired(await desired(2, { rich: richModule }));
	await applied(first);
	t.deepEqual(await state(client), after);
	await first.stop();

	// Nothing is remembered from the first: what the server rewrites must be recognised as equal.
	const applies: string[] = [];
	const apply = agent.apply.bind(agent);
	agent.apply = (object, options, signal) => {
		applies.push(`${object.kind} ${object.metadata.name}`);
		return apply(object, options, signal);
	};
	const second = reconcilerOf(agent);
	t.teardown(() => second.stop());
	await second.start();
	second.setDesired(await desired(2, { rich: richModule }));
	await applied(second);
	t.deepEqual(applies, []);

	const reference = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'rich', namespace };
	await client
		.patch(reference, { spec: { template: { spec: { containers: null } } } })
		.catch(() => {});
	await client.patch(reference, { spec: { replicas: 9 } });
	await until(async () => (await client.get(reference))?.spec?.['replicas'] === 2);

	second.setDesired(await desired(3));
	await until(async () => (await client.get(reference)) === undefined);
	await applied(second);
	const left = await state(client);
	t.false(left.some((row) => row.includes(' rich')));
	t.true(left.some((row) => row.startsWith('PersistentVolumeClaim data')));
	t.deepEqual(denials, []);
});
