import test, { type ExecutionContext } from 'ava';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import {
	type HubRequest,
	hubRequest,
	identityToken,
	mqttClient,
	runningEmulator,
	serviceToken,
} from '../support/running-emulator.ts';

const past = Math.floor(Date.now() / 1000) - 3600;

async function expectRefusal(
	t: ExecutionContext,
	emulator: IotHubEmulator,
	request: HubRequest,
	[status, code]: readonly [number, string],
) {
	const response = await hubRequest(emulator, request);
	t.is(response.status, status, response.text);
	t.regex(String(response.body['Message']), new RegExp(`^ErrorCode:${code};[^;]+$`));
	t.regex(String(response.body['ExceptionMessage']), /^Tracking ID:[0-9A-F]{32}-/);
	t.is(response.headers['iothub-errorcode'], code);
	t.regex(String(response.headers['content-type']), /^application\/json/);
}

test('creates a device with keys, a generation id and an entity tag', async (t) => {
	const emulator = await runningEmulator(t);
	const response = await hubRequest(emulator, {
		method: 'PUT',
		path: '/devices/edge%201%24',
		body: { deviceId: 'edge 1$' },
	});
	t.is(response.status, 400, 'a blank is no character of an id');

	const created = await hubRequest(emulator, {
		method: 'PUT',
		path: '/devices/dev%241',
		body: { deviceId: 'dev$1', authentication: { symmetricKey: { primaryKey: '' } } },
	});
	t.is(created.status, 200);
	t.like(created.body, {
		deviceId: 'dev$1',
		status: 'enabled',
		connectionState: 'Disconnected',
		cloudToDeviceMessageCount: 0,
		capabilities: { iotEdge: false },
	});
	t.regex(String(created.body['generationId']), /^\d{18}$/);
	t.is(created.headers['etag'], `"${created.body['etag']}"`);
	const { symmetricKey, type } = created.body['authentication'] as Record<string, JsonObject>;
	t.is(type as unknown, 'sas');
	t.is(Buffer.from(String(symmetricKey?.['primaryKey']), 'base64').length, 32);
	t.not(symmetricKey?.['primaryKey'], symmetricKey?.['secondaryKey']);
});

