import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { DeviceScope } from '../../src/edge-hub/authorization/device-scope.ts';
import { SealedStore } from '../../src/edge-hub/authorization/sealed-store.ts';
import { ClientRegistry } from '../../src/edge-hub/clients/client-registry.ts';
import { MethodDispatcher } from '../../src/edge-hub/methods/method-dispatcher.ts';
import { TwinManager } from '../../src/edge-hub/twins/twin-manager.ts';
import { TwinStore } from '../../src/edge-hub/twins/twin-store.ts';
import { UpstreamConnections } from '../../src/edge-hub/upstream/upstream-connections.ts';
import { UpstreamSubscriptions } from '../../src/edge-hub/upstream/upstream-subscriptions.ts';
import type { LocalDeployment } from '../../src/edge-hub/workload-client.ts';
import type { Message } from '../../src/protocol/message.ts';
import { sign } from '../../src/protocol/sas-token.ts';
import { EdgeError } from '../../src/runtime/edge-error.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { MemoryKeyValueStore } from '../../src/storage/memory-key-value-store.ts';
import { FakeClient } from '../support/fake-client.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeIotHub, keyOf } from '../support/fake-iot-hub.ts';

const own = { deviceId: 'edge1', moduleId: '$edgeHub' };
const filter = { deviceId: 'edge1', moduleId: 'filter' };
const sealKey = randomBytes(32);

interface World {
	readonly hub: FakeIotHub;
	readonly clock: FakeClock;
	readonly values: MemoryKeyValueStore;
	/** What rules instead of IoT Hub. */
	local?: LocalDeployment;
}

function newWorld(): World {
	const hub = new FakeIotHub();
	for (const identity of [{ deviceId: 'edge1' }, own, filter]) hub.register(identity);
	return { hub, clock: new FakeClock(), values: new MemoryKeyValueStore() };
}

/** The twins of a hub in a world that may have seen another hub before. */
async function startTwins(t: ExecutionContext, world = newWorld()) {
	const { hub, clock, values } = world;
	const sealed = (name: string) => new SealedStore(values, name, sealKey, silentLogger);
	const scope = new DeviceScope({
		edgeDeviceId: 'edge1',
		source: hub.scopeSource,
		store: sealed('identities'),
		clock,
		logger: silentLogger,
		refreshInterval: 3_600_000,
		maxLookupDelay: 120_000,
	});
	const upstream = new UpstreamConnections({
		hub: own,
		hubHostName: 'hub.test',
		createClient: hub.createClient,
		scope,
		workload: {
			sign: async (data) => sign(keyOf(own), data),
			createServerCertificate: () => Promise.reject(new Error('not here')),
			trustBundle: async () => '',
			deployment: async () => null,
		},
		idleTime: 60_000,
		connectTime: 10_000,
		clock,
		logger: silentLogger,
	});
	const clients = new ClientRegistry();
	const routed: Message[] = [];
	let tellLocal: (before: LocalDeployment | undefined) => void = () => {};
	const setLocal = (twins?: LocalDeployment['twins']) => {
		const before = world.local;
		if (twins === undefined) delete world.local;
		else world.local = { source: 'ConfigMap deployment, 1', hub: null, twins };
		tellLocal(before);
	};
	const twins = new TwinManager({
		hub: own,
		store: new TwinStore(sealed('twins')),
		upstream,
		clients,
		routeChange: async (message) => void routed.push(message),
		local: {
			get current() {
				return world.local;
			},
			onChange: (listener) => {
				tellLocal = listener;
			},
		},
		syncInterval: 5_000,
		clock,
		logger: silentLogger,
	});
	const methods = new MethodDispatcher({ clients, clock });
	const subscriptions = new UpstreamSubscriptions({
		clients,
		connections: upstream,
		twins,
		methods,
	});
	await scope.start();
	await clock.advance(0);
	twins.start();
	subscriptions.start();
	const ownLease = upstream.lease(own);
	await clock.advance(0);
	const stop = async () => {
		ownLease[Symbol.dispose]();
		subscriptions.stop();
		twins.stop();
		await upstream.stop();
		await scope.stop();
	};
	t.teardown(stop);
	return { ...world, scope, upstream, clients, twins, methods, routed, setLocal, stop };
}

