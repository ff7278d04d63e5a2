import test, { type ExecutionContext } from 'ava';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { ClusterError } from '../../src/cluster/cluster-error.ts';
import type { KubernetesObject } from '../../src/cluster/kubernetes-object.ts';
import { IssuerKeys } from '../../src/edge-agent/workload-api/issuer-keys.ts';
import { TokenCallers } from '../../src/edge-agent/workload-api/token-callers.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';

type Algorithm = 'RS256' | 'ES256' | 'ES384' | 'ES512';

const address = '10.0.0.7';

/** What signs tokens in an API server. */
async function signer(algorithm: Algorithm, kid: string) {
	const { privateKey, publicKey } = await generateKeyPair(algorithm);
	const jwk = { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' };
	const sign = (claims: JsonObject, header: JsonObject = {}) => {
		const head = { alg: algorithm, kid, ...header };
		return new SignJWT(claims).setProtectedHeader(head).sign(privateKey);
	};
	return { jwk, sign };
}

function claims(clock: FakeClock, changes: JsonObject = {}, bound: JsonObject = {}): JsonObject {
	const now = Math.floor(clock.now() / 1000);
	return {
		aud: ['iotedge-k8s-workload'],
		iss: 'https://kubernetes.default.svc',
		exp: now + 3600,
		nbf: now,
		sub: 'system:serviceaccount:edge:filter',
		'kubernetes.io': {
			namespace: 'edge',
			pod: { name: 'filter-1', uid: 'uid-1' },
			serviceaccount: { name: 'filter', uid: 'account-1' },
			...bound,
		},
		...changes,
	};
}

function pod(uid: string, changes: JsonObject = {}): KubernetesObject {
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: {
			name: 'filter-1',
			namespace: 'edge',
			uid,
			annotations: { 'net.azure-devices.edge.original-moduleid': 'filter' },
		},
		spec: { serviceAccountName: 'filter' },
		status: { phase: 'Running' },
		...changes,
	};
}

async function setUp(_t: ExecutionContext, live: KubernetesObject | null = pod('uid-1')) {
	const cluster = new MemoryCluster();
	const clock = new FakeClock();
	let stored = live ?? undefined;
	cluster.get = async () => {
		const fault = cluster.fault('get', 'Pod');
		if (fault !== undefined) throw fault;
		return stored;
	};
	const key = await signer('ES256', 'first');
	const published = { keys: [key.jwk] };
	const server = { reads: 0, fault: undefined as ClusterError | undefined };
	const keys = new IssuerKeys({
		read: async () => {
			server.reads += 1;
			if (server.fault !== undefined) throw server.fault;
			return { keys: [...published.keys] };
		},
		clock,
	});
	const callers = new TokenCallers({ client: cluster, namespace: 'edge', keys, clock });
	const identify = async (token: string) => callers.identify({ address, token });
	const replacePod = (next: KubernetesObject | undefined) => {
		stored = next;
	};
	return { cluster, clock, key, published, server, identify, callers, replacePod };
}

for (const algorithm of ['RS256', 'ES256', 'ES384', 'ES512'] as const) {
	test(`a token that the API server has signed with ${algorithm} speaks for its pod`, async (t) => {
		const { clock, published, identify } = await setUp(t);
		const key = await signer(algorithm, algorithm);
		published.keys.push(key.jwk);
		const caller = await identify(await key.sign(claims(clock)));
		t.deepEqual(caller, { pod: 'filter-1', module: 'filter' });
	});
}

const refusals: [
	what: string,
	changes: JsonObject,
	bound: JsonObject,
	live: KubernetesObject | null,
	code: string,
][] = [
	[
		'for the API server itself',
		{ aud: ['https://kubernetes.default.svc'] },
		{},
		pod('uid-1'),
		'TOKEN',
	],
	['for nobody', { aud: [] }, {}, pod('uid-1'), 'TOKEN'],
	[
		'that ended ten minutes ago',
		{ exp: Date.parse('2025-12-31T23:50:00Z') / 1000 },
		{},
		pod('uid-1'),
		'TOKEN',
	],
	['without an end', { exp: null }, {}, pod('uid-1'), 'TOKEN'],
	['of another namespace', {}, { namespace: 'other' }, pod('uid-1'), 'TOKEN'],
	['of an account, bound to no pod', {}, { pod: null }, pod('uid-1'), 'TOKEN'],
	['of a pod before this one, of the same name', {}, {}, pod('uid-2'), 'UNKNOWN'],
	['of a pod that is gone', {}, {}, null, 'UNKNOWN'],
	['of a pod that has ended', {}, {}, pod('uid-1', { status: { phase: 'Failed' } }), 'UNKNOWN'],
	[
		'of another account than its pod’s',
		{},
		{ serviceaccount: { name: 'thief', uid: 'x' } },
		pod('uid-1'),
		'UNKNOWN',
	],
];

