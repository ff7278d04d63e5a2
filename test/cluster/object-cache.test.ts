import test, { type ExecutionContext } from 'ava';
import { errorOfAnswer } from '../../src/cluster/cluster-error.ts';
import { connect } from '../../src/cluster/http-cluster-client.ts';
import { parseKubeconfig } from '../../src/cluster/kubeconfig.ts';
import { ObjectCache, type ObjectCacheSettings } from '../../src/cluster/object-cache.ts';
import { ApiServer } from '../../src/local-cluster/api-server/api-server.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const query = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'edge' };

function configMap(name: string, n: string) {
	const metadata = { name, namespace: 'edge' };
	return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { n } };
}

function reference(name: string) {
	return { apiVersion: 'v1', kind: 'ConfigMap', name, namespace: 'edge' };
}

function setUp(t: ExecutionContext, options: Partial<ObjectCacheSettings> = {}) {
	const clock = new FakeClock();
	const cluster = new MemoryCluster();
	const logger = silentLogger;
	const cache = new ObjectCache({ client: cluster, query, clock, logger, ...options });
	t.teardown(() => cache.stop());
	const state = () => {
		const objects = [...cache.objects()] as unknown as ReturnType<typeof configMap>[];
		return objects.map(({ metadata, data }) => `${metadata.name}=${data.n}`).sort();
	};
	const changes: string[] = [];
	cache.onChange(({ current, previous }) => {
		const what = current === undefined ? 'gone' : previous === undefined ? 'new' : 'changed';
		changes.push(`${(current ?? previous)?.metadata.name} ${what}`);
	});
	return { cache, cluster, clock, state, changes };
}

test('holds what was there before and follows what happens then', async (t) => {
	const { cache, cluster, clock, state, changes } = setUp(t);
	await cluster.create(configMap('a', '1'));
	t.false(cache.synced);
	await cache.start();
	await cache.whenSynced();
	t.deepEqual(state(), ['a=1']);
	await cluster.create(configMap('b', '1'));
	await cluster.patch(reference('a'), { data: { n: '2' } });
	await cluster.delete(reference('b'));
	await clock.advance(0);
	t.deepEqual(state(), ['a=2']);
	t.deepEqual(changes, ['a new', 'b new', 'a changed', 'b gone']);
	t.is(cache.staleness, 0);
});

test('keeps trying while the server is away, and says why it is not up to date', async (t) => {
	const { cache, cluster, clock, state } = setUp(t);
	cluster.fault = () => errorOfAnswer(503, '{"message":"away"}', 'list');
	await cache.start();
	await clock.advance(3_600_000);
	t.false(cache.synced);
	t.is(cache.staleness, Number.POSITIVE_INFINITY);
	t.is(cache.lastError, 'away');
	cluster.fault = () => undefined;
	await cluster.create(configMap('a', '1'));
	await clock.advance(30_000);
	t.deepEqual(state(), ['a=1']);
	t.is(cache.lastError, undefined);
});

test('goes on where it was when a watch ends', async (t) => {
	const { cache, cluster, clock, state } = setUp(t);
	await cache.start();
	await clock.advance(60_000);
	let lists = 0;
	cluster.fault = (operation) => {
		if (operation === 'list') lists += 1;
		return undefined;
	};
	cluster.cutWatches();
	await cluster.create(configMap('a', '1'));
	await clock.advance(1000);
	t.deepEqual(state(), ['a=1']);
	t.is(lists, 0);
});

test('lists again when the past is gone, and notices what it missed', async (t) => {
	const { cache, cluster, clock, state, changes } = setUp(t);
	await cluster.create(configMap('a', '1'));
	await cluster.create(configMap('b', '1'));
	await cache.start();
	await cache.whenSynced();
	let away = true;
	cluster.fault = (operation) =>
		away && operation === 'watch' ? errorOfAnswer(503, '', 'watch') : undefined;
	cluster.cutWatches();
	await clock.advance(0);
	await cluster.delete(reference('a'));
	await cluster.patch(reference('b'), { data: { n: '2' } });
	cluster.compact();
	away = false;
	await clock.advance(60_000);
	t.deepEqual(state(), ['b=2']);
	t.deepEqual(changes, ['a new', 'b new', 'b changed', 'a gone']);
});