const twinRequests = (hub: FakeIotHub) =>
	hub.requests.filter((request) => /^(getTwin|patchReported)/.test(request));

test('a twin comes from IoT Hub, and from the last known state while it is cut off', async (t) => {
	const { hub, twins } = await startTwins(t);
	hub.patchDesired(filter, { threshold: 25 });
	t.deepEqual(await twins.get(filter), {
		desired: { threshold: 25, $version: 2 },
		reported: { $version: 1 },
	});
	hub.setOnline(false);
	hub.patchDesired(filter, { threshold: 30 });
	t.like(await twins.get(filter), { desired: { threshold: 25, $version: 2 } });
});

test('a twin that was never seen is empty while IoT Hub is cut off', async (t) => {
	const { hub, twins } = await startTwins(t);
	hub.setOnline(false);
	t.deepEqual(await twins.get(filter), { desired: { $version: 0 }, reported: { $version: 0 } });
});

test('reported properties are pushed at once, then collected for a while', async (t) => {
	const { hub, clock, twins } = await startTwins(t);
	await twins.get(filter);
	t.is(await twins.report(filter, { a: 1, b: { c: 2 } }), 2);
	await clock.advance(0);
	t.like(hub.reportedOf(filter), { a: 1, b: { c: 2 } });
	t.is(await twins.report(filter, { a: 2 }), 3);
	t.is(await twins.report(filter, { b: { c: null, d: 3 } }), 4);
	await clock.advance(4_999);
	t.like(hub.reportedOf(filter), { a: 1 });
	await clock.advance(1);
	t.deepEqual(hub.reportedOf(filter), { a: 2, b: { d: 3 }, $version: 3 });
	t.deepEqual((await twins.get(filter)).reported, hub.reportedOf(filter));
});

test('what was reported while cut off is kept over a restart and pushed on return', async (t) => {
	const world = newWorld();
	const first = await startTwins(t, world);
	await first.twins.get(filter);
	world.hub.setOnline(false);
	await first.twins.report(filter, { a: 1, gone: true });
	await first.twins.report(filter, { gone: null });
	t.like(await first.twins.get(filter), { reported: { a: 1, $version: 3 } });
	await first.stop();

	const second = await startTwins(t, world);
	t.like(await second.twins.get(filter), { reported: { a: 1 } });
	world.hub.setOnline(true);
	await world.clock.advance(0);
	t.deepEqual(world.hub.reportedOf(filter), { a: 1, $version: 2 });
	t.true(world.hub.requests.includes('patchReported {"a":1,"gone":null} edge1/filter'));
	const before = twinRequests(world.hub).length;
	world.hub.setOnline(false);
	world.hub.setOnline(true);
	await world.clock.advance(60_000);
	t.is(twinRequests(world.hub).length, before, 'it is pushed once');
});

test('an object that was deleted and reported anew while cut off is not mixed with the old one', async (t) => {
	const world = newWorld();
	const first = await startTwins(t, world);
	await first.twins.get(filter);
	await first.twins.report(filter, { fan: { speed: 3, mode: 'auto' }, kept: 1 });
	await world.clock.advance(0);
	world.hub.setOnline(false);
	await first.twins.report(filter, { fan: null });
	await first.twins.report(filter, { fan: { speed: 1 } });
	await first.stop();

	const second = await startTwins(t, world);
	world.hub.setOnline(true);
	await world.clock.advance(0);
	t.like(world.hub.reportedOf(filter), { fan: { speed: 1 }, kept: 1 });
	t.false('mode' in (world.hub.reportedOf(filter)['fan'] as object));
	t.deepEqual((await second.twins.get(filter)).reported['fan'], { speed: 1 });
});

