import type { ExecutionContext, TestFn } from 'ava';
import type { ClusterClient, ListQuery, WatchEvent } from '../../src/cluster/cluster-client.ts';
import { ClusterError } from '../../src/cluster/cluster-error.ts';
import { type KubernetesObject, referenceOf } from '../../src/cluster/kubernetes-object.ts';

/** A cluster to test with. */
export interface ClusterUnderTest {
	readonly client: ClusterClient;
	/** A namespace that exists and holds nothing of interest. */
	readonly namespace: string;
}

const manager = { fieldManager: 'edge-agent' };
const patience = 20_000;

/** What every cluster client promises, tested with the cluster that `open` hands out for each test. */
export function testClusterClient(
	test: TestFn,
	title: string,
	open: (t: ExecutionContext) => Promise<ClusterUnderTest>,
): void {
	test(`${title}: gets what was created, and undefined for what is not there`, async (t) => {
		const { client, namespace } = await open(t);
		const object = configMap(namespace, 'a', { key: 'value' });
		const created = await client.create(object);
		t.truthy(created.metadata.uid);
		t.truthy(created.metadata.resourceVersion);
		const found = await client.get(referenceOf(object));
		t.deepEqual(found?.['data'], { key: 'value' });
		t.is(found?.kind, 'ConfigMap');
		t.is(await client.get({ ...referenceOf(object), name: 'nobody' }), undefined);
	});

	test(`${title}: refuses to create twice, and to replace what has changed`, async (t) => {
		const { client, namespace } = await open(t);
		const created = await client.create(configMap(namespace, 'a', { n: '1' }));
		await t.throwsAsync(client.create(configMap(namespace, 'a', {})), { code: conflict });
		const replaced = await client.replace({ ...created, data: { n: '2' } });
		t.not(replaced.metadata.resourceVersion, created.metadata.resourceVersion);
		await t.throwsAsync(client.replace({ ...created, data: { n: '3' } }), { code: conflict });
	});

	test(`${title}: lists by namespace and label, each item with its kind`, async (t) => {
		const { client, namespace } = await open(t);
		const labelled = configMap(namespace, 'a', {});
		labelled.metadata.labels = { app: 'filter', tier: 'edge' };
		await client.create(labelled);
		await client.create(configMap(namespace, 'b', {}));
		const list = await client.list({ ...configMaps(namespace), labelSelector: 'app=filter' });
		t.deepEqual(
			list.items.map(({ apiVersion, kind, metadata }) => [apiVersion, kind, metadata.name]),
			[['v1', 'ConfigMap', 'a']],
		);
		t.truthy(list.resourceVersion);
	});

	test(`${title}: applies what is declared, keeps what others set, drops what is no longer declared`, async (t) => {
		const { client, namespace } = await open(t);
		const declared = configMap(namespace, 'a', { ours: '1', dropped: '1' });
		declared.metadata.labels = { ours: 'yes' };
		const reference = referenceOf(declared);
		await client.apply(declared, manager);
		await client.patch(reference, {
			metadata: { labels: { theirs: 'yes' } },
			data: { theirs: '2' },
		});
		const next = configMap(namespace, 'a', { ours: '3' });
		next.metadata.labels = { ours: 'yes' };
		const live = await client.apply(next, manager);
		t.deepEqual(live['data'], { ours: '3', theirs: '2' });
		t.like(live.metadata.labels, { ours: 'yes', theirs: 'yes' });
	});

	test(`${title}: changes nothing when the same is applied again`, async (t) => {
		const { client, namespace } = await open(t);
		const declared = deployment(namespace, 'filter', [{ name: 'A', value: '1' }]);
		const first = await client.apply(declared, manager);
		const second = await client.apply(declared, manager);
		t.is(second.metadata.generation, first.metadata.generation);
		t.is(second.metadata.resourceVersion, first.metadata.resourceVersion);
	});

	test(`${title}: takes back by force a field that somebody changed`, async (t) => {
		const { client, namespace } = await open(t);
		const declared = configMap(namespace, 'a', { n: 'ours' });
		await client.apply(declared, manager);
		await client.apply(configMap(namespace, 'a', { n: 'theirs' }), { fieldManager: 'somebody' });
		const live = await client.apply(declared, manager);
		t.deepEqual(live['data'], { n: 'ours' });
	});

	test(`${title}: merges containers and environment by name`, async (t) => {
		const { client, namespace } = await open(t);
		const variables = [
			{ name: 'A', value: '1' },
			{ name: 'B', value: '2' },
		];
		await client.apply(deployment(namespace, 'filter', variables), manager);
		const declared = deployment(namespace, 'filter', [{ name: 'B', value: '3' }]);
		const live = await client.apply(declared, manager);
		t.like(live.spec, {
			template: { spec: { containers: [{ name: 'filter', env: [{ name: 'B', value: '3' }] }] } },
		});
		const template = live.spec?.['template'] as { spec: { containers: { env: unknown[] }[] } };
		t.is(template.spec.containers[0]?.env.length, 1);
	});

	test(`${title}: tells the result of a dry run and stores nothing`, async (t) => {
		const { client, namespace } = await open(t);
		const object = configMap(namespace, 'a', { n: '1' });
		const result = await client.apply(object, { ...manager, dryRun: true });
		t.deepEqual(result['data'], { n: '1' });
		t.is(await client.get(referenceOf(object)), undefined);
	});

	test(`${title}: refuses an invalid change for good`, async (t) => {
		const { client, namespace } = await open(t);
		await client.apply(deployment(namespace, 'filter', []), manager);
		const other = deployment(namespace, 'filter', []);
		other.spec = { ...other.spec, selector: { matchLabels: { module: 'other' } } };
		const error = await t.throwsAsync(client.apply(other, manager), { instanceOf: ClusterError });
		t.true(error.terminal);
		t.is(error.code, 'EDGE_CLUSTER_REFUSED');
	});

	test(`${title}: deletes once, and only the very object when asked to`, async (t) => {
		const { client, namespace } = await open(t);
		const created = await client.create(configMap(namespace, 'a', {}));
		const reference = referenceOf(configMap(namespace, 'a', {}));
		const other = client.delete(reference, { uid: '00000000-0000-0000-0000-000000000000' });
		await t.throwsAsync(other, { code: conflict });
		t.true(await client.delete(reference, { uid: created.metadata.uid ?? '' }));
		t.false(await client.delete(reference));
		t.is(await client.get(reference), undefined);
	});

	test(`${title}: watches from a list on, only what is asked for`, async (t) => {
		const { client, namespace } = await open(t);
		await client.create(configMap(namespace, 'before', {}));
		const query = { ...configMaps(namespace), labelSelector: 'watched=yes' };
		const { resourceVersion } = await client.list(query);
		const watched = collect(client, query, resourceVersion, 3);
		const object = configMap(namespace, 'a', { n: '1' });
		object.metadata.labels = { watched: 'yes' };
		await client.create(configMap(namespace, 'other', {}));
		await client.create(object);
		await client.patch(referenceOf(object), { data: { n: '2' } });
		await client.delete(referenceOf(object));
		t.deepEqual(await watched, ['ADDED a 1', 'MODIFIED a 2', 'DELETED a 2']);
	});

	test(`${title}: answers 404 to a change of what is not there`, async (t) => {
		const { client, namespace } = await open(t);
		const reference = referenceOf(configMap(namespace, 'nobody', {}));
		await t.throwsAsync(client.patch(reference, { data: {} }), {
			code: 'EDGE_CLUSTER_NOT_FOUND',
		});
	});
}

