import { createHmac, X509Certificate } from 'node:crypto';
import { request } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { ClusterError } from '../../src/cluster/cluster-error.ts';
import type { KubernetesObject } from '../../src/cluster/kubernetes-object.ts';
import { ModuleIdentities } from '../../src/edge-agent/identities/module-identities.ts';
import { StateSecret } from '../../src/edge-agent/state-secret.ts';
import { AgentCertificate } from '../../src/edge-agent/workload-api/agent-certificate.ts';
import { EdgeCertificates } from '../../src/edge-agent/workload-api/edge-certificates.ts';
import { PodCallers } from '../../src/edge-agent/workload-api/pod-callers.ts';
import type { WorkloadResources } from '../../src/edge-agent/workload-api/workload-routes.ts';
import { WorkloadServer } from '../../src/edge-agent/workload-api/workload-server.ts';
import type { JsonObject, JsonValue } from '../../src/runtime/json.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';
import { until } from '../support/until.ts';

const version = 'api-version=2018-06-28';
const filterPath = '/modules/filter/genid/7';

function pod(name: string, ip: string, module?: string, spec: JsonObject = {}): KubernetesObject {
	const annotations: Record<string, string> =
		module === undefined ? {} : { 'net.azure-devices.edge.original-moduleid': module };
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { name, namespace: 'edge', annotations },
		spec,
		status: { phase: 'Running', podIP: ip, podIPs: [{ ip }] },
	};
}

async function setUp(
	t: ExecutionContext,
	hubDeployment: WorkloadResources['hubDeployment'] = () => null,
) {
	const cluster = new MemoryCluster();
	await cluster.create(pod('filter-1', '127.0.0.2', 'filter'));
	await cluster.create(pod('edgehub-1', '127.0.0.3', 'edgeHub'));
	await cluster.create(pod('stranger', '127.0.0.4'));
	const state = new StateSecret({ client: cluster, namespace: 'edge', name: 'state' });
	await state.load();
	await state.set({
		identities: JSON.stringify({ owner: 'h/e', generations: { filter: '7', $edgeHub: '8' } }),
	});
	const registry = {} as never;
	const identities = new ModuleIdentities({
		registry,
		state,
		owner: 'h/e',
		logger: silentLogger,
	});
	await identities.load();
	const clock = new FakeClock(Date.now());
	const certificates = new EdgeCertificates({ state, deviceId: 'edge1', clock });
	await certificates.load();
	const uninstallation = new AbortController();
	const server = new WorkloadServer({
		port: 0,
		callers: new PodCallers({ client: cluster, namespace: 'edge' }),
		resources: {
			identities,
			certificates,
			encryptionKey: Buffer.alloc(32, 1),
			hubHostName: 'hub.azure-devices.net',
			deviceId: 'edge1',
			serverNames: (moduleId) => [moduleId.replace('$', '').toLowerCase()],
			manifestTrustBundle: '',
			hubDeployment,
			listModules: () => [{ id: 'id', name: 'filter' }],
		},
		health: { live: () => true, ready: () => false },
		uninstallation: uninstallation.signal,
		logger: silentLogger,
	});
	await server.start();
	t.teardown(() => server.stop());
	const call = caller(server.port);
	return { cluster, identities, certificates, clock, state, server, call, uninstallation };
}

interface Answer {
	readonly status: number;
	readonly type: string;
	readonly body: JsonObject;
}

type Body = JsonValue | undefined;

function caller(port: number) {
	return (from: string, method: string, path: string, body?: Body): Promise<Answer> =>
		new Promise((resolve, reject) => {
			const options = { host: '127.0.0.1', port, method, path, localAddress: from };
			const outgoing = request({ ...options, agent: false }, async (response) => {
				let text = '';
				for await (const chunk of response) text += chunk;
				const type = response.headers['content-type'] ?? '';
				const parsed = type.includes('json') ? JSON.parse(text) : { text };
				resolve({ status: response.statusCode ?? 0, type, body: parsed });
			});
			outgoing.on('error', reject);
			const text = typeof body === 'string' ? body : JSON.stringify(body);
			outgoing.end(text);
		});
}

