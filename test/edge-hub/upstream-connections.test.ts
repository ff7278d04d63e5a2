import test, { type ExecutionContext } from 'ava';
import { DeviceScope } from '../../src/edge-hub/authorization/device-scope.ts';
import { SealedStore } from '../../src/edge-hub/authorization/sealed-store.ts';
import { UpstreamConnections } from '../../src/edge-hub/upstream/upstream-connections.ts';
import { sign } from '../../src/protocol/sas-token.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { MemoryKeyValueStore } from '../../src/storage/memory-key-value-store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeIotHub, keyOf } from '../support/fake-iot-hub.ts';

const own = { deviceId: 'edge1', moduleId: '$edgeHub' };
const filter = { deviceId: 'edge1', moduleId: 'filter' };

async function setUp(t: ExecutionContext, idleTime?: number) {
	const hub = new FakeIotHub();
	for (const identity of [{ deviceId: 'edge1' }, own, filter]) hub.register(identity);
	const clock = new FakeClock();
	const values = new MemoryKeyValueStore();
	const scope = new DeviceScope({
		edgeDeviceId: 'edge1',
		source: hub.scopeSource,
		store: new SealedStore(values, 'identities', Buffer.alloc(32), silentLogger),
		clock,
		logger: silentLogger,
		refreshInterval: 3_600_000,
		maxLookupDelay: 120_000,
	});
	await scope.start();
	const connections = new UpstreamConnections({
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
		...(idleTime === undefined ? {} : { idleTime }),
		connectTime: 10_000,
		clock,
		logger: silentLogger,
	});
	t.teardown(async () => {
		await connections.stop();
		await scope.stop();
	});
	await clock.advance(0);
	return { hub, clock, connections };
}

test('an identity has one connection, however many use it, until nobody has for a while', async (t) => {
	const { hub, clock, connections } = await setUp(t, 60_000);
	const first = connections.lease(filter);
	const second = connections.lease(filter);
	t.is(first.client, second.client);
	t.is((await first.connected()).state.kind, 'connected');
	first[Symbol.dispose]();
	first[Symbol.dispose]();
	await clock.advance(120_000);
	t.is(connections.size, 1, 'somebody still holds it');
	second[Symbol.dispose]();
	await clock.advance(59_000);
	using third = connections.lease(filter);
	await clock.advance(120_000);
	t.is(connections.size, 1, 'it was taken again in time');
	third[Symbol.dispose]();
	await clock.advance(60_000);
	t.is(connections.size, 0);
	t.is(hub.clients.size, 0);
});

test('the connection of the hub itself is never idle', async (t) => {
	const { clock, connections } = await setUp(t, 60_000);
	connections.lease(own)[Symbol.dispose]();
	await clock.advance(3_600_000);
	t.is(connections.size, 1);
});

test('connections stay where idle ones are not to be closed', async (t) => {
	const { clock, connections } = await setUp(t);
	connections.lease(filter)[Symbol.dispose]();
	await clock.advance(24 * 3_600_000);
	t.is(connections.size, 1);
});
