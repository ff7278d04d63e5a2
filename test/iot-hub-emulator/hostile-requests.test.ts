import { Agent } from 'node:https';
import test from 'ava';
import { createSasToken } from '../../src/protocol/sas-token.ts';
import { hubRequest, identityToken, runningEmulator } from '../support/running-emulator.ts';

const key = Buffer.alloc(32, 7).toString('base64');

/** Handshakes are most of the work of a request. */
const agent = new Agent({ keepAlive: true, maxSockets: 8 });
test.after.always(() => agent.destroy());

/** Every route that takes a body, with a body that it would take. */
const routes = [
	['PUT', '/devices/new', { capabilities: { iotEdge: true } }],
	['POST', '/devices', [{ id: 'bulk', importMode: 'create', tags: { a: 1 } }]],
	['PUT', '/devices/dev1/modules/new', { managedBy: 'x' }],
	['PATCH', '/twins/dev1', { tags: { a: 1 }, properties: { desired: { b: 2 } } }],
	['PUT', '/twins/dev1', { tags: { a: 1 }, properties: { desired: { b: 2 } } }],
	['POST', '/twins/dev1/methods', { methodName: 'm', payload: { a: 1 } }],
	['POST', '/devices/query', { query: 'SELECT * FROM devices' }],
	[
		'PUT',
		'/configurations/new',
		{
			content: { modulesContent: { m: { 'properties.desired.a.b': { c: 1 } } } },
			targetCondition: '*',
			priority: 1,
			labels: { a: 'b' },
			metrics: { queries: { q: 'SELECT * FROM devices' } },
		},
	],
	[
		'POST',
		'/configurations/testQueries',
		{ targetCondition: '*', customMetricQueries: { a: 'b' } },
	],
	[
		'POST',
		'/devices/edge1/applyConfigurationContent',
		{ modulesContent: { m: { 'properties.desired': { a: 1 } } } },
	],
	[
		'PUT',
		'/jobs/v2/new',
		{ type: 'scheduleUpdateTwin', queryCondition: '*', updateTwin: { tags: { a: 1 } } },
	],
	['POST', '/jobs/create', { type: 'export', outputBlobContainerUri: 'https://x/registry-jobs' }],
	['PATCH', '/digitaltwins/dev1', [{ op: 'add', path: '/a/b', value: { c: 1 } }]],
	['POST', '/digitaltwins/dev1/commands/c', { a: 1 }],
	['PUT', '/certificates/new', { properties: { certificate: 'AAAA', isVerified: true } }],
	[
		'PUT',
		'/enrollments/new',
		{
			attestation: { type: 'symmetricKey', symmetricKey: { primaryKey: key, secondaryKey: key } },
			initialTwin: { tags: { a: 1 } },
			capabilities: { iotEdge: true },
		},
	],
	[
		'PUT',
		'/enrollmentGroups/new',
		{
			attestation: {
				type: 'x509',
				x509: { signingCertificates: { primary: { certificate: 'AAAA' } } },
			},
		},
	],
] as const;

const deep = JSON.parse(`${'['.repeat(3000)}1${']'.repeat(3000)}`) as unknown;

const intruders: readonly unknown[] = [
	null,
	-1,
	'text',
	[],
	[[null]],
	{},
	deep,
	JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
	'x'.repeat(40_000),
];

/** A body with each of its members in turn replaced, at every depth. */
function* variations(body: unknown): Generator<unknown> {
	yield* intruders;
	if (typeof body !== 'object' || body === null) return;
	for (const [name, member] of Object.entries(body)) {
		for (const variation of variations(member)) {
			const copy: unknown = structuredClone(body);
			Object.defineProperty(copy, name, { value: variation, enumerable: true });
			yield copy;
		}
	}
}

test('no body makes the hub fail, or reach into what it is made of', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	emulator.registry.putDevice('edge1', { capabilities: { iotEdge: true } });
	const failures: string[] = [];
	let count = 0;
	const check = async (method: string, path: string, body: unknown) => {
		const headers = { 'if-match': '*' };
		for (const given of method === 'PUT' ? [{}, headers] : [{}]) {
			const { status } = await hubRequest(emulator, { method, path, body, headers: given, agent });
			count += 1;
			if (status < 500) continue;
			failures.push(`${status} ${method} ${path} ${JSON.stringify(body).slice(0, 200)}`);
		}
	};
	for (const [method, path, body] of routes) {
		const bodies = [body, ...variations(body)];
		for (let at = 0; at < bodies.length; at += 32) {
			await Promise.all(bodies.slice(at, at + 32).map((each) => check(method, path, each)));
		}
	}
	t.deepEqual(failures, []);
	t.true(count > 500);
	t.is(({} as { polluted?: boolean }).polluted, undefined);
	t.is((await hubRequest(emulator, { path: '/devices/dev1' })).status, 200);
});

test('no path or header makes the hub fail', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	const { idScope } = emulator.provisioning;
	const paths = [
		'/devices/%',
		'/devices/%00',
		'/devices/..%2f..%2fetc',
		'/twins/%E0%A4%A',
		`/devices/${'a'.repeat(600)}`,
		'/jobs/v2/%2e%2e',
		'/jobs/v2/__proto__',
		'/configurations/constructor',
		'/certificates/__proto__',
		'/enrollments/__proto__',
		'/registrations/__proto__',
		'/digitaltwins/__proto__',
		'/devices?top=x',
		'/configurations?top=-1',
		'/device-files/x',
		'/device-files/..%2f..%2fhub.sqlite?sr=b',
		`/${idScope}/registrations/%/operations/x`,
		`/${idScope}/registrations/x/operations/x`,
	];
	for (const path of paths) {
		for (const method of ['GET', 'PUT', 'DELETE']) {
			const { status } = await hubRequest(emulator, { method, path, agent });
			t.true(status >= 400 && status < 500, `${status} ${method} ${path}`);
		}
	}
	for (const headers of [
		{ 'x-ms-max-item-count': 'x' },
		{ 'x-ms-max-item-count': '0' },
		{ 'x-ms-continuation': '%%%' },
		{ 'x-ms-continuation': Buffer.from('[1,2,3]').toString('base64url') },
	]) {
		const body = { query: 'SELECT * FROM devices' };
		const path = '/devices/query';
		const { status } = await hubRequest(emulator, { method: 'POST', path, body, headers, agent });
		t.is(status, 400, JSON.stringify(headers));
	}
	const device = identityToken(emulator, { deviceId: 'dev1' });
	const foreign = createSasToken({ resource: 'other/devices/dev1', key, expiry: 4_000_000_000 });
	for (const authorization of [
		device,
		foreign,
		'Bearer x',
		'SharedAccessSignature sr=%&sig=&se=1',
	]) {
		const { status } = await hubRequest(emulator, { path: '/configurations', authorization });
		t.is(status, 401, authorization.slice(0, 30));
	}
});