test('during an uninstallation nobody is looked up, as the right to may be gone', async (t) => {
	const { call, cluster, uninstallation } = await setUp(t);
	uninstallation.abort();
	cluster.fault = () => new ClusterError('EDGE_CLUSTER_FORBIDDEN', 'No.', { status: 403 });
	const answer = await call('127.0.0.2', 'GET', `/trust-bundle?${version}`);
	t.is(answer.status, 503);
	t.deepEqual(answer.body, { message: 'The agent is being uninstalled.' });
	t.is((await call('127.0.0.2', 'GET', '/healthz')).status, 200);
});

test('a module signs with its own key', async (t) => {
	const { call, identities } = await setUp(t);
	const data = Buffer.from('hub%2Fdevices%2Fedge1%2Fmodules%2Ffilter\n123');
	const answer = await call('127.0.0.2', 'POST', `${filterPath}/sign?${version}`, {
		keyId: 'primary',
		algo: 'HMACSHA256',
		data: data.toString('base64'),
	});
	const key = Buffer.from(identities.keyOf('filter') ?? '', 'base64');
	t.deepEqual(answer, {
		status: 200,
		type: 'application/json',
		body: { digest: createHmac('sha256', key).update(data).digest('base64') },
	});
});

test('the edge hub signs under its name with or without the dollar sign', async (t) => {
	const { call } = await setUp(t);
	for (const name of ['%24edgeHub', 'edgeHub']) {
		const path = `/modules/${name}/genid/8/sign?${version}`;
		t.is((await call('127.0.0.3', 'POST', path, { data: 'AAAA' })).status, 200);
	}
});

test('the edge hub alone is told what rules instead of IoT Hub, once that is known', async (t) => {
	let known: ReturnType<WorkloadResources['hubDeployment']>;
	const { call } = await setUp(t, () => known);
	const ask = () => call('127.0.0.3', 'GET', `/modules/%24edgeHub/genid/8/deployment?${version}`);
	t.is((await ask()).status, 503);
	known = null;
	t.deepEqual((await ask()).body, { deployment: null });
	known = { source: 'ConfigMap d, 1', hub: { routes: {} }, twins: { filter: { limit: 3 } } };
	t.deepEqual((await ask()).body, { deployment: known as unknown as JsonObject });
	t.is((await call('127.0.0.2', 'GET', `${filterPath}/deployment?${version}`)).status, 403);
});

const refusals: [name: string, from: string, path: string, status: number][] = [
	['for another module', '127.0.0.3', filterPath, 403],
	['from a pod that is no module', '127.0.0.4', filterPath, 403],
	['from an address that is no pod', '127.0.0.9', filterPath, 403],
	['for an earlier generation', '127.0.0.2', '/modules/filter/genid/6', 404],
];

for (const [name, from, path, status] of refusals) {
	test(`nobody signs ${name}`, async (t) => {
		const { call } = await setUp(t);
		const answer = await call(from, 'POST', `${path}/sign?${version}`, { data: 'AAAA' });
		t.is(answer.status, status);
		t.deepEqual(Object.keys(answer.body), ['message']);
	});
}

test('an address that has passed to another pod speaks for that pod at once', async (t) => {
	const { call, cluster } = await setUp(t);
	const path = `${filterPath}/sign?${version}`;
	t.is((await call('127.0.0.2', 'POST', path, { data: 'AAAA' })).status, 200);
	cluster.setStatus(
		{ apiVersion: 'v1', kind: 'Pod', namespace: 'edge', name: 'filter-1' },
		{ phase: 'Succeeded', podIP: '127.0.0.2' },
	);
	await cluster.create(pod('thief', '127.0.0.2', 'thief'));
	t.is((await call('127.0.0.2', 'POST', path, { data: 'AAAA' })).status, 403);
});

test('while the API server is away, callers it has named before are served, others are not', async (t) => {
	const { call, cluster } = await setUp(t);
	const path = `${filterPath}/sign?${version}`;
	await call('127.0.0.2', 'POST', path, { data: 'AAAA' });
	cluster.fault = () => new ClusterError('EDGE_CLUSTER_BUSY', 'away', { status: 0 });
	t.is((await call('127.0.0.2', 'POST', path, { data: 'AAAA' })).status, 200);
	const other = `/modules/edgeHub/genid/8/sign?${version}`;
	t.is((await call('127.0.0.3', 'POST', other, { data: 'AAAA' })).status, 503);
});