test('refuses what IoT Hub refuses, with its codes', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	emulator.registry.putModule({ deviceId: 'dev1', moduleId: 'mod1' }, {});
	emulator.registry.putDevice('edge1', { capabilities: { iotEdge: true } });
	for (let n = 1; n <= 48; n += 1) {
		emulator.registry.putModule({ deviceId: 'edge1', moduleId: `m${n}` }, {});
	}
	const put = (path: string, body: unknown, headers = {}): HubRequest => ({
		method: 'PUT',
		path,
		body,
		headers,
	});
	const cases: [HubRequest, [number, string]][] = [
		[{ path: '/devices/none' }, [404, 'DeviceNotFound']],
		[{ path: '/devices/none/modules' }, [404, 'DeviceNotFound']],
		[{ path: '/devices/dev1/modules/none' }, [404, 'ModuleNotFound']],
		[{ path: '/nothing' }, [404, 'RouteNotFound']],
		[put('/devices/dev1', {}), [409, 'DeviceAlreadyExists']],
		[put('/devices/dev1/modules/mod1', {}), [409, 'ModuleAlreadyExistsOnDevice']],
		[put('/devices/dev1', {}, { 'if-match': '"other"' }), [412, 'PreconditionFailed']],
		[put('/devices/none', {}, { 'if-match': '*' }), [404, 'DeviceNotFound']],
		[put('/devices/dev1/modules/none', {}, { 'if-match': '*' }), [404, 'ModuleNotFound']],
		[put('/devices/a%2Fb', {}), [400, 'ArgumentInvalid']],
		[put(`/devices/${'x'.repeat(129)}`, {}), [400, 'ArgumentInvalid']],
		[put('/devices/new', { deviceId: 'other' }), [400, 'ArgumentInvalid']],
		[put('/devices/new', { status: 'asleep' }), [400, 'ArgumentInvalid']],
		[put('/devices/new', { statusReason: 'x'.repeat(129) }), [400, 'ArgumentInvalid']],
		[put('/devices/new', { authentication: { type: 'magic' } }), [400, 'ArgumentInvalid']],
		[
			put('/devices/new', { authentication: { symmetricKey: { primaryKey: 'short' } } }),
			[400, 'ArgumentInvalid'],
		],
		[
			put('/devices/new', { deviceScope: 'ms-azure-iot-edge://none-1' }),
			[400, 'InvalidDeviceScope'],
		],
		[
			{ method: 'DELETE', path: '/devices/edge1/modules/%24edgeHub' },
			[401, 'SystemModuleModifyUnauthorizedAccess'],
		],
		[put('/devices/edge1/modules/m49', {}), [413, 'TooManyModulesOnDevice']],
		[put('/devices/new', '{"deviceId":'), [400, 'ArgumentInvalid']],
		[put('/devices/new', '[]'), [400, 'ArgumentInvalid']],
		[{ method: 'DELETE', path: '/devices/none' }, [404, 'DeviceNotFound']],
		[
			{ method: 'DELETE', path: '/devices/dev1', headers: { 'if-match': 'other' } },
			[412, 'PreconditionFailed'],
		],
		[{ path: '/devices/dev1?api-version=' }, [400, 'InvalidProtocolVersion']],
		[{ path: '/devices?top=0' }, [400, 'ArgumentInvalid']],
	];
	for (const [request, expected] of cases) await expectRefusal(t, emulator, request, expected);
	t.deepEqual(
		[...emulator.registry.devices()].map(({ deviceId }) => deviceId),
		['dev1', 'edge1'],
	);
});

test('lets nobody in without a signed, fresh token for the path with the right', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	const good = serviceToken(emulator);
	const path = '/devices/dev1';
	const unauthorized: HubRequest[] = [
		{ path, authorization: '' },
		{ path, authorization: 'Bearer abc' },
		{ path, authorization: 'SharedAccessSignature sr=x' },
		{ path, authorization: good.replace(/sig=[^&]+/, 'sig=AAAA') },
		{ path, authorization: good.replace('skn=iothubowner', 'skn=nobody') },
		{ path, authorization: good.replace('skn=iothubowner', 'skn=service') },
		{ path, authorization: serviceToken(emulator, 'iothubowner', { expiry: past }) },
		{ path, authorization: serviceToken(emulator, 'iothubowner', { resource: 'other.hub' }) },
		{
			path,
			authorization: serviceToken(emulator, 'iothubowner', {
				resource: `${emulator.hostName}/devices/dev`,
			}),
		},
		{ path, authorization: identityToken(emulator, { deviceId: 'dev1' }) },
		{ path, policy: 'service' },
		{ path, policy: 'device' },
		{ path, method: 'DELETE', policy: 'registryRead' },
		{ path: '/twins/dev1', policy: 'registryReadWrite' },
		{ path: '/twins/dev1/methods', method: 'POST', body: {}, policy: 'registryRead' },
	];
	for (const request of unauthorized) {
		await expectRefusal(t, emulator, request, [401, 'IotHubUnauthorizedAccess']);
	}
	const scoped = serviceToken(emulator, 'registryRead', {
		resource: `${emulator.hostName}/DEVICES/dev1`,
	});
	t.is((await hubRequest(emulator, { path, authorization: scoped })).status, 200);
	t.is((await hubRequest(emulator, { path: '/twins/dev1', policy: 'service' })).status, 200);
});