const conflict = 'EDGE_CLUSTER_CONFLICT';

function configMap(
	namespace: string,
	name: string,
	data: Record<string, string>,
): KubernetesObject {
	return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data };
}

function configMaps(namespace: string): ListQuery {
	return { apiVersion: 'v1', kind: 'ConfigMap', namespace };
}

function deployment(
	namespace: string,
	name: string,
	env: { name: string; value: string }[],
): KubernetesObject {
	const labels = { module: name };
	return {
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: { name, namespace },
		spec: {
			replicas: 0,
			selector: { matchLabels: labels },
			template: {
				metadata: { labels },
				spec: { containers: [{ name, image: 'example/filter:1', env }] },
			},
		},
	};
}

/** The first `count` changes as `ADDED name data.n`. */
async function collect(
	client: ClusterClient,
	query: ListQuery,
	from: string,
	count: number,
): Promise<string[]> {
	const changes: string[] = [];
	for await (const event of client.watch(query, from, AbortSignal.timeout(patience))) {
		if (event.type === 'BOOKMARK') continue;
		changes.push(describe(event));
		if (changes.length === count) break;
	}
	return changes;
}

function describe(event: Exclude<WatchEvent, { type: 'BOOKMARK' }>): string {
	const { metadata, data } = event.object as KubernetesObject & { data?: Record<string, string> };
	return `${event.type} ${metadata.name} ${data?.['n']}`;
}