test('properties that are reported during a push come with the next one', async (t) => {
	const { hub, clock, twins } = await startTwins(t);
	await twins.get(filter);
	await twins.report(filter, { a: 1, b: 1 });
	await clock.advance(0);
	const [client] = [...hub.clients].filter(({ identity }) => identity.moduleId === 'filter');
	const { promise, resolve } = Promise.withResolvers<void>();
	const patch = client?.patchReported.bind(client);
	if (client) client.patchReported = (sent) => promise.then(() => patch?.(sent));
	await twins.report(filter, { b: 2 });
	await clock.advance(5_000);
	await twins.report(filter, { c: 3 });
	resolve();
	await clock.advance(5_000);
	t.deepEqual(hub.reportedOf(filter), { a: 1, b: 2, c: 3, $version: 4 });
});

test('what IoT Hub refuses is given up; what it cannot take now is tried again', async (t) => {
	const { hub, clock, twins, upstream } = await startTwins(t);
	await twins.get(filter);
	using lease = upstream.lease(filter);
	const { client } = lease;
	const working = client.patchReported.bind(client);
	client.patchReported = () =>
		Promise.reject(new EdgeError('EDGE_HUB_REQUEST_FAILED', 'no such thing'));
	await twins.report(filter, { bad: 1 });
	await clock.advance(0);
	client.patchReported = () => Promise.reject(new EdgeError('EDGE_HUB_UNREACHABLE', 'late'));
	await twins.report(filter, { good: 1 });
	await clock.advance(5_000);
	client.patchReported = working;
	hub.setOnline(false);
	hub.setOnline(true);
	await clock.advance(5_000);
	t.deepEqual(hub.reportedOf(filter), { good: 1, $version: 2 });
});

test('a push that failed is repeated without waiting for a new connection', async (t) => {
	const { hub, clock, twins, upstream } = await startTwins(t);
	await twins.get(filter);
	using lease = upstream.lease(filter);
	const { client } = lease;
	const working = client.patchReported.bind(client);
	client.patchReported = () => Promise.reject(new EdgeError('EDGE_HUB_UNREACHABLE', 'late'));
	await twins.report(filter, { a: 1 });
	await clock.advance(5_000);
	client.patchReported = working;
	await clock.advance(120_000);
	t.like(hub.reportedOf(filter), { a: 1 });
});

const invalid: readonly [title: string, patch: unknown, message: RegExp][] = [
	['no object', [1], /not a JSON object/],
	['a forbidden name', { 'a.b': 1 }, /invalid character '.'/],
	['a version of its own', { $version: 3 }, /invalid character '\$'/],
	['null in an array', { a: [null] }, /Arrays cannot contain 'null'/],
	['a long text', { a: 'x'.repeat(4097) }, /exceeds maximum length of 4096/],
];

for (const [title, patch, message] of invalid) {
	test(`a patch with ${title} is refused, and neither routed nor kept`, async (t) => {
		const { twins, routed } = await startTwins(t);
		await t.throwsAsync(twins.report(filter, patch as never), {
			code: 'EDGE_TWIN_PATCH_INVALID',
			message,
		});
		t.deepEqual(routed, []);
		t.false(twins.replica(filter).hasPending);
	});
}

test('reported properties as a whole have a limit too', async (t) => {
	const { twins } = await startTwins(t);
	const part = (name: string) => ({ [name]: Array.from({ length: 4 }, () => 'x'.repeat(4000)) });
	await twins.report(filter, part('a'));
	await twins.report(filter, part('b'));
	await t.throwsAsync(twins.report(filter, part('c')), { message: /exceeds maximum 32768/ });
});

test('a change of reported properties is routed in the name of the hub', async (t) => {
	const { twins, routed } = await startTwins(t);
	await twins.report(filter, { a: 1 });
	t.is(routed.length, 1);
	t.deepEqual(JSON.parse(Buffer.from(routed[0]?.body ?? []).toString()), { a: 1 });
	t.like(Object.fromEntries(routed[0]?.systemProperties ?? []), {
		connectionModuleId: '$edgeHub',
		rpSenderModuleId: 'filter',
		messageType: 'twinChangeNotification',
	});
});