test('updates with a matching tag keep generation and keys; every write has a new tag', async (t) => {
	const emulator = await runningEmulator(t);
	const created = emulator.registry.putDevice('dev1', {});
	const update = (etag: string, body: object) =>
		hubRequest(emulator, {
			method: 'PUT',
			path: '/devices/dev1',
			headers: { 'if-match': etag },
			body,
		});

	const disabled = await update(`"${created.etag}"`, { status: 'disabled', statusReason: 'lost' });
	t.is(disabled.status, 200);
	t.like(disabled.body, {
		status: 'disabled',
		statusReason: 'lost',
		generationId: created.generationId,
	});
	t.deepEqual(disabled.body['authentication'], structuredClone(created.authentication));
	t.not(disabled.body['etag'], created.etag);
	t.is((await update(created.etag, {})).status, 412);
	t.is((await update('"*"', {})).body['status'], 'enabled');
	const statistics = await hubRequest(emulator, { path: '/statistics/devices' });
	t.deepEqual(statistics.body, {
		totalDeviceCount: 1,
		enabledDeviceCount: 1,
		disabledDeviceCount: 0,
	});
});

test('an IoT Edge device has a scope and system modules; leaves and children name their parent', async (t) => {
	const emulator = await runningEmulator(t);
	const put = async (id: string, body: object) =>
		(await hubRequest(emulator, { method: 'PUT', path: `/devices/${id}`, body })).body;
	const edge = await put('edge1', { capabilities: { iotEdge: true } });
	t.is(edge['deviceScope'], `ms-azure-iot-edge://edge1-${edge['generationId']}`);
	const list = await hubRequest(emulator, { path: '/devices/edge1/modules' });
	const modules = JSON.parse(list.text) as JsonObject[];
	t.deepEqual(modules.map(({ moduleId }) => moduleId).sort(), ['$edgeAgent', '$edgeHub']);
	t.true(modules.every((module) => (module['authentication'] as JsonObject)['type'] === 'none'));

	const scope = edge['deviceScope'];
	const leaf = await put('leaf1', { deviceScope: scope });
	t.deepEqual([leaf['deviceScope'], leaf['parentScopes']], [scope, [scope]]);
	const child = await put('edge2', { capabilities: { iotEdge: true }, parentScopes: [scope] });
	t.deepEqual(child['parentScopes'], [scope]);
	t.not(child['deviceScope'], scope);

	const deleted = await hubRequest(emulator, { method: 'DELETE', path: '/devices/edge1' });
	t.is(deleted.status, 204);
	t.is((await hubRequest(emulator, { path: '/devices/edge1/modules' })).status, 404);
	const again = await put('edge1', { capabilities: { iotEdge: true } });
	t.not(again['generationId'], edge['generationId']);
});

test('a bulk request does what it can and lists what it cannot', async (t) => {
	const emulator = await runningEmulator(t);
	const run = (body: unknown) => hubRequest(emulator, { method: 'POST', path: '/devices', body });
	const created = await run([
		{ id: 'a', importMode: 'create', tags: { floor: 1 } },
		{ id: 'b', importMode: 'Create', status: 'disabled' },
	]);
	t.is(created.status, 200);
	t.deepEqual(created.body, { isSuccessful: true, errors: [], warnings: [] });
	t.deepEqual(emulator.twins.get({ deviceId: 'a' }).tags, { floor: 1 });

	const mixed = await run([
		{ id: 'a', importMode: 'create' },
		{ id: 'b', importMode: 'updateIfMatchETag', eTag: 'other' },
		{ id: 'c', importMode: 'createOrUpdate' },
		{ id: 'd', importMode: 'sideways' },
	]);
	t.is(mixed.status, 400);
	const errors = mixed.body['errors'] as JsonObject[];
	t.deepEqual(
		errors.map(({ deviceId, errorCode }) => [deviceId, errorCode]),
		[
			['a', 'DeviceAlreadyExists'],
			['b', 'PreconditionFailed'],
			['d', 'ArgumentInvalid'],
		],
	);
	t.truthy(emulator.registry.findDevice('c'));

	const { etag } = emulator.registry.device('b');
	const removed = await run([
		{ id: 'a', importMode: 'delete' },
		{ id: 'b', importMode: 'deleteIfMatchETag', etag },
	]);
	t.is(removed.status, 200, removed.text);
	t.deepEqual(
		[...emulator.registry.devices()].map(({ deviceId }) => deviceId),
		['c'],
	);
	t.is((await run([])).status, 400);
	const many = Array.from({ length: 101 }, (_, n) => ({ id: `many${n}` }));
	const refused: [unknown, number, RegExp][] = [
		[many, 413, /TooManyDevices/],
		[[{ id: 'twice' }, { id: 'twice' }], 400, /DeviceDefinedMultipleTimes/],
	];
	for (const [list, status, code] of refused) {
		const answer = await run(list);
		t.is(answer.status, status);
		t.regex(String(answer.body['Message']), code);
	}
	t.is(emulator.registry.statistics().totalDeviceCount, 1, 'nothing of them was done');
});

