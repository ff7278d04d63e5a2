import test from 'ava';
import { FakeClock } from '../../support/fake-clock.ts';
import type { KubernetesRequests } from '../../support/kubernetes-requests.ts';
import { configMapOf, podOf, startApiServer } from '../../support/kubernetes-requests.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';
const pods = '/api/v1/namespaces/default/pods';

interface Event {
	readonly type: string;
	readonly object: {
		readonly metadata: { readonly name: string; readonly resourceVersion: string };
	};
}

async function take(events: AsyncGenerator<Event>, count: number): Promise<string[]> {
	const seen: string[] = [];
	while (seen.length < count) {
		const { value, done } = await events.next();
		if (done) break;
		seen.push(`${value.type} ${value.object.metadata.name}`);
	}
	return seen;
}

async function versionOf(api: KubernetesRequests, path = configMaps): Promise<string> {
	return (await api.get(path)).body.metadata.resourceVersion;
}

test('a watch goes on where a list ended', async (t) => {
	const api = await startApiServer(t);
	await api.post(configMaps, configMapOf('old'));
	const events = api.watch(`${configMaps}?watch=1&resourceVersion=${await versionOf(api)}`);
	await api.post(configMaps, configMapOf('new'));
	await api.patch(`${configMaps}/old`, { data: { a: 'b' } });
	await api.delete(`${configMaps}/new`);
	t.deepEqual(await take(events, 3), ['ADDED new', 'MODIFIED old', 'DELETED new']);
	await events.return(undefined);
});

test('a watch from a version in the past catches up', async (t) => {
	const api = await startApiServer(t);
	const version = await versionOf(api);
	await api.post(configMaps, configMapOf('a'));
	await api.delete(`${configMaps}/a`);
	const events = api.watch(`${configMaps}?watch=true&resourceVersion=${version}`);
	t.deepEqual(await take(events, 2), ['ADDED a', 'DELETED a']);
	await events.return(undefined);
});

test('a watch without a version begins with what is there', async (t) => {
	const api = await startApiServer(t);
	await api.post(configMaps, configMapOf('a'));
	const events = api.watch(`${configMaps}?watch=true`);
	t.deepEqual(await take(events, 1), ['ADDED a']);
	await api.post(configMaps, configMapOf('b'));
	t.deepEqual(await take(events, 1), ['ADDED b']);
	await events.return(undefined);
});

test('what comes into or leaves a selection is added or deleted', async (t) => {
	const api = await startApiServer(t);
	const events = api.watch(
		`${configMaps}?watch=true&resourceVersion=${await versionOf(api)}&labelSelector=on%3Dyes`,
	);
	await api.post(configMaps, configMapOf('other'));
	await api.post(configMaps, configMapOf('a', {}, { labels: { on: 'yes' } }));
	await api.patch(`${configMaps}/a`, { metadata: { labels: { on: 'no' } } });
	await api.patch(`${configMaps}/a`, { data: { x: '1' } });
	await api.patch(`${configMaps}/a`, { metadata: { labels: { on: 'yes' } } });
	t.deepEqual(await take(events, 3), ['ADDED a', 'DELETED a', 'ADDED a']);
	await events.return(undefined);
});

test('a watch of one namespace or one object sees no other', async (t) => {
	const api = await startApiServer(t);
	const version = await versionOf(api);
	const one = api.watch(`${configMaps}/b?watch=true&resourceVersion=${version}`);
	const all = api.watch(`/api/v1/configmaps?watch=true&resourceVersion=${version}`);
	await api.post('/api/v1/namespaces/kube-public/configmaps', configMapOf('a'));
	await api.post(configMaps, configMapOf('a'));
	await api.post(configMaps, configMapOf('b'));
	t.deepEqual(await take(one, 1), ['ADDED b']);
	t.deepEqual(await take(all, 3), ['ADDED a', 'ADDED a', 'ADDED b']);
	await one.return(undefined);
	await all.return(undefined);
});

test('a watch from a version that is forgotten ends with 410', async (t) => {
	const api = await startApiServer(t);
	const version = await versionOf(api);
	await api.post(configMaps, configMapOf('a'));
	api.server.compact();
	const events = api.watch(`${configMaps}?watch=true&resourceVersion=${version}`);
	const { value } = await events.next();
	t.is(value.type, 'ERROR');
	t.like(value.object, { kind: 'Status', code: 410, reason: 'Expired' });
	t.true((await events.next()).done);
});

test('the history is bounded', async (t) => {
	const api = await startApiServer(t, { historyLimit: 8 });
	const version = await versionOf(api);
	await api.post(configMaps, configMapOf('a'));
	for (let count = 0; count < 10; count += 1) {
		await api.patch(`${configMaps}/a`, { data: { count: String(count) } });
	}
	const events = api.watch(`${configMaps}?watch=true&resourceVersion=${version}`);
	t.is((await events.next()).value.object.code, 410);
	const { body } = await api.get(`${configMaps}/a`);
	const recent = Number(body.metadata.resourceVersion) - 1;
	const later = api.watch(`${configMaps}?watch=true&resourceVersion=${recent}`);
	t.deepEqual(await take(later, 1), ['MODIFIED a']);
	await later.return(undefined);
});

