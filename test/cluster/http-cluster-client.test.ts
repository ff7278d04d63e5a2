import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { CertificateAuthority } from '../../src/certificates/certificate-authority.ts';
import type { WatchEvent } from '../../src/cluster/cluster-client.ts';
import { ClusterError, errorOfAnswer } from '../../src/cluster/cluster-error.ts';
import { connect } from '../../src/cluster/http-cluster-client.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { ScriptedApiServer, sendJson } from '../support/scripted-api-server.ts';

const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'filter', namespace: 'edge' } };
const podReference = { apiVersion: 'v1', kind: 'Pod', name: 'filter', namespace: 'edge' };
const pods = { apiVersion: 'v1', kind: 'Pod', namespace: 'edge' };

test('finds the URL of a kind by discovery and sends the token', async (t) => {
	const server = await ScriptedApiServer.start(t);
	server.answer = (_request, response) => sendJson(response, 200, pod);
	t.deepEqual(await connect(server.config).get(podReference), pod);
	t.is(server.requests[0]?.path, '/api/v1/namespaces/edge/pods/filter');
	t.is(server.requests[0]?.headers.authorization, 'Bearer secret-token');
});

test('leaves the namespace out of the URL of a cluster-scoped kind', async (t) => {
	const server = await ScriptedApiServer.start(t);
	server.answer = (_request, response) => sendJson(response, 404, {});
	const reference = { apiVersion: 'v1', kind: 'Namespace', name: 'edge' };
	t.is(await connect(server.config).get(reference), undefined);
	t.is(server.requests[0]?.path, '/api/v1/namespaces/edge');
});

for (const answer of [
	{ kind: 'Status', metadata: {}, status: 'Success' },
	{ metadata: { resourceVersion: '7' } },
	{ kind: 'Pod', metadata: { resourceVersion: '7' }, items: [] },
	{ kind: 'PodList', metadata: { resourceVersion: '7' }, items: {} },
]) {
	test(`does not take ${JSON.stringify(answer)} for an empty list`, async (t) => {
		const server = await ScriptedApiServer.start(t);
		server.answer = (_request, response) => sendJson(response, 200, answer);
		await t.throwsAsync(connect(server.config).list(pods), { code: 'EDGE_CLUSTER_ANSWER_INVALID' });
	});
}

test('says that the cluster does not serve a kind', async (t) => {
	const server = await ScriptedApiServer.start(t);
	const reference = { apiVersion: 'v1', kind: 'Gadget', name: 'x' };
	const error = await t.throwsAsync(connect(server.config).get(reference), {
		instanceOf: ClusterError,
	});
	t.is(error.code, 'EDGE_CLUSTER_NOT_FOUND');
	t.deepEqual(server.requests, []);
});

test('reads a list in pages and fills in the kind of the items', async (t) => {
	const server = await ScriptedApiServer.start(t);
	server.answer = ({ query }, response) => {
		const second = query.get('continue') === 'more';
		sendJson(response, 200, {
			metadata: { resourceVersion: '7', ...(second ? {} : { continue: 'more' }) },
			items: [{ metadata: { name: second ? 'b' : 'a' } }],
		});
	};
	const list = await connect(server.config, { pageSize: 1 }).list({
		...pods,
		labelSelector: 'app=x',
	});
	t.deepEqual(list, {
		items: [
			{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } },
			{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'b' } },
		],
		resourceVersion: '7',
	});
	t.is(server.requests[1]?.query.get('labelSelector'), 'app=x');
	t.is(server.requests[1]?.query.get('limit'), '1');
});

test('applies with a forced server-side apply', async (t) => {
	const server = await ScriptedApiServer.start(t);
	server.answer = (_request, response) => sendJson(response, 200, pod);
	await connect(server.config).apply(pod, { fieldManager: 'edge-agent' });
	const request = server.requests[0];
	t.is(request?.method, 'PATCH');
	t.is(request?.headers['content-type'], 'application/apply-patch+yaml');
	t.is(request?.query.toString(), 'fieldManager=edge-agent&force=true');
	t.deepEqual(JSON.parse(request?.body ?? ''), pod);
});

test('deletes one very object, in the background', async (t) => {
	const server = await ScriptedApiServer.start(t);
	server.answer = (_request, response) => sendJson(response, 200, { kind: 'Status' });
	t.true(await connect(server.config).delete(podReference, { uid: 'u1' }));
	t.deepEqual(JSON.parse(server.requests[0]?.body ?? ''), {
		apiVersion: 'v1',
		kind: 'DeleteOptions',
		propagationPolicy: 'Background',
		preconditions: { uid: 'u1' },
	});
	server.answer = (_request, response) => sendJson(response, 404, {});
	t.false(await connect(server.config).delete(podReference));
});

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
	const all: Item[] = [];
	for await (const item of items) all.push(item);
	return all;
}