test('a device manages its own modules with its own key', async (t) => {
	const emulator = await runningEmulator(t);
	for (const id of ['edge1', 'edge2']) {
		emulator.registry.putDevice(id, { capabilities: { iotEdge: true } });
	}
	const authorization = identityToken(emulator, { deviceId: 'edge1' });
	const version = '?api-version=2017-11-08-preview';
	const put = (device: string, module: string, body: object, headers = {}) =>
		hubRequest(emulator, {
			method: 'PUT',
			path: `/devices/${device}/modules/${encodeURIComponent(module)}${version}`,
			body,
			headers,
			authorization,
		});

	const created = await put('edge1', 'filter', { moduleId: 'filter', managedBy: 'IotEdge' });
	t.is(created.status, 200, created.text);
	t.like(created.body, { moduleId: 'filter', deviceId: 'edge1', managedBy: 'IotEdge' });
	t.is((created.body['authentication'] as JsonObject)['type'], 'none');

	const primaryKey = Buffer.alloc(32, 1).toString('base64');
	const secondaryKey = Buffer.alloc(32, 2).toString('base64');
	const authentication = { type: 'sas', symmetricKey: { primaryKey, secondaryKey } };
	const keyed = await put('edge1', '$edgeAgent', { authentication }, { 'if-match': '*' });
	t.like(keyed.body['authentication'] as JsonObject, authentication);

	t.is((await put('edge2', 'filter', {})).status, 401);
	const list = { path: `/devices/edge1/modules${version}`, authorization };
	t.is(JSON.parse((await hubRequest(emulator, list)).text).length, 3);
	const remove = { ...list, method: 'DELETE', path: `/devices/edge1/modules/filter${version}` };
	t.is((await hubRequest(emulator, remove)).status, 204);
	t.is((await hubRequest(emulator, { ...list, path: '/devices/edge1' })).status, 401);
});

test('an edge hub reads everything below it, page by page, and nothing else', async (t) => {
	const emulator = await runningEmulator(t);
	const { registry } = emulator;
	const edge = registry.putDevice('edge1', { capabilities: { iotEdge: true } });
	const child = registry.putDevice('edge2', {
		capabilities: { iotEdge: true },
		parentScopes: [edge.deviceScope],
	});
	registry.putDevice('leaf-of-edge2', { deviceScope: child.deviceScope });
	registry.putDevice('stranger', {});
	const edgeHub = { deviceId: 'edge1', moduleId: '$edgeHub' };
	registry.putModule(edgeHub, { authentication: { type: 'sas' } }, '*');
	const authorization = identityToken(emulator, edgeHub);
	const base = '/devices/edge1/modules/%24edgeHub';
	const ask = (path: string) => hubRequest(emulator, { path, authorization });

	const devices: unknown[] = [];
	let path = `${base}/devicesAndModulesInDeviceScope?deviceCount=2&continuationToken=&api-version=2018-08-30-preview`;
	for (let pages = 0; path !== ''; pages += 1) {
		t.true(pages < 2);
		const { status, body } = await ask(path);
		t.is(status, 200);
		devices.push(...(body['devices'] as JsonObject[]).map(({ deviceId }) => deviceId));
		t.true((body['modules'] as JsonObject[]).every(({ deviceId }) => devices.includes(deviceId)));
		path = String(body['continuationLink'] ?? '');
	}
	t.deepEqual(devices, ['edge1', 'edge2', 'leaf-of-edge2']);

	const one = (query: string) => ask(`${base}/deviceAndModuleInDeviceScope?${query}`);
	const module = await one('targetDeviceId=edge2&targetModuleId=%24edgeAgent');
	t.like((module.body['modules'] as JsonObject[])[0], { moduleId: '$edgeAgent' });
	t.is((await one('targetDeviceId=stranger&targetModuleId=')).status, 404);
	const foreign = identityToken(emulator, { deviceId: 'stranger' });
	const denied = `${base}/devicesAndModulesInDeviceScope`;
	t.is((await hubRequest(emulator, { path: denied, authorization: foreign })).status, 401);
});