test('a version from the future is refused for now', async (t) => {
	const api = await startApiServer(t);
	const { code, body } = await api.get(`${configMaps}?resourceVersion=999999`);
	t.is(code, 504);
	t.is(body.details.causes[0].reason, 'ResourceVersionTooLarge');
	t.is((await api.get(`${configMaps}?resourceVersion=abc`)).code, 400);
});

test('bookmarks tell how far a watch is, and time ends it', async (t) => {
	const clock = new FakeClock();
	const api = await startApiServer(t, { clock });
	const version = await versionOf(api);
	const query = `watch=true&resourceVersion=${version}&allowWatchBookmarks=true&timeoutSeconds=90`;
	const events = api.watch(`${configMaps}?${query}`);
	await api.post(pods, podOf('p'));
	const first = events.next();
	const arrived = api.get('/healthz');
	await arrived;
	await clock.advance(60_000);
	const bookmark = (await first).value;
	t.is(bookmark.type, 'BOOKMARK');
	t.true(Number(bookmark.object.metadata.resourceVersion) > Number(version));
	t.is(bookmark.object.kind, 'ConfigMap');
	await clock.advance(30_000);
	t.is((await events.next()).value.type, 'BOOKMARK');
	t.true((await events.next()).done);
});

test('a streamed list ends with a bookmark that says so', async (t) => {
	const api = await startApiServer(t);
	await api.post(configMaps, configMapOf('a'));
	const query = 'watch=true&sendInitialEvents=true&allowWatchBookmarks=true';
	const events = api.watch(`${configMaps}?${query}&resourceVersionMatch=NotOlderThan`);
	t.deepEqual(await take(events, 1), ['ADDED a']);
	const { value } = await events.next();
	t.is(value.type, 'BOOKMARK');
	t.is(value.object.metadata.annotations['k8s.io/initial-events-end'], 'true');
	await events.return(undefined);
	t.is((await api.get(`${configMaps}?${query}`)).code, 400);
});

test('watches that end leave nothing behind', async (t) => {
	const api = await startApiServer(t);
	const before = api.server.listenerCount;
	const version = await versionOf(api);
	const path = `${configMaps}?watch=true&resourceVersion=${version}`;
	const watches = Array.from({ length: 20 }, () => api.watch(path));
	const firsts = watches.map((events) => events.next());
	while (api.server.listenerCount < before + 20) await api.get('/healthz');
	await api.post(configMaps, configMapOf('a'));
	await Promise.all(firsts);
	await Promise.all(watches.map((events) => events.return(undefined)));
	while (api.server.listenerCount > before) await api.get('/healthz');
	t.is(api.server.listenerCount, before);
});

test('a list can be read in pages that show one moment', async (t) => {
	const api = await startApiServer(t);
	for (const name of ['a', 'b', 'c', 'd', 'e']) await api.post(configMaps, configMapOf(name));
	const { body: first } = await api.get(`${configMaps}?limit=2`);
	t.is(first.metadata.remainingItemCount, 3);
	await api.delete(`${configMaps}/d`);
	await api.post(configMaps, configMapOf('bb'));
	const next = `${configMaps}?limit=2&continue=${first.metadata.continue}`;
	const { body: second } = await api.get(next);
	const names = (list: { items: { metadata: { name: string } }[] }) =>
		list.items.map((item) => item.metadata.name);
	t.deepEqual(
		[names(first), names(second)],
		[
			['a', 'b'],
			['c', 'd'],
		],
	);
	t.is(second.metadata.resourceVersion, first.metadata.resourceVersion);
	const { body: third } = await api.get(`${configMaps}?continue=${second.metadata.continue}`);
	t.deepEqual(names(third), ['e']);
	t.is(third.metadata.continue, undefined);
	api.server.compact();
	t.is((await api.get(next)).code, 410);
	t.is((await api.get(`${configMaps}?continue=nonsense`)).code, 400);
});

test('lists are chosen by labels and fields', async (t) => {
	const api = await startApiServer(t);
	await api.post(pods, podOf('a', { nodeName: 'n1' }));
	await api.post(pods, podOf('b'));
	const names = async (query: string) => {
		const { body } = await api.get(`/api/v1/pods?${query}`);
		return body.items.map((item: { metadata: { name: string } }) => item.metadata.name);
	};
	t.deepEqual(await names('fieldSelector=spec.nodeName%3Dn1'), ['a']);
	t.deepEqual(await names('fieldSelector=spec.nodeName%3D'), ['b']);
	t.deepEqual(await names('fieldSelector=metadata.name!%3Da,status.phase%3DPending'), ['b']);
	t.deepEqual(await names('fieldSelector=metadata.namespace%3Dother'), []);
	t.is((await api.get(`${pods}?fieldSelector=spec.image%3Dx`)).code, 400);
	t.is((await api.get(`${pods}?labelSelector=a%3D%3D%3Db`)).code, 400);
});