test('lists everything anew from time to time, in case a change was never told', async (t) => {
	const { cache, cluster, clock, state } = setUp(t, { resync: 60_000 });
	await cache.start();
	await cache.whenSynced();
	// A watch that is open but dead: it never yields anything again.
	cluster.watch = async function* (_query, _from, signal) {
		await new Promise((resolve) => signal?.addEventListener('abort', resolve));
	};
	cluster.cutWatches();
	await clock.advance(6000);
	await cluster.create(configMap('a', '1'));
	await clock.advance(40_000);
	t.deepEqual(state(), []);
	await clock.advance(20_000);
	t.deepEqual(state(), ['a=1']);
});

test('does not hammer a server that ends every watch at once', async (t) => {
	const { cache, cluster, clock } = setUp(t);
	await cache.start();
	await cache.whenSynced();
	let requests = 0;
	cluster.watch = async function* () {
		requests += 1;
		yield* [];
	};
	cluster.cutWatches();
	await clock.advance(600_000);
	t.true(requests > 10 && requests < 60, String(requests));
});

test('takes an optional kind that the cluster lacks for an empty one', async (t) => {
	const { cache, cluster } = setUp(t, { optional: true });
	cluster.fault = () => errorOfAnswer(403, '{"message":"not allowed"}', 'list');
	await cache.start();
	await cache.whenSynced();
	t.is(cache.size, 0);
	t.true(cache.synced);
});

test('knows an own write before the watch tells of it, and is not thrown back by older news', async (t) => {
	const { cache, cluster, clock, state } = setUp(t);
	const older = await cluster.create(configMap('a', '1'));
	await cache.start();
	await cache.whenSynced();
	const newer = await cluster.patch(reference('a'), { data: { n: '2' } });
	cache.observe(newer);
	t.deepEqual(state(), ['a=2']);
	cache.observe(older);
	t.deepEqual(state(), ['a=2']);
	await cluster.delete(reference('a'));
	cache.observeDeletion(newer);
	t.deepEqual(state(), []);
	await clock.advance(0);
	t.deepEqual(state(), []);
});

test('keeps an own write that a list under way does not know of', async (t) => {
	const { cache, cluster, clock, state } = setUp(t, { resync: 60_000 });
	await cache.start();
	await cache.whenSynced();
	const list = cluster.list.bind(cluster);
	cluster.list = async (which) => {
		const answer = await list(which);
		await clock.sleep(5000);
		return answer;
	};
	await clock.advance(61_000);
	const written = await cluster.create(configMap('a', '1'));
	cache.observe(written);
	cluster.watch = async function* (_query, _from, signal) {
		await new Promise((resolve) => signal?.addEventListener('abort', resolve));
		yield* [];
	};
	await clock.advance(10_000);
	t.deepEqual(state(), ['a=1']);
});

test('keeps following when a listener throws', async (t) => {
	const { cache, cluster, clock, state } = setUp(t);
	cache.onChange(() => {
		throw new Error('listener');
	});
	await cluster.create(configMap('a', '1'));
	await cache.start();
	await clock.advance(0);
	t.deepEqual(state(), ['a=1']);
});

test('leaves nothing behind when it stops, however often', async (t) => {
	const { cache, clock } = setUp(t);
	await cache.start();
	await clock.advance(0);
	await cache.stop();
	await cache.stop();
	t.is(clock.pending, 0);
});

test('follows a real server over its restart, and over a history that is gone', async (t) => {
	const folder = await temporaryFolder(t);
	const settings = { folder, clusterIpBlock: '127.80.1', clock: systemClock, logger: silentLogger };
	let server = new ApiServer(settings);
	await server.start();
	t.teardown(() => server.stop());
	const config = await parseKubeconfig({ path: 'kubeconfig', text: server.kubeconfig() });
	const client = connect(config);
	const cache = new ObjectCache({
		client,
		query: { ...query, namespace: 'default', labelSelector: 'mine=yes' },
		clock: systemClock,
		logger: silentLogger,
	});
	t.teardown(async () => {
		await cache.stop();
		client.close();
	});
	const create = (name: string) => {
		const metadata = { name, namespace: 'default', labels: { mine: 'yes' } };
		return client.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata });
	};
	const names = () => [...cache.objects()].map(({ metadata }) => metadata.name).sort();
	const until = async (expected: string) => {
		for (let tries = 0; names().join() !== expected && tries < 1000; tries += 1) {
			await systemClock.sleep(10);
		}
		t.is(names().join(), expected);
	};
	await create('a');
	await cache.start();
	await until('a');
	await create('b');
	await until('a,b');
	await server.stop();
	server = new ApiServer(settings);
	await server.start();
	await create('c');
	server.compact();
	await until('a,b,c');
	await create('d');
	await until('a,b,c,d');
});