test('waiting messages can be purged, connected devices counted', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	const message = { body: Buffer.from('x'), properties: new Map(), systemProperties: new Map() };
	for (let n = 0; n < 3; n += 1) emulator.sendToDevice('dev1', message);
	const client = await mqttClient(emulator);
	t.teardown(() => client.endAsync(true));
	const path = '/devices/dev1/commands';
	t.deepEqual((await hubRequest(emulator, { method: 'DELETE', path })).body, {
		deviceId: 'dev1',
		moduleId: null,
		totalMessagesPurged: 3,
	});
	t.deepEqual((await hubRequest(emulator, { path: '/statistics/service' })).body, {
		connectedDeviceCount: 1,
	});
});

test('gives devices and modules new keys, as az asks for it', async (t) => {
	const emulator = await runningEmulator(t);
	const { registry } = emulator;
	registry.putDevice('dev1', { status: 'disabled', capabilities: { iotEdge: true } });
	registry.putModule({ deviceId: 'dev1', moduleId: 'm' }, { managedBy: 'me' });
	registry.putDevice('ca', { authentication: { type: 'certificateAuthority' } });
	const keys = (deviceId: string) => registry.device(deviceId).authentication.symmetricKey;
	const regenerate = (policyKey: string, ...devices: object[]) => {
		const path = '/devices/keys/regenerate';
		return hubRequest(emulator, { method: 'POST', path, body: { policyKey, devices } });
	};
	const before = keys('dev1');
	const renewed = await regenerate('primaryKey', { id: 'dev1' }, { id: 'dev1', moduleId: 'm' });
	t.is(renewed.status, 200, renewed.text);
	const after = keys('dev1');
	t.not(after.primaryKey, before.primaryKey);
	t.is(after.secondaryKey, before.secondaryKey);
	const module = registry.module({ deviceId: 'dev1', moduleId: 'm' });
	t.deepEqual(renewed.body, {
		policyKey: 'primaryKey',
		rotatedKeys: [
			{ id: 'dev1', ...after },
			{ id: 'dev1', moduleId: 'm', ...module.authentication.symmetricKey },
		],
		errors: [],
	});
	t.like(registry.device('dev1'), { status: 'disabled', capabilities: { iotEdge: true } });
	t.is(module.managedBy, 'me');

	const mixed = await regenerate('both', { id: 'dev1' }, { id: 'ca' }, { id: 'none' });
	t.is(mixed.status, 207);
	t.not(keys('dev1').secondaryKey, after.secondaryKey);
	t.deepEqual(
		(mixed.body['errors'] as JsonObject[]).map(({ id, errorCode }) => [id, errorCode]),
		[
			['ca', 'ArgumentInvalid'],
			['none', 'DeviceNotFound'],
		],
	);
	t.is((await regenerate('secondaryKey', { id: 'none' })).status, 400);
	t.is((await regenerate('otherKey', { id: 'dev1' })).status, 400);
	t.is((await regenerate('both')).status, 400);
});