test('a pod is known by its second address too', async (t) => {
	const { cluster } = await setUp(t);
	const dual = pod('dual', '10.0.0.8', 'filter');
	dual.status = {
		phase: 'Running',
		podIP: '10.0.0.8',
		podIPs: [{ ip: '10.0.0.8' }, { ip: 'fd00::8' }],
	};
	await cluster.create(dual);
	const callers = new PodCallers({ client: cluster, namespace: 'edge' });
	t.deepEqual(await callers.identify({ address: 'fd00::8' }), { pod: 'dual', module: 'filter' });
	t.deepEqual(await callers.identify({ address: '::ffff:10.0.0.8' }), {
		pod: 'dual',
		module: 'filter',
	});
});

test('pods that share an address, or use that of their node, are refused with the reason', async (t) => {
	const { call, cluster } = await setUp(t);
	await cluster.create(pod('twin', '127.0.0.2', 'filter'));
	await cluster.create(pod('host', '127.0.0.5', 'filter', { hostNetwork: true }));
	const shared = await call('127.0.0.2', 'POST', `${filterPath}/sign?${version}`, { data: '' });
	t.regex(String(shared.body['message']), /filter-1, twin have the same address/);
	const host = await call('127.0.0.5', 'POST', `${filterPath}/sign?${version}`, { data: '' });
	t.regex(String(host.body['message']), /host uses the network of its node/);
});

const wrong: [name: string, path: string, body: Body, status: number, message: RegExp][] = [
	['no api-version', `${filterPath}/sign`, {}, 400, /^api-version not specified$/],
	['an unknown api-version', `${filterPath}/sign?api-version=1`, {}, 400, /^invalid api-version/],
	['no data', `${filterPath}/sign?${version}`, {}, 400, /data is missing/],
	['data that is not base64', `${filterPath}/sign?${version}`, { data: 'a' }, 400, /not base64/],
	['a body that is not JSON', `${filterPath}/sign?${version}`, '{', 400, /not a JSON object/],
	['a body that is too large', `${filterPath}/sign?${version}`, 'x'.repeat(70_000), 400, /larger/],
	['an unknown path', `/nothing?${version}`, {}, 404, /There is no POST/],
	['broken percent-encoding', `/modules/%zz/genid/1/sign?${version}`, {}, 400, /percent/],
];

for (const [name, path, body, status, message] of wrong) {
	test(`a request with ${name} is answered with ${status}`, async (t) => {
		const { call } = await setUp(t);
		const answer = await call('127.0.0.2', 'POST', path, body);
		t.is(answer.status, status);
		t.is(answer.type, 'application/json');
		t.regex(String(answer.body['message']), message);
	});
}

test('what a module encrypts only that module, with that vector, can decrypt', async (t) => {
	const { call } = await setUp(t);
	const plaintext = Buffer.from('secret').toString('base64');
	const initializationVector = Buffer.from('vector').toString('base64');
	const encrypted = await call('127.0.0.2', 'POST', `${filterPath}/encrypt?${version}`, {
		plaintext,
		initializationVector,
	});
	const ciphertext = encrypted.body['ciphertext'] as string;
	const decrypt = (from: string, path: string, vector: string) =>
		call(from, 'POST', `${path}/decrypt?${version}`, {
			ciphertext,
			initializationVector: vector,
		});
	t.deepEqual((await decrypt('127.0.0.2', filterPath, initializationVector)).body, { plaintext });
	t.is((await decrypt('127.0.0.2', filterPath, 'AAAA')).status, 400);
	const hub = await decrypt('127.0.0.3', '/modules/edgeHub/genid/8', initializationVector);
	t.is(hub.status, 400);
});

test('a server certificate names the module and leads to the trust bundle', async (t) => {
	const { call } = await setUp(t);
	const path = `/modules/%24edgeHub/genid/8/certificate/server?${version}`;
	const answer = await call('127.0.0.3', 'POST', path, {
		commonName: 'gateway.local',
		expiration: '2030-01-01T00:00:00Z',
	});
	t.is(answer.status, 201);
	const { certificate, privateKey, expiration } = answer.body as { [name: string]: never } & {
		privateKey: JsonObject;
		expiration: string;
	};
	t.is(privateKey['type'], 'key');
	t.regex(String(privateKey['bytes']), /BEGIN PRIVATE KEY/);
	t.regex(expiration, /\+00:00$/);
	const [leaf, issuing] = String(certificate)
		.split(/(?<=END CERTIFICATE-----)\s*/)
		.filter((pem) => pem !== '')
		.map((pem) => new X509Certificate(pem));
	const bundle = await call('127.0.0.4', 'GET', `/trust-bundle?${version}`);
	const root = new X509Certificate(bundle.body['certificate'] as string);
	t.regex(leaf?.subjectAltName ?? '', /DNS:gateway.local, DNS:edgehub/);
	t.true(issuing !== undefined && leaf?.verify(issuing.publicKey));
	t.true(issuing?.verify(root.publicKey));
});