const failures = [
	{ status: 403, code: 'EDGE_CLUSTER_FORBIDDEN', terminal: false },
	{ status: 404, code: 'EDGE_CLUSTER_NOT_FOUND', terminal: false },
	{ status: 409, code: 'EDGE_CLUSTER_CONFLICT', terminal: false },
	{ status: 422, code: 'EDGE_CLUSTER_REFUSED', terminal: true },
	{ status: 429, code: 'EDGE_CLUSTER_BUSY', terminal: false },
	{ status: 503, code: 'EDGE_CLUSTER_BUSY', terminal: false },
] as const;

for (const { status, code, terminal } of failures) {
	test(`says with ${code} what status ${status} means`, async (t) => {
		const server = await ScriptedApiServer.start(t);
		server.answer = (_request, response) => {
			response.setHeader('retry-after', '3');
			sendJson(response, status, { kind: 'Status', reason: 'Because', message: 'No.' });
		};
		const error = await t.throwsAsync(connect(server.config).create(pod), {
			instanceOf: ClusterError,
		});
		const { message, reason, retryAfter } = error;
		t.deepEqual(
			{
				code: error.code,
				status: error.status,
				terminal: error.terminal,
				message,
				reason,
				retryAfter,
			},
			{ code, status, terminal, message: 'No.', reason: 'Because', retryAfter: 3000 },
		);
		t.is(error.where, 'POST /api/v1/namespaces/edge/pods');
	});
}

test('asks for new credentials once when the server does not accept them', async (t) => {
	const server = await ScriptedApiServer.start(t);
	let token = 'old';
	const credentials = {
		current: async () => ({ token }),
		renew: () => {
			token = 'new';
		},
	};
	server.answer = ({ headers }, response) =>
		sendJson(response, headers.authorization === 'Bearer new' ? 200 : 401, pod);
	const client = connect({ ...server.config, credentials });
	t.deepEqual(await client.get(podReference), pod);
	t.is(server.requests.length, 2);
});

test('gives up on an answer that does not come in time', async (t) => {
	const server = await ScriptedApiServer.start(t);
	const clock = new FakeClock();
	let asked = () => {};
	const request = new Promise<void>((resolve) => {
		asked = resolve;
	});
	server.answer = () => asked();
	const answer = connect(server.config, { clock, requestTimeout: 5000 }).get(podReference);
	const failure = t.throwsAsync(answer, { instanceOf: ClusterError, message: /in time/ });
	await request;
	await clock.advance(5000);
	t.is((await failure).code, 'EDGE_CLUSTER_UNREACHABLE');
});

test('throws the reason of a signal that cancels a request', async (t) => {
	const server = await ScriptedApiServer.start(t);
	const stop = new AbortController();
	server.answer = () => stop.abort(new Error('stopped'));
	await t.throwsAsync(connect(server.config).get(podReference, stop.signal), {
		message: 'stopped',
	});
});

test('repeats a request when the kept connection was closed by the server', async (t) => {
	const server = await ScriptedApiServer.start(t);
	let answered = 0;
	server.answer = (_request, response) => {
		answered += 1;
		if (answered === 2) response.destroy();
		else sendJson(response, 200, pod);
	};
	const client = connect(server.config);
	await client.get(podReference);
	t.deepEqual(await client.get(podReference), pod);
	t.is(answered, 3);
});

test('yields the changes of a watch, however the stream is cut, and ends with it', async (t) => {
	const server = await ScriptedApiServer.start(t);
	const added = {
		type: 'ADDED',
		object: { ...pod, metadata: { name: 'grün', namespace: 'edge' } },
	};
	const bookmark = { type: 'BOOKMARK', object: { metadata: { resourceVersion: '12' } } };
	const text = Buffer.from(`${JSON.stringify(added)}\n${JSON.stringify(bookmark)}\n`);
	const cut = text.indexOf('ü') + 1;
	server.answer = async (_request, response) => {
		response.writeHead(200);
		response.write(text.subarray(0, cut));
		await delay(20);
		response.end(text.subarray(cut));
	};
	const events: WatchEvent[] = [];
	const client = connect(server.config, { watchTimeout: 100_000, random: () => 0.5 });
	for await (const event of client.watch(pods, '9')) events.push(event);
	t.deepEqual(events, [added, { type: 'BOOKMARK', resourceVersion: '12' }] as WatchEvent[]);
	const { query } = server.requests[0] ?? {};
	t.is(
		query?.toString(),
		'watch=true&resourceVersion=9&allowWatchBookmarks=true&timeoutSeconds=113',
	);
});