test('desired properties reach a client that listens for them', async (t) => {
	const { hub, clock, clients, twins } = await startTwins(t);
	await twins.get(filter);
	const client = new FakeClient(clients, filter, ['desired-properties']);
	await clock.advance(0);
	hub.patchDesired(filter, { a: 1 });
	hub.patchDesired(filter, { a: null, b: 2 });
	await clock.advance(0);
	t.deepEqual(client.desired, [
		{ a: 1, $version: 2 },
		{ a: null, b: 2, $version: 3 },
	]);
	t.deepEqual(twinRequests(hub).length, 2, 'no need to ask for the whole twin each time');
	t.deepEqual(twins.replica(filter).stored?.desired, { b: 2, $version: 3 });
});

test('a change reaches its client as IoT Hub has sent it, also where it says nothing new', async (t) => {
	const { hub, clock, clients, twins } = await startTwins(t);
	await twins.get(filter);
	const client = new FakeClient(clients, filter, ['desired-properties']);
	await clock.advance(0);
	hub.patchDesired(filter, { a: 1, b: { c: null }, gone: null });
	await clock.advance(0);
	hub.patchDesired(filter, { a: 1 });
	await clock.advance(0);
	hub.patchDesired(filter, {});
	await clock.advance(0);
	t.deepEqual(client.desired, [
		{ a: 1, b: { c: null }, gone: null, $version: 2 },
		{ a: 1, $version: 3 },
		{ $version: 4 },
	]);
	t.deepEqual(twins.replica(filter).stored?.desired, { a: 1, b: {}, $version: 4 });
	hub.setOnline(false);
	hub.patchDesired(filter, { a: 1 });
	hub.setOnline(true);
	await clock.advance(0);
	t.deepEqual(client.desired.slice(3), [{ $version: 5 }], 'the version at least');
});

test('changes that were missed arrive as one patch when the cloud is back', async (t) => {
	const { hub, clock, clients, twins } = await startTwins(t);
	hub.patchDesired(filter, { keep: 1, change: 1, drop: 1 });
	await twins.get(filter);
	const client = new FakeClient(clients, filter, ['desired-properties']);
	await clock.advance(0);
	t.deepEqual(client.desired, [], 'nothing is new yet');
	hub.setOnline(false);
	hub.patchDesired(filter, { change: 2 });
	hub.patchDesired(filter, { drop: null, added: { x: 1 } });
	hub.setOnline(true);
	await clock.advance(0);
	t.deepEqual(client.desired, [{ drop: null, change: 2, added: { x: 1 }, $version: 4 }]);
});

test('changes that were missed while the client was away arrive when it is back', async (t) => {
	const { hub, clock, clients, twins } = await startTwins(t);
	await twins.get(filter);
	new FakeClient(clients, filter, ['desired-properties']).close();
	hub.patchDesired(filter, { a: 1 });
	await clock.advance(0);
	const client = new FakeClient(clients, filter, ['desired-properties']);
	await clock.advance(0);
	t.deepEqual(client.desired, [{ a: 1, $version: 2 }]);
});

test('a gap between versions, and an old version, ask for the whole twin', async (t) => {
	const { hub, clock, clients, twins } = await startTwins(t);
	hub.patchDesired(filter, { a: 1 });
	await twins.get(filter);
	const client = new FakeClient(clients, filter, ['desired-properties']);
	await clock.advance(0);
	hub.twins.set('edge1/filter', { desired: { a: 3, $version: 5 }, reported: { $version: 1 } });
	twins.desiredPatch(filter, { a: 2, $version: 4 });
	await clock.advance(0);
	t.deepEqual(client.desired, [{ a: 3, $version: 5 }]);
	twins.desiredPatch(filter, { a: 2, $version: 4 });
	await clock.advance(0);
	t.is(client.desired.length, 1);
});