test('an identity certificate names device and module', async (t) => {
	const { call } = await setUp(t);
	const path = `/modules/filter/certificate/identity?${version}`;
	const answer = await call('127.0.0.2', 'POST', path);
	t.is(answer.status, 201);
	const leaf = new X509Certificate(answer.body['certificate'] as string);
	t.is(leaf.subject, 'CN=filter');
	t.is(leaf.subjectAltName, 'URI:azureiot://hub.azure-devices.net/devices/edge1/modules/filter');
});

test('an address instead of a name is certified as an address', async (t) => {
	const { certificates } = await setUp(t);
	const issued = await certificates.issueServer('10.0.0.7', ['bad name', 'x'.repeat(300)]);
	t.is(new X509Certificate(issued.certificate).subjectAltName, 'IP Address:10.0.0.7');
});

test('every pod may list modules; the manifest bundle came with a later version', async (t) => {
	const { call } = await setUp(t);
	const list = await call('127.0.0.4', 'GET', `/modules/?${version}`);
	t.deepEqual(list.body, { modules: [{ id: 'id', name: 'filter' }] });
	const path = '/manifest-trust-bundle?api-version=';
	t.is((await call('127.0.0.4', 'GET', `${path}2019-11-05`)).status, 400);
	t.deepEqual((await call('127.0.0.4', 'GET', `${path}2022-08-03`)).body, { certificate: '' });
});

test('a caller with too many requests at once is told to come back, others are served', async (t) => {
	const { call, cluster } = await setUp(t);
	const gate = Promise.withResolvers<void>();
	const full = Promise.withResolvers<void>();
	const list = cluster.list.bind(cluster);
	let lookups = 0;
	cluster.list = async (query) => {
		lookups += 1;
		if (lookups === 10) full.resolve();
		await gate.promise;
		return list(query);
	};
	const path = `${filterPath}/sign?${version}`;
	const sign = () => call('127.0.0.2', 'POST', path, { data: 'AAAA' });
	const served = Array.from({ length: 10 }, sign);
	await full.promise;
	const surplus = await sign();
	const other = call('127.0.0.4', 'GET', `/trust-bundle?${version}`);
	gate.resolve();
	t.is(surplus.status, 503);
	t.is((await other).status, 200);
	for (const answer of await Promise.all(served)) t.is(answer.status, 200);
	t.is((await sign()).status, 200);
});

test('health needs no caller', async (t) => {
	const { call } = await setUp(t);
	t.is((await call('127.0.0.9', 'GET', '/healthz')).status, 200);
	t.is((await call('127.0.0.9', 'GET', '/readyz')).status, 503);
});

test('the certificate for sidecars is renewed early, and when the clock has jumped past it', async (t) => {
	const { certificates, clock } = await setUp(t);
	const certificate = new AgentCertificate({
		certificates,
		hostName: 'edgeagent',
		clock,
		logger: silentLogger,
	});
	const shown: string[] = [];
	const first = await certificate.start((renewed) => shown.push(renewed.certificate));
	t.is(new X509Certificate(first.certificate).subjectAltName, 'DNS:edgeagent');
	await clock.advance(600_000);
	t.deepEqual(shown, []);
	for (const days of [61, -200, 400]) {
		clock.jump(days * 86_400_000);
		const before = shown.length;
		await until(async () => {
			await clock.advance(600_000);
			return shown.length > before;
		});
		const latest = new X509Certificate(shown.at(-1) ?? '');
		t.true(latest.validFromDate.getTime() <= clock.now(), `${days}`);
		t.true(latest.validToDate.getTime() > clock.now() + 60 * 86_400_000, `${days}`);
	}
	certificate.stop();
	t.is(clock.pending, 0);
});
