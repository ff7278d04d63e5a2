import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { HubNetwork } from '../../src/iot-hub-client/hub-network.ts';
import { IotHubRest } from '../../src/iot-hub-client/iot-hub-rest.ts';
import { parseRegistryIdentity } from '../../src/iot-hub-client/registry-identity.ts';
import { identityKey } from '../../src/protocol/identity.ts';
import { parseSasToken, verifySignature } from '../../src/protocol/sas-token.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { localhostCertificate } from '../support/localhost-certificate.ts';

const key = Buffer.from('the key of a device').toString('base64');

interface Seen {
	readonly method: string;
	readonly path: string;
	readonly headers: Readonly<Record<string, unknown>>;
	readonly body: string;
}

type Answer = { status: number; body?: unknown } | 'silence';

async function setUp(t: ExecutionContext, answers: Answer[], timeout = 60_000) {
	const { authority, credentials } = await localhostCertificate();
	const seen: Seen[] = [];
	const server: Server = createServer(
		{ cert: credentials.certificate, key: credentials.privateKey },
		async (request, response) => {
			let body = '';
			for await (const chunk of request) body += chunk;
			const { method = '', url = '', headers } = request;
			seen.push({ method, path: url, headers, body });
			const answer = answers.shift() ?? { status: 500 };
			if (answer === 'silence') return;
			response.statusCode = answer.status;
			response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
		},
	);
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const hostName = `localhost:${(server.address() as AddressInfo).port}`;
	const rest = new IotHubRest({
		hostName,
		identity: { deviceId: 'edge 1' },
		credential: () => ({ kind: 'shared-access-key', key }),
		network: new HubNetwork({ trustedCertificates: authority }),
		clock: systemClock,
		timeout,
	});
	t.teardown(() => {
		rest.close();
		server.closeAllConnections();
		server.close();
	});
	return { rest, seen, hostName };
}

const document = {
	deviceId: 'edge 1',
	moduleId: '$edgeHub',
	generationId: '638',
	managedBy: 'iotedge-k8s',
	authentication: { type: 'none', symmetricKey: { primaryKey: null } },
};

test('a module identity is created by the device, for itself', async (t) => {
	const { rest, seen, hostName } = await setUp(t, [{ status: 200, body: document }]);
	const identity = await rest.createModule('$edgeHub', 'iotedge-k8s');
	t.like(identity, { generationId: '638', managedBy: 'iotedge-k8s', enabled: true });
	t.like(seen[0], {
		method: 'PUT',
		path: '/devices/edge%201/modules/%24edgeHub?api-version=2017-11-08-preview',
		body: '{"moduleId":"$edgeHub","deviceId":"edge 1","managedBy":"iotedge-k8s"}',
	});
	t.is(seen[0]?.headers['if-match'], undefined);
	const token = parseSasToken(String(seen[0]?.headers['authorization']));
	t.is(token.decodedResource, `${hostName}/devices/edge 1`);
	t.true(verifySignature(token, [key]));
});

test('keys are set whatever the identity has been before', async (t) => {
	const { rest, seen } = await setUp(t, [{ status: 200, body: document }]);
	await rest.setModuleKeys('filter', { primaryKey: 'cA==', secondaryKey: 'cw==' });
	t.is(seen[0]?.headers['if-match'], '*');
	t.deepEqual(JSON.parse(seen[0]?.body ?? ''), {
		moduleId: 'filter',
		deviceId: 'edge 1',
		authentication: { type: 'sas', symmetricKey: { primaryKey: 'cA==', secondaryKey: 'cw==' } },
	});
});

test('module identities are listed; what is none is left out', async (t) => {
	const { rest } = await setUp(t, [{ status: 200, body: [document, 5, {}] }]);
	const identities = await rest.listModules();
	t.deepEqual(
		identities.map(({ identity }) => identity),
		[{ deviceId: 'edge 1', moduleId: '$edgeHub' }],
	);
});

test('deleting says whether there was something to delete', async (t) => {
	const { rest, seen } = await setUp(t, [{ status: 204 }, { status: 404, body: {} }]);
	t.true(await rest.deleteModule('old'));
	t.false(await rest.deleteModule('old'));
	t.like(seen[0], { method: 'DELETE', body: '' });
	t.is(seen[0]?.headers['if-match'], '*');
});

test('the scope of an edge device is read page by page, then those of the edge devices in it', async (t) => {
	const leaf = { deviceId: 'leaf', generationId: '1', status: 'disabled' };
	const below = { deviceId: 'edge 2', generationId: '1', capabilities: { iotEdge: true } };
	const own = { deviceId: 'edge 1', generationId: '1', capabilities: { iotEdge: true } };
	const { rest, seen } = await setUp(t, [
		{ status: 200, body: { devices: [leaf, below], modules: [], continuationLink: 'p 2' } },
		{ status: 200, body: { devices: [own], modules: [document], continuationLink: null } },
		{ status: 200, body: { devices: [below, own, { ...leaf, deviceId: 'leaf 2' }], modules: [] } },
	]);
	const found = [];
	for await (const page of rest.listScope()) found.push(...page);
	t.deepEqual(
		[...new Set(found.map(({ identity, enabled }) => `${identityKey(identity)} ${enabled}`))],
		['leaf false', 'edge 2 true', 'edge 1 true', 'edge 1/$edgeHub true', 'leaf 2 false'],
	);
	const path = '/devices/edge%201/modules/%24edgeHub/devicesAndModulesInTargetDeviceScope?';
	t.true(seen.every((request) => request.method === 'POST' && request.path.startsWith(path)));
	t.deepEqual(
		seen.map(({ body }) => JSON.parse(body)),
		[
			{ pageSize: 100, authChain: 'edge 1' },
			{ pageSize: 100, authChain: 'edge 1', continuationLink: 'p 2' },
			{ pageSize: 100, authChain: 'edge 2;edge 1' },
		],
	);
});

