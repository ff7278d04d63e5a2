import test from 'ava';
import type { JsonObject } from '../../src/runtime/json.ts';
import { hubRequest, identityToken, runningEmulator } from '../support/running-emulator.ts';

test('an edge hub asks in the place of those below it, along the chain of parents', async (t) => {
	const emulator = await runningEmulator(t);
	const { registry } = emulator;
	const edge = (id: string, parentScopes: readonly (string | undefined)[] = []) =>
		registry.putDevice(id, { capabilities: { iotEdge: true }, parentScopes });
	const top = edge('top');
	const middle = edge('middle', [top.deviceScope]);
	edge('other');
	registry.putDevice('leaf', { deviceScope: middle.deviceScope });
	const hub = { deviceId: 'top', moduleId: '$edgeHub' };
	registry.putModule(hub, { authentication: { type: 'sas' } }, '*');
	const authorization = identityToken(emulator, hub);
	const call = (path: string, body: object) =>
		hubRequest(emulator, {
			method: 'POST',
			path: `/devices/top/modules/$edgeHub/${path}`,
			authorization,
			body,
		});
	const ids = (body: JsonObject) =>
		(body['devices'] as { deviceId: string }[]).map(({ deviceId }) => deviceId);

	const list = 'devicesAndModulesInTargetDeviceScope';
	const all = await call(list, { authChain: 'middle/$edgeHub;middle;top', pageSize: 100 });
	t.deepEqual(ids(all.body), ['leaf', 'middle']);
	const first = await call(list, { authChain: 'middle;top', pageSize: 1 });
	t.deepEqual(ids(first.body), ['leaf']);
	const { continuationLink } = first.body;
	const rest = await call(list, { authChain: 'middle;top', pageSize: 1, continuationLink });
	t.deepEqual(ids(rest.body), ['middle']);
	t.is(rest.body['continuationLink'], null);

	const one = 'getDeviceAndModuleOnBehalfOf';
	const leaf = await call(one, { authChain: 'leaf;middle;top', targetDeviceId: 'leaf' });
	t.deepEqual(ids(leaf.body), ['leaf']);
	const module = await call(one, {
		authChain: 'middle/$edgeHub;middle;top',
		targetDeviceId: 'middle',
		targetModuleId: '$edgeHub',
	});
	t.is((module.body['modules'] as object[]).length, 1);

	for (const [authChain, status] of [
		['leaf;top', 401],
		['other;top', 401],
		['leaf;middle', 401],
		['none;middle;top', 401],
		['', 400],
	] as const) {
		t.is((await call(one, { authChain, targetDeviceId: 'leaf' })).status, status, authChain);
	}
	const outside = await call(one, { authChain: 'middle;top', targetDeviceId: 'other' });
	t.is(outside.status, 404);
	const stranger = await hubRequest(emulator, {
		method: 'POST',
		path: `/devices/top/modules/$edgeHub/${one}`,
		authorization: identityToken(emulator, { deviceId: 'leaf' }),
		body: { authChain: 'leaf;middle;top' },
	});
	t.is(stranger.status, 401);
});
