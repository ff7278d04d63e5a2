import {
	ApiException,
	AppsV1Api,
	CoreV1Api,
	CustomObjectsApi,
	KubeConfig,
	KubernetesObjectApi,
	type V1Pod,
	Watch,
} from '@kubernetes/client-node';
import test from 'ava';
import { deploymentOf, podOf, startApiServer } from '../../support/kubernetes-requests.ts';

async function configOf(t: Parameters<typeof startApiServer>[0]) {
	const { server } = await startApiServer(t);
	const config = new KubeConfig();
	config.loadFromString(server.kubeconfig());
	return config;
}

test('the official client creates, reads, replaces, patches and deletes', async (t) => {
	const config = await configOf(t);
	const apps = config.makeApiClient(AppsV1Api);
	const namespace = 'default';
	const name = 'web';
	const body = deploymentOf(name);
	const created = await apps.createNamespacedDeployment({ namespace, body });
	t.true(created.metadata?.creationTimestamp instanceof Date);
	if (created.spec !== undefined) created.spec.replicas = 2;
	const replaced = await apps.replaceNamespacedDeployment({ namespace, name, body: created });
	t.is(replaced.spec?.replicas, 2);
	const scale = await apps.readNamespacedDeploymentScale({ namespace, name });
	t.is(scale.spec?.replicas, 2);
	const list = await apps.listDeploymentForAllNamespaces({ labelSelector: 'none=such' });
	t.deepEqual(list.items, []);
	const status = await apps.deleteNamespacedDeployment({ namespace, name });
	t.is(status.status, 'Success');
	const error = await t.throwsAsync(apps.readNamespacedDeployment({ namespace, name }), {
		instanceOf: ApiException,
	});
	t.is((error as ApiException<unknown>).code, 404);
});

test('the official client finds kinds by discovery, and applies', async (t) => {
	const config = await configOf(t);
	const objects = KubernetesObjectApi.makeApiClient(config);
	const spec = {
		apiVersion: 'v1',
		kind: 'ConfigMap',
		metadata: { name: 'a', namespace: 'default' },
	};
	await objects.create({ ...spec, data: { x: '1' } } as typeof spec);
	const read = await objects.read(spec);
	t.is(read.metadata?.name, 'a');
	const { items } = await objects.list('v1', 'ConfigMap', 'default');
	t.is(items.length, 1);
	await objects.delete(spec);
	const custom = config.makeApiClient(CustomObjectsApi);
	await t.throwsAsync(
		custom.listClusterCustomObject({ group: 'example.com', version: 'v1', plural: 'widgets' }),
	);
});

test('the official client watches', async (t) => {
	const config = await configOf(t);
	const core = config.makeApiClient(CoreV1Api);
	const seen: string[] = [];
	let arrived = () => {};
	const done = new Promise<void>((resolve) => {
		arrived = resolve;
	});
	const path = '/api/v1/namespaces/default/pods';
	const watch = await new Watch(config).watch(
		path,
		{ allowWatchBookmarks: true },
		(type: string, pod: V1Pod) => {
			seen.push(`${type} ${pod.metadata?.name}`);
			if (type === 'DELETED') arrived();
		},
		() => {},
	);
	const namespace = 'default';
	await core.createNamespacedPod({ namespace, body: podOf('p') });
	await core.deleteNamespacedPod({ namespace, name: 'p' });
	await done;
	watch.abort();
	t.deepEqual(seen, ['ADDED p', 'DELETED p']);
});