test('one identity is asked for along the chain of the edge devices above it', async (t) => {
	const answers = [0, 1].map(() => ({ status: 200, body: { devices: [], modules: [document] } }));
	const { rest, seen } = await setUp(t, answers);
	await rest.getScopeIdentity({ deviceId: 'leaf' });
	await rest.getScopeIdentity(
		{ deviceId: 'edge 2', moduleId: 'm' },
		{ edges: ['edge 2', 'edge 1'] },
	);
	t.deepEqual(
		seen.map(({ body }) => JSON.parse(body)),
		[
			{ targetDeviceId: 'leaf', authChain: 'edge 1/$edgeHub;edge 1' },
			{
				targetDeviceId: 'edge 2',
				targetModuleId: 'm',
				authChain: 'edge 2/$edgeHub;edge 2;edge 1',
			},
		],
	);
});

test('what an edge device below asks of its modules is handed on, and answered as it is', async (t) => {
	const { rest, seen } = await setUp(t, [{ status: 412, body: { Message: 'changed' } }]);
	const answer = await rest.forwardModuleCall('putModuleOnBehalfOf', {
		authChain: 'edge 2;edge 1',
		body: { module: { moduleId: 'm' } },
		ifMatch: '"7"',
	});
	t.like(answer, { status: 412, text: '{"Message":"changed"}' });
	t.is(seen[0]?.headers['if-match'], '"7"');
	t.deepEqual(JSON.parse(seen[0]?.body ?? ''), {
		module: { moduleId: 'm' },
		authChain: 'edge 2;edge 1',
	});
});

test('an identity out of scope is an empty answer', async (t) => {
	const { rest } = await setUp(t, [{ status: 404, body: { Message: 'no' } }]);
	t.deepEqual(await rest.getScopeIdentity({ deviceId: 'stranger' }), []);
});

const failures: [name: string, status: number, body: unknown, code: string, text: RegExp][] = [
	['a refusal', 401, { Message: 'ErrorCode:IotHubUnauthorized' }, 'EDGE_HUB_REFUSED', /Unauth/],
	['a conflict', 409, { Message: 'exists' }, 'EDGE_HUB_REQUEST_FAILED', /409. exists/],
	['throttling', 429, { errorMessage: 'slow' }, 'EDGE_HUB_UNREACHABLE', /429. slow/],
	['a failing hub', 503, 'busy', 'EDGE_HUB_UNREACHABLE', /503. busy/],
	['an answer that is no JSON', 200, '<html>', 'EDGE_HUB_REQUEST_FAILED', /cannot be read/],
];

for (const [name, status, body, code, message] of failures) {
	test(`${name} is ${code}`, async (t) => {
		const { rest } = await setUp(t, [{ status, body }]);
		await t.throwsAsync(rest.createModule('m', 'x'), { code, message });
	});
}

test('a request without an answer ends with its timeout or its signal', async (t) => {
	const { rest } = await setUp(t, ['silence', 'silence'], 40);
	await t.throwsAsync(rest.listModules(), { code: 'EDGE_HUB_UNREACHABLE', message: /40 ms/ });
	const signal = AbortSignal.timeout(5);
	await t.throwsAsync(rest.listModules({ signal }), { name: 'TimeoutError' });
});

test('a certificate of an unknown authority is not trusted', async (t) => {
	const { hostName } = await setUp(t, []);
	const rest = new IotHubRest({
		hostName,
		identity: { deviceId: 'edge 1' },
		credential: () => ({ kind: 'shared-access-key', key }),
		network: new HubNetwork(),
		clock: systemClock,
	});
	await t.throwsAsync(rest.listModules(), { code: 'EDGE_HUB_UNREACHABLE', message: /certificate/ });
	rest.close();
});

test('a device is read with its thumbprints and scopes', (t) => {
	const parsed = parseRegistryIdentity({
		deviceId: 'leaf',
		generationId: '5',
		status: 'Enabled',
		authentication: { type: 'SelfSigned', x509Thumbprint: { primaryThumbprint: 'AB' } },
		capabilities: { iotEdge: true },
		deviceScope: 'ms-azure-iot-edge://e-1',
		parentScopes: ['ms-azure-iot-edge://p-1', 3],
	});
	t.deepEqual(parsed, {
		identity: { deviceId: 'leaf' },
		generationId: '5',
		enabled: true,
		authentication: { type: 'selfSigned', keys: [], thumbprints: ['AB'] },
		edgeCapable: true,
		deviceScope: 'ms-azure-iot-edge://e-1',
		parentScopes: ['ms-azure-iot-edge://p-1'],
	});
});