test('throws status 410 when a watch reports that its start is no longer kept', async (t) => {
	const server = await ScriptedApiServer.start(t);
	const object = { kind: 'Status', metadata: {}, code: 410, reason: 'Expired', message: 'too old' };
	server.answer = (_request, response) =>
		response.writeHead(200).end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
	const error = await t.throwsAsync(collect(connect(server.config).watch(pods, '1')), {
		instanceOf: ClusterError,
	});
	t.is(error.status, 410);
	t.is(error.code, 'EDGE_CLUSTER_EXPIRED');
});

test('ends a watch quietly when its signal aborts, and with an error when the stream breaks', async (t) => {
	const server = await ScriptedApiServer.start(t);
	const line = `${JSON.stringify({ type: 'ADDED', object: pod })}\n`;
	server.answer = (_request, response) => void response.writeHead(200).write(line);
	const stop = new AbortController();
	const client = connect(server.config);
	for await (const _event of client.watch(pods, '1', stop.signal)) stop.abort();

	server.answer = (_request, response) =>
		void response.writeHead(200).write(line, () => setImmediate(() => response.destroy()));
	const error = await t.throwsAsync(collect(client.watch(pods, '1')), {
		instanceOf: ClusterError,
	});
	t.is(error.code, 'EDGE_CLUSTER_UNREACHABLE');
});

test('notices a watch that stays silent beyond its time', async (t) => {
	const server = await ScriptedApiServer.start(t);
	const clock = new FakeClock();
	let opened = () => {};
	const open = new Promise<void>((resolve) => {
		opened = resolve;
	});
	server.answer = (_request, response) => {
		response.writeHead(200).flushHeaders();
		opened();
	};
	const client = connect(server.config, { clock, watchTimeout: 60_000, random: () => 0 });
	const watched = t.throwsAsync(collect(client.watch(pods, '1')), {
		instanceOf: ClusterError,
	});
	await open;
	await clock.advance(75_000);
	t.is((await watched).code, 'EDGE_CLUSTER_UNREACHABLE');
});

test('streams the lines of a log', async (t) => {
	const server = await ScriptedApiServer.start(t);
	server.answer = (_request, response) => response.writeHead(200).end('one\r\ntwo\n\nlast');
	const query = { namespace: 'edge', pod: 'filter', container: 'filter', tailLines: 4 };
	const lines = await collect(connect(server.config).logs(query));
	t.deepEqual(lines, ['one', 'two', '', 'last']);
	const { path, query: sent } = server.requests[0] ?? {};
	t.is(path, '/api/v1/namespaces/edge/pods/filter/log');
	t.is(sent?.toString(), 'container=filter&tailLines=4');
});

test('trusts only the authority that the configuration names', async (t) => {
	const authority = await CertificateAuthority.create({ commonName: 'cluster', days: 1 });
	const stranger = await CertificateAuthority.create({ commonName: 'stranger', days: 1 });
	const { certificate, privateKey } = await authority.issue({
		commonName: 'server',
		ipAddresses: ['127.0.0.1'],
		usages: ['server'],
		days: 1,
	});
	const server = createServer({ cert: certificate, key: privateKey }, (_request, response) =>
		sendJson(response, 200, { gitVersion: 'v1.34.0', platform: 'linux/amd64' }),
	);
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	t.teardown(() => {
		server.closeAllConnections();
		server.close();
	});
	const { port } = server.address() as AddressInfo;
	const config = {
		server: `https://127.0.0.1:${port}`,
		skipTlsVerify: false,
		namespace: 'edge',
		credentials: { current: async () => ({ token: 't' }), renew: () => {} },
	};
	const trusting = connect({ ...config, certificateAuthority: authority.certificate });
	t.is((await trusting.version()).gitVersion, 'v1.34.0');
	const wary = connect({ ...config, certificateAuthority: stranger.certificate });
	const error = await t.throwsAsync(wary.version(), { instanceOf: ClusterError });
	t.is(error.code, 'EDGE_CLUSTER_UNREACHABLE');
	t.false(error.toString().includes('secret-token'));
});

test('takes the internal error about an unknown field for what it is: final', (t) => {
	const message =
		'failed to create typed patch object (edge/a; apps/v1, Kind=Deployment): .spec.x: field not declared in schema';
	const unknown = errorOfAnswer(500, JSON.stringify({ kind: 'Status', message, code: 500 }), 'a');
	t.true(unknown.terminal);
	t.is(unknown.code, 'EDGE_CLUSTER_REFUSED');
	t.is(unknown.message, message);
	t.false(errorOfAnswer(500, '{"message":"etcdserver: request timed out"}', 'a').terminal);
});