test('the connection of a client that has gone is closed after a while, and comes back with it', async (t) => {
	const { clock, clients, upstream } = await startTwins(t);
	const client = new FakeClient(clients, filter, ['desired-properties']);
	await clock.advance(0);
	t.is(upstream.size, 2);
	client.close();
	await clock.advance(59_000);
	new FakeClient(clients, filter, ['desired-properties']);
	await clock.advance(59_000);
	t.is(upstream.size, 2);
	clients.of(filter)[0]?.close();
	await clock.advance(60_000);
	t.is(upstream.size, 1);
});

test('methods and messages from the cloud reach the client; an absent one is reported', async (t) => {
	const { hub, clock, clients, methods } = await startTwins(t);
	const leaf = { deviceId: 'leaf' };
	hub.register(leaf);
	await clock.advance(3_600_000);
	const device = new FakeClient(clients, leaf, ['cloud-to-device', 'methods']);
	await clock.advance(0);
	const message = { body: Buffer.from('x'), properties: new Map(), systemProperties: new Map() };
	await hub.sendToDevice(leaf, message);
	t.deepEqual(device.deviceBound, [message]);
	const call = { name: 'm', payload: 1, responseTimeoutSeconds: 30, connectTimeoutSeconds: 0 };
	const answer = hub.callMethod(leaf, call);
	await clock.advance(0);
	methods.respond(leaf, device.methods[0]?.requestId ?? '', { status: 200, payload: 'ok' });
	t.deepEqual(await answer, { status: 200, payload: 'ok' });
	const unanswered = hub.callMethod(leaf, call);
	await clock.advance(300_000);
	t.is((await unanswered).status, 504);
});

test('an identity whose key has changed in IoT Hub connects with the new one', async (t) => {
	const { hub, clock, twins } = await startTwins(t);
	hub.register(filter, Buffer.from('another').toString('base64'));
	const entry = hub.registry.get('edge1/filter');
	if (entry) {
		const keys = [Buffer.from('another').toString('base64')];
		hub.registry.set('edge1/filter', {
			...entry,
			authentication: { ...entry.authentication, keys },
		});
	}
	hub.patchDesired(filter, { a: 1 });
	await twins.get(filter);
	hub.setOnline(true);
	await clock.advance(0);
	t.like(await twins.get(filter), { desired: { a: 1 } });
});

test('desired properties of the cluster rule: IoT Hub’s are ignored, reported ones still reach it', async (t) => {
	const { hub, clock, twins, clients, setLocal } = await startTwins(t);
	hub.patchDesired(filter, { limit: 1 });
	const client = new FakeClient(clients, filter, ['desired-properties']);
	await clock.advance(0);
	t.is((await twins.get(filter)).desired['limit'], 1);
	setLocal({ filter: { limit: 30 } });
	await clock.advance(0);
	t.deepEqual(client.desired.at(-1), { limit: 30, $version: 3 });
	hub.patchDesired(filter, { limit: 2 });
	await clock.advance(0);
	t.is((await twins.get(filter)).desired['limit'], 30);
	setLocal({ filter: { limit: 31 } });
	await clock.advance(0);
	t.like(client.desired.at(-1), { limit: 31 });
	const { desired } = await twins.get(filter);
	t.deepEqual((await twins.get(filter)).desired, desired);
	await twins.report(filter, { seen: 31 });
	await clock.advance(5_000);
	t.like(hub.reportedOf(filter), { seen: 31 });
	setLocal();
	await clock.advance(0);
	t.like(client.desired.at(-1), { limit: 2 });
	t.like((await twins.get(filter)).desired, { limit: 2 });
});

test('a module that IoT Hub never told of gets the cluster’s desired properties while it is cut off', async (t) => {
	const { hub, twins, setLocal } = await startTwins(t);
	hub.setOnline(false);
	setLocal({ filter: { limit: 30 } });
	t.deepEqual((await twins.get(filter)).desired, { limit: 30, $version: 1 });
});