for (const [what, changes, bound, live, code] of refusals) {
	test(`a token ${what} speaks for nobody`, async (t) => {
		const { clock, key, identify } = await setUp(t, live);
		const token = await key.sign(claims(clock, changes, bound));
		await t.throwsAsync(identify(token), { code: `EDGE_CALLER_${code}` as never });
	});
}

test('a token that somebody else has signed, or nobody, speaks for nobody', async (t) => {
	const { clock, key, identify, callers } = await setUp(t);
	const forger = await signer('ES256', 'first');
	const good = await key.sign(claims(clock));
	const [head = '', body = '', signature = ''] = good.split('.');
	const none = Buffer.from('{"alg":"none"}').toString('base64url');
	const other = Buffer.from(JSON.stringify(claims(clock, {}, { pod: { name: 'a', uid: 'b' } })));
	const forged = [
		await forger.sign(claims(clock)),
		`${none}.${body}.`,
		`${head}.${other.toString('base64url')}.${signature}`,
		'not a token',
	];
	for (const token of forged) await t.throwsAsync(identify(token), { code: 'EDGE_CALLER_TOKEN' });
	await t.throwsAsync(callers.identify({ address }), { code: 'EDGE_CALLER_TOKEN' });
});

test('a key that is not known yet is looked for, but not by every forger', async (t) => {
	const { clock, key, published, server, identify } = await setUp(t);
	await identify(await key.sign(claims(clock)));
	const next = await signer('RS256', 'second');
	const token = await next.sign(claims(clock));
	await t.throwsAsync(identify(token), { code: 'EDGE_CALLER_TOKEN' });
	t.is(server.reads, 1);
	published.keys.push(next.jwk);
	await clock.advance(10_000);
	t.is((await identify(token)).module, 'filter');
	t.is(server.reads, 2);
});

test('while the API server is away, what it has said of a pod holds, and nothing new is believed', async (t) => {
	const { clock, key, cluster, server, identify } = await setUp(t);
	const token = await key.sign(claims(clock));
	await identify(token);
	server.fault = new ClusterError('EDGE_CLUSTER_BUSY', 'away', { status: 0 });
	cluster.fault = () => server.fault;
	t.is((await identify(token)).module, 'filter');
	const stranger = await key.sign(claims(clock, {}, { pod: { name: 'other', uid: 'other' } }));
	await t.throwsAsync(identify(stranger), { code: 'EDGE_CLUSTER_BUSY' });
});

test('a pod that was deleted meanwhile is forgotten', async (t) => {
	const { clock, key, cluster, replacePod, identify } = await setUp(t);
	const token = await key.sign(claims(clock));
	await identify(token);
	replacePod(undefined);
	await t.throwsAsync(identify(token), { code: 'EDGE_CALLER_UNKNOWN' });
	cluster.fault = () => new ClusterError('EDGE_CLUSTER_BUSY', 'away', { status: 0 });
	await t.throwsAsync(identify(token), { code: 'EDGE_CLUSTER_BUSY' });
});

test('a clock that is set back locks no module out; one set forward only until the next token', async (t) => {
	const { clock, key, identify } = await setUp(t);
	const token = await key.sign(claims(clock));
	clock.jump(-30 * 86_400_000);
	t.is((await identify(token)).module, 'filter');
	clock.jump(31 * 86_400_000);
	await t.throwsAsync(identify(token), { code: 'EDGE_CALLER_TOKEN' });
	t.is((await identify(await key.sign(claims(clock)))).module, 'filter');
});

test('an agent that may not read the keys says what it lacks', async (t) => {
	const { clock, key, server, identify } = await setUp(t);
	server.fault = new ClusterError('EDGE_CLUSTER_FORBIDDEN', 'no', { status: 403 });
	const token = await key.sign(claims(clock));
	await t.throwsAsync(identify(token), { code: 'EDGE_ISSUER_KEYS_FORBIDDEN' });
});
