import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { memoryJournal } from '../../../src/local-cluster/api-server/store/object-journal.ts';
import {
	ObjectStore,
	type StoreEvent,
} from '../../../src/local-cluster/api-server/store/object-store.ts';
import { SqliteJournal } from '../../../src/local-cluster/api-server/store/sqlite-journal.ts';
import {
	configMapOf,
	KubernetesRequests,
	startApiServer,
} from '../../support/kubernetes-requests.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';

function objectOf(name: string, data: object = {}) {
	return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'n' }, data };
}

test('a store gives every change the next version, and tells it to listeners', (t) => {
	const store = new ObjectStore(memoryJournal);
	store.load();
	const seen: string[] = [];
	const stop = store.listen('configmaps', ({ type, revision, previous, object }: StoreEvent) => {
		seen.push(
			`${type} ${revision} ${previous?.object.metadata.resourceVersion} ${object.object.metadata.resourceVersion}`,
		);
	});
	store.put('configmaps', 'n/a', objectOf('a'));
	store.put('secrets', 'n/a', objectOf('a'));
	store.put('configmaps', 'n/a', objectOf('a', { x: '1' }));
	store.remove('configmaps', 'n/a');
	stop();
	store.put('configmaps', 'n/a', objectOf('a'));
	t.deepEqual(seen, ['ADDED 2 undefined 2', 'MODIFIED 4 2 4', 'DELETED 5 4 5']);
	t.is(store.revision, 6);
	t.is(store.listenerCount, 0);
	t.is(store.remove('configmaps', 'n/none'), undefined);
});

test('a store shows a list as it was', (t) => {
	const store = new ObjectStore(memoryJournal);
	store.load();
	for (const name of ['b', 'a', 'c']) store.put('configmaps', `n/${name}`, objectOf(name));
	const then = store.revision;
	store.remove('configmaps', 'n/b');
	store.put('configmaps', 'n/a', objectOf('a', { changed: 'yes' }));
	store.put('configmaps', 'n/d', objectOf('d'));
	store.put('configmaps', 'm/a', objectOf('a'));
	const names = store.listAt('configmaps', 'n', then).map(({ object }) => object.metadata.name);
	t.deepEqual(names, ['a', 'b', 'c']);
	t.deepEqual(store.listAt('configmaps', 'n', then)[0]?.object['data'], {});
	t.deepEqual(
		store.list('configmaps', 'n').map(({ object }) => object.metadata.name),
		['a', 'c', 'd'],
	);
});

test('what a journal was given it gives back', async (t) => {
	const folder = await temporaryFolder(t);
	const path = join(folder, 'objects.sqlite');
	const first = new ObjectStore(new SqliteJournal(path));
	first.load();
	first.put('configmaps', 'n/a', objectOf('a', { x: '1' }));
	first.put('configmaps', 'n/b', objectOf('b'));
	first.put('configmaps', 'n/a', objectOf('a', { x: '2' }));
	first.remove('configmaps', 'n/b');
	const { revision } = first;
	first.close();
	const second = new ObjectStore(new SqliteJournal(path));
	second.load();
	t.is(second.revision, revision);
	t.like(second.get('configmaps', 'n/a'), { data: { x: '2' }, metadata: { resourceVersion: '4' } });
	t.is(second.get('configmaps', 'n/b'), undefined);
	t.throws(() => second.changesAfter('configmaps', revision - 1), {
		message: /too old resource version/,
	});
	t.deepEqual(second.changesAfter('configmaps', revision), []);
	second.close();
	t.is((await stat(path)).mode & 0o777, 0o600);
});

test('versions go up over a restart, and old watches are told to list again', async (t) => {
	const folder = await temporaryFolder(t);
	const first = await startApiServer(t, { folder });
	const { body } = await first.post(configMaps, configMapOf('a'));
	await first.post(configMaps, configMapOf('b'));
	await first.server.stop();
	const second = await startApiServer(t, { folder });
	t.deepEqual((await second.get(`${configMaps}/a`)).body, body);
	const { body: next } = await second.post(configMaps, configMapOf('c'));
	t.true(Number(next.metadata.resourceVersion) > Number(body.metadata.resourceVersion) + 1);
	const old = second.watch(
		`${configMaps}?watch=true&resourceVersion=${body.metadata.resourceVersion}`,
	);
	t.is((await old.next()).value.object.code, 410);
	await old.return(undefined);
	for (const file of ['kubeconfig', 'identity.json', 'objects.sqlite']) {
		t.is((await stat(join(folder, file))).mode & 0o777, 0o600, file);
	}
});

test('what was answered survives kill -9', async (t) => {
	const folder = await temporaryFolder(t);
	const script = join(import.meta.dirname, '../../support/api-server-process.ts');
	const child = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
	const [output] = await once(child.stdout, 'data');
	const config = JSON.parse(String(output).split('\0')[0] ?? '');
	const authority = config.clusters[0].cluster;
	const remote = {
		url: authority.server,
		caCertificate: Buffer.from(authority['certificate-authority-data'], 'base64').toString(),
		adminToken: config.users[0].user.token,
	};
	const requests = new KubernetesRequests(remote);
	const answered: string[] = [];
	const writing = (async () => {
		for (let count = 0; ; count += 1) {
			const { code } = await requests.post(configMaps, configMapOf(`c${count}`));
			if (code !== 201) return;
			answered.push(`c${count}`);
			if (answered.length === 50) child.kill('SIGKILL');
		}
	})();
	await t.throwsAsync(writing);
	requests.close();
	const api = await startApiServer(t, { folder });
	const { body } = await api.get(configMaps);
	const kept = new Set(
		body.items.map((item: { metadata: { name: string } }) => item.metadata.name),
	);
	t.true(answered.length >= 50);
	t.deepEqual(
		answered.filter((name) => !kept.has(name)),
		[],
	);
	t.is(api.server.adminToken, remote.adminToken);
});

test('stopping twice is stopping once, and a watch does not hold it up', async (t) => {
	const api = await startApiServer(t);
	const events = api.watch(`${configMaps}?watch=true&resourceVersion=0`);
	const first = events.next();
	await api.get('/healthz');
	await api.server.stop();
	await api.server.stop();
	await first.catch(() => undefined);
	t.throws(() => api.server.url);
});

test('the Service of the API server follows its port', async (t) => {
	const folder = await temporaryFolder(t);
	const first = await startApiServer(t, { folder });
	const port = Number(new URL(first.server.url).port);
	await first.server.stop();
	await startApiServer(t, { port });
	const second = await startApiServer(t, { folder });
	const { body } = await second.get('/api/v1/namespaces/default/services/kubernetes');
	t.not(body.spec.ports[0].targetPort, port);
	t.is(body.spec.ports[0].targetPort, Number(new URL(second.server.url).port));
	t.is(body.spec.clusterIP, '127.83.7.1');
});
