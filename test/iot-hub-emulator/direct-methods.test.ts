import test from 'ava';
import type { DeviceConnection } from '../../src/iot-hub-emulator/connections/device-connection.ts';
import { DeviceConnections } from '../../src/iot-hub-emulator/connections/device-connections.ts';
import { DirectMethods } from '../../src/iot-hub-emulator/methods/direct-methods.ts';
import { IdentityRegistry } from '../../src/iot-hub-emulator/registry/identity-registry.ts';
import { MemoryKeyValueStore } from '../../src/storage/memory-key-value-store.ts';
import { FakeClock } from '../support/fake-clock.ts';

const target = { deviceId: 'dev1', moduleId: 'mod1' };
const request = { name: 'm', payload: 1, responseTimeoutSeconds: 30, connectTimeoutSeconds: 10 };
const answer = { status: 200, payload: 'done' };

function methodsWithTarget() {
	const clock = new FakeClock();
	const registry = new IdentityRegistry(new MemoryKeyValueStore(), clock);
	registry.putDevice('dev1', {});
	registry.putModule(target, {});
	const connections = new DeviceConnections(clock);
	return { clock, connections, methods: new DirectMethods(registry, connections, clock) };
}

/** A client that notes the calls it gets. */
function listener(calls: string[], receives = true): DeviceConnection {
	return {
		identity: target,
		admission: { credential: {}, method: { scope: 'module', type: 'sas' }, generationId: '1' },
		receives: () => receives,
		sendDesired: () => {},
		sendMethod: (_name, requestId) => calls.push(requestId),
		deliveryRoom: 0,
		deliver: async () => 'completed',
		close: () => {},
	};
}

test('a call to who is not there fails when the time to connect is over', async (t) => {
	const { clock, methods } = methodsWithTarget();
	const call = t.throwsAsync(methods.invoke(target, request), { name: 'IotHubError' });
	await clock.advance(9_999);
	t.is(clock.pending, 1);
	await clock.advance(1);
	t.like(await call, { code: 'DeviceNotOnline', status: 404 });
	t.is(clock.pending, 0);
	const { connectTimeoutSeconds: _, ...rest } = request;
	const atOnce = methods.invoke(target, { ...rest, connectTimeoutSeconds: 0 });
	t.like(await t.throwsAsync(atOnce), { code: 'DeviceNotOnline' });
});

test('being connected without listening for methods is not being there', async (t) => {
	const { clock, connections, methods } = methodsWithTarget();
	const calls: string[] = [];
	connections.add(listener(calls, false));
	const call = methods.invoke(target, request);
	const listening = listener(calls);
	await clock.advance(5_000);
	connections.add(listening);
	connections.ready(listening, 'desired-properties');
	t.deepEqual(calls, []);
	connections.ready(listening, 'methods');
	await clock.advance(0);
	methods.answer(target, calls[0] ?? '', answer);
	t.deepEqual(await call, answer);
	t.is(clock.pending, 0);
});

test('only the target can answer, once, and in time', async (t) => {
	const { clock, connections, methods } = methodsWithTarget();
	const calls: string[] = [];
	connections.add(listener(calls));
	const call = t.throwsAsync(methods.invoke(target, request));
	await clock.advance(0);
	methods.answer({ deviceId: 'dev1' }, calls[0] ?? '', answer);
	await clock.advance(30_000);
	t.like(await call, { code: 'GatewayTimeout', status: 504 });
	t.notThrows(() => methods.answer(target, calls[0] ?? '', answer));

	const next = methods.invoke(target, request);
	await clock.advance(0);
	methods.answer(target, calls[1] ?? '', answer);
	methods.answer(target, calls[1] ?? '', { status: 500, payload: null });
	t.deepEqual(await next, answer);
});

test('an answer of more than 128 KB is none', async (t) => {
	const { clock, connections, methods } = methodsWithTarget();
	const calls: string[] = [];
	connections.add(listener(calls));
	const answered = async (payload: string) => {
		const call = methods.invoke(target, request);
		await clock.advance(0);
		methods.answer(target, calls.at(-1) ?? '', { status: 200, payload });
		return call;
	};
	const full = 'x'.repeat(131_070);
	t.is((await answered(full)).payload, full);
	t.like(await t.throwsAsync(answered(`${full}x`)), { code: 'BadDeviceResponse', status: 502 });
});

test('a caller that goes away leaves nothing behind', async (t) => {
	const { clock, methods } = methodsWithTarget();
	const caller = new AbortController();
	const call = t.throwsAsync(methods.invoke(target, request, caller.signal));
	await clock.advance(0);
	caller.abort();
	await call;
	t.is(clock.pending, 0);
});
