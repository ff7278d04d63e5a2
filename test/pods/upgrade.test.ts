import test from 'ava';
import { version } from '../../src/cli/version.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { chart, chartOfVersion } from '../support/helm.ts';
import { InstalledEdge, podPatience } from '../support/installed-edge.ts';
import { RealNode } from '../support/real-node.ts';
import { until } from '../support/until.ts';

const modules = ['SimulatedTemperatureSensor', 'temperature-filter'];
const nextVersion = '99.0.0';
let node: RealNode;
let edge: InstalledEdge;

test.before(async (t) => {
	t.timeout(600_000);
	node = await RealNode.start();
	edge = await InstalledEdge.install(node);
	await edge.receives('temperature-filter', 1);
	await node.tagRuntime(nextVersion);
});

test.after.always(async () => {
	await edge?.[Symbol.asyncDispose]();
	await node?.[Symbol.asyncDispose]();
});

/** Waits until a module of the runtime runs with the image of a version. */
function runsVersion(module: string, wanted: string): Promise<unknown> {
	return until(
		async () => {
			const [pod, other] = await edge.readyPods(module);
			const containers = (pod?.spec?.['containers'] ?? []) as JsonObject[];
			const isNew = containers.some(({ image }) => image === `iotedge-k8s:${wanted}`);
			return isNew && other === undefined;
		},
		`${module} of version ${wanted}`,
		podPatience,
	);
}

/** How the containers of a module’s pod ended, as the kubelet said last before it was gone. */
async function endOf(module: string): Promise<unknown> {
	const [pod] = await edge.readyPods(module);
	const { namespace, admin } = edge;
	const query = { apiVersion: 'v1', kind: 'Pod', namespace };
	const signal = AbortSignal.timeout(podPatience);
	let last: unknown;
	for await (const event of admin.watch(query, pod?.metadata.resourceVersion ?? '', signal)) {
		if (event.type === 'BOOKMARK' || event.object.metadata.uid !== pod?.metadata.uid) continue;
		const [status] = (event.object.status?.['containerStatuses'] ?? []) as JsonObject[];
		const { terminated } = (status?.['state'] ?? {}) as { terminated?: JsonObject };
		last = terminated?.['exitCode'] ?? last;
		if (event.type === 'DELETED') return last;
	}
	return last;
}

test.serial(
	'an upgrade of the chart gives agent and hub the next version, and restarts no module',
	async (t) => {
		const before = await edge.lives(...modules);
		const ends = Promise.all(['edgeagent', 'edgehub'].map(endOf));
		const next = await chartOfVersion(t, nextVersion);
		await edge.helm('upgrade', 'edge', next, '--reuse-values', '--wait', '--timeout=3m');
		for (const module of ['edgeagent', 'edgehub']) await runsVersion(module, nextVersion);
		// Both were asked to end, and did so by themselves.
		t.deepEqual(await ends, [0, 0]);
		await edge.receives('temperature-filter', 3);
		t.deepEqual(await edge.lives(...modules), before);
	},
);

test.serial('a rollback takes both back, and restarts no module either', async (t) => {
	const before = await edge.lives(...modules);
	await edge.helm('rollback', 'edge', '1', '--wait', '--timeout=3m');
	for (const module of ['edgeagent', 'edgehub']) await runsVersion(module, version);
	await edge.receives('temperature-filter', 3);
	t.deepEqual(await edge.lives(...modules), before);
});

test.serial(
	'an uninstallation leaves claims and keys, and the next installation takes them',
	async (t) => {
		const claims = await edge.all('v1', 'PersistentVolumeClaim');
		t.deepEqual(
			claims.map(({ metadata }) => metadata.name),
			['edgehub'],
		);
		await edge.helm('uninstall', 'edge', '--wait');
		await until(
			async () => (await edge.all('v1', 'Pod')).length === 0,
			'the end of all pods',
			podPatience,
		);
		// The agent loses its rights before it ends, and asks for nothing more.
		t.deepEqual(await node.refusedRequests(), []);
		const left = await Promise.all(
			[
				['apps/v1', 'Deployment'],
				['batch/v1', 'Job'],
				['v1', 'Service'],
				['v1', 'Secret'],
				['v1', 'ConfigMap'],
				['v1', 'ServiceAccount'],
				['rbac.authorization.k8s.io/v1', 'Role'],
				['rbac.authorization.k8s.io/v1', 'RoleBinding'],
				['coordination.k8s.io/v1', 'Lease'],
			].map(([apiVersion = '', kind = '']) => edge.all(apiVersion, kind)),
		);
		// And what Kubernetes itself has in every namespace.
		t.deepEqual(
			left.flat().map(({ metadata }) => metadata.name),
			['edgeagent-state', 'kube-root-ca.crt', 'default'],
		);
		t.deepEqual(await edge.all('v1', 'PersistentVolumeClaim'), claims);

		await edge.helm('install', 'edge', chart, ...edge.values(), '--wait', '--timeout=3m');
		await edge.receives('temperature-filter', 1);
		const [claim] = await edge.all('v1', 'PersistentVolumeClaim');
		t.is(claim?.metadata.uid, claims[0]?.metadata.uid);
	},
);
