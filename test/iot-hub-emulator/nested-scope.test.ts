import test, { type ExecutionContext } from 'ava';
import rhea, { type Connection } from 'rhea';
import { type Identity, identityKey } from '../../src/protocol/identity.ts';
import { audienceOf } from '../../src/protocol/sas-token.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { happening, putToken } from '../support/amqp-peer.ts';
import {
	hubRequest,
	identityToken,
	mqttClient,
	runningEmulator,
} from '../support/running-emulator.ts';

/** `leaf` below `middle` below `top`, and `other`, which is below nobody. */
async function layeredEmulator(t: ExecutionContext) {
	const emulator = await runningEmulator(t);
	const { registry } = emulator;
	const edge = (id: string, parentScopes: readonly (string | undefined)[] = []) => {
		const device = registry.putDevice(id, { capabilities: { iotEdge: true }, parentScopes });
		const hub = { deviceId: id, moduleId: '$edgeHub' };
		registry.putModule(hub, { authentication: { type: 'sas' } }, '*');
		return device;
	};
	const top = edge('top');
	const middle = edge('middle', [top.deviceScope]);
	edge('other');
	registry.putDevice('leaf', { deviceScope: middle.deviceScope });
	return emulator;
}

test('an edge hub asks in the place of those below it, along the chain of parents', async (t) => {
	const emulator = await layeredEmulator(t);
	const hub = { deviceId: 'top', moduleId: '$edgeHub' };
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

test('an edge hub connects in the name of who is below it, with its own token', async (t) => {
	const emulator = await layeredEmulator(t);
	const hubOf = (deviceId: string) => ({ deviceId, moduleId: '$edgeHub' });
	const connect = (identity: Identity, authChain: string, holder: Identity) =>
		mqttClient(emulator, {
			clientId: identityKey(identity),
			username: `${emulator.hostName}/${identityKey(identity)}/?api-version=2021-04-12&auth-chain=${encodeURIComponent(authChain)}`,
			password: identityToken(emulator, holder),
		});
	const leaf = { deviceId: 'leaf' };
	const client = await connect(leaf, 'leaf;middle;top', hubOf('top'));
	await client.publishAsync('devices/leaf/messages/events/', '1', { qos: 1 });
	const senders: Identity[] = [];
	for await (const { identity } of emulator.telemetry.read()) senders.push(identity);
	t.deepEqual(senders, [leaf]);
	await client.endAsync();
	await (await connect(leaf, 'leaf;middle', hubOf('middle'))).endAsync();
	await (await connect(hubOf('middle'), 'middle/$edgeHub;middle;top', hubOf('top'))).endAsync();

	const refused: [string, Identity, string, Identity][] = [
		['the token of another hub', leaf, 'leaf;middle;top', hubOf('other')],
		['the token of the hub between', leaf, 'leaf;middle;top', hubOf('middle')],
		['the token of the device', leaf, 'leaf;middle;top', leaf],
		['the token of the edge device', leaf, 'leaf;middle;top', { deviceId: 'top' }],
		['a chain with a gap', leaf, 'leaf;top', hubOf('top')],
		['a chain of strangers', leaf, 'leaf;other', hubOf('other')],
		['a chain of somebody else', leaf, 'middle;top', hubOf('top')],
		['a chain to itself', hubOf('top'), 'top/$edgeHub;top', hubOf('top')],
		['a chain that is none', leaf, ';', hubOf('top')],
	];
	for (const [what, identity, authChain, holder] of refused) {
		await t.throwsAsync(connect(identity, authChain, holder), { code: 5 }, what);
	}
	const disable = (deviceId: string, status: 'enabled' | 'disabled') => {
		const { capabilities, parentScopes } = emulator.registry.device(deviceId);
		emulator.registry.putDevice(deviceId, { status, capabilities, parentScopes }, '*');
	};
	const connected = await connect(leaf, 'leaf;middle;top', hubOf('top'));
	const closed = new Promise<void>((resolve) => connected.once('close', () => resolve()));
	disable('middle', 'disabled');
	await closed;
	await t.throwsAsync(connect(leaf, 'leaf;middle;top', hubOf('top')), { code: 5 });
	disable('middle', 'enabled');
	await (await connect(leaf, 'leaf;middle;top', hubOf('top'))).endAsync();
	disable('leaf', 'disabled');
	await t.throwsAsync(connect(leaf, 'leaf;middle;top', hubOf('top')), { code: 5 });
});

test('over AMQP an edge hub attaches links in the name of who is below it', async (t) => {
	const emulator = await layeredEmulator(t);
	const hubOf = (deviceId: string) => ({ deviceId, moduleId: '$edgeHub' });
	const leaf = { deviceId: 'leaf' };
	const audience = (identity: Identity) => audienceOf(emulator.hostName, identity);
	const connection = () => {
		const client = rhea.create_container().connect({
			transport: 'tls',
			host: 'localhost',
			port: emulator.port,
			ca: emulator.caCertificate,
			reconnect: false,
		} as never);
		client.on('disconnected', () => {});
		t.teardown(() => client.close());
		return client;
	};
	/** What becomes of a link that names a chain: `sendable`, or the condition of its refusal. */
	const attach = async (client: Connection, identity: Identity, authChain: string) => {
		const address = `${audienceOf('', identity)}/messages/events`;
		const properties = { 'com.microsoft:auth-chain': authChain };
		const sender = client.open_sender({ target: { address }, properties } as never);
		const attached = happening(sender, 'sendable').then(() => 'sendable');
		const refused = happening(sender, 'sender_error').then(() => sender.error);
		const outcome = await Promise.race([attached, refused]);
		return { sender, outcome: String((outcome as { condition?: string }).condition ?? outcome) };
	};

	// Its token under its own name, or under that of whom it speaks for, as clients do it.
	for (const name of [hubOf('top'), leaf]) {
		const client = connection();
		const token = identityToken(emulator, hubOf('top'));
		t.is(await putToken(client, audience(name), token), 200);
		const { sender, outcome } = await attach(client, leaf, 'leaf;middle;top');
		t.is(outcome, 'sendable');
		sender.send({ body: rhea.message.data_section(Buffer.from('1')) } as never);
		await happening(sender, 'accepted');
		for (const [identity, chain] of [
			[{ deviceId: 'other' }, 'other;top'],
			[hubOf('middle'), 'leaf;middle;top'],
			[hubOf('middle'), ';'],
		] as const) {
			const { outcome: refused } = await attach(client, identity, chain);
			t.is(refused, 'amqp:unauthorized-access', chain);
		}
		const newer = identityToken(emulator, hubOf('top'));
		for (const holder of [leaf, hubOf('top')]) {
			t.is(await putToken(client, audience(holder), newer), 200, 'a newer token');
		}
		sender.send({ body: rhea.message.data_section(Buffer.from('2')) } as never);
		await happening(sender, 'accepted');
	}
	const senders: Identity[] = [];
	for await (const { identity } of emulator.telemetry.read()) senders.push(identity);
	t.deepEqual(senders, [leaf, leaf, leaf, leaf]);

	const stranger = connection();
	t.is(
		await putToken(stranger, audience(leaf), identityToken(emulator, hubOf('other'))),
		200,
		'a token alone says nothing of whom it is good for',
	);
	t.is((await attach(stranger, leaf, 'leaf;middle;top')).outcome, 'amqp:unauthorized-access');
	t.is((await attach(stranger, leaf, 'leaf;other')).outcome, 'amqp:unauthorized-access');
	const forged = identityToken(emulator, hubOf('top')).replace(/sig=[^&]*/, 'sig=AAAA');
	t.is(await putToken(stranger, audience(leaf), forged), 401);
});

test('an edge hub manages the modules of an edge device below it', async (t) => {
	const emulator = await layeredEmulator(t);
	const authorization = identityToken(emulator, { deviceId: 'top', moduleId: '$edgeHub' });
	const call = (name: string, body: object, headers = {}, method = 'POST') =>
		hubRequest(emulator, {
			method,
			path: `/devices/top/modules/$edgeHub/${name}`,
			authorization,
			body: { authChain: 'middle;top', ...body },
			headers,
		});
	const module = { moduleId: 'filter', deviceId: 'middle', managedBy: 'iotedge-k8s' };
	const made = await call('putModuleOnBehalfOf', { module }, {}, 'PUT');
	t.like(made.body, { ...module, authentication: { type: 'none' } });
	t.is((await call('putModuleOnBehalfOf', { module })).status, 409);
	const keys = {
		primaryKey: Buffer.from('primary key, long enough').toString('base64'),
		secondaryKey: Buffer.from('secondary key, long enough').toString('base64'),
	};
	const withKeys = { ...module, authentication: { type: 'sas', symmetricKey: keys } };
	await call('putModuleOnBehalfOf', { module: withKeys }, { 'if-match': '*' });
	for (const body of [{ targetModuleId: 'filter' }, { moduleId: 'filter' }]) {
		const { body: found } = await call('getModuleOnBehalfOf', body);
		t.like(found['authentication'] as object, { symmetricKey: keys });
	}
	const all = await call('getModulesOnTargetDevice', {});
	t.true(all.text.includes('"filter"'));
	t.is((await call('deleteModuleOnBehalfOf', { moduleId: 'filter' })).status, 204);
	t.is((await call('getModuleOnBehalfOf', { moduleId: 'filter' })).status, 404);
	t.is((await call('getModulesOnTargetDevice', { authChain: 'other;top' })).status, 401);
	t.is((await call('getModuleOnBehalfOf', {})).status, 400);
});
