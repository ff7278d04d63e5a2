import test from 'ava';
import { ClientRegistry } from '../../src/edge-hub/clients/client-registry.ts';
import { MethodDispatcher } from '../../src/edge-hub/methods/method-dispatcher.ts';
import { failedMethodResponse } from '../../src/edge-hub/methods/method-status.ts';
import type { MethodRequest } from '../../src/protocol/direct-method.ts';
import { FakeClient } from '../support/fake-client.ts';
import { FakeClock } from '../support/fake-clock.ts';

const filter = { deviceId: 'edge1', moduleId: 'filter' };

const reset: MethodRequest = {
	name: 'reset',
	payload: { hard: true },
	responseTimeoutSeconds: 30,
	connectTimeoutSeconds: 0,
};

function dispatcher() {
	const clients = new ClientRegistry();
	const clock = new FakeClock();
	return { clients, clock, methods: new MethodDispatcher({ clients, clock }) };
}

test('a method is called and its answer comes back, by its request id in any case', async (t) => {
	const { clients, clock, methods } = dispatcher();
	const client = new FakeClient(clients, filter, ['methods']);
	const answer = methods.call('cloud', filter, reset);
	await clock.advance(0);
	const [call] = client.methods;
	t.deepEqual(call?.request, reset);
	const requestId = call?.requestId ?? '';
	methods.respond({ deviceId: 'edge1', moduleId: 'spy' }, requestId, { status: 1, payload: 'no' });
	methods.respond(filter, 'unknown', { status: 1, payload: 'no' });
	methods.respond(filter, requestId.toUpperCase(), { status: 207, payload: [1] });
	methods.respond(filter, requestId, { status: 1, payload: 'late' });
	t.deepEqual(await answer, { status: 207, payload: [1] });
	t.is(clock.pending, 0);
});

test('calls at the same time do not mix', async (t) => {
	const { clients, clock, methods } = dispatcher();
	const client = new FakeClient(clients, filter, ['methods']);
	const answers = [1, 2, 3].map((payload) => methods.call('cloud', filter, { ...reset, payload }));
	await clock.advance(0);
	for (const { requestId, request } of client.methods.toReversed()) {
		methods.respond(filter, requestId, { status: 200, payload: request.payload });
	}
	t.deepEqual(
		(await Promise.all(answers)).map(({ payload }) => payload),
		[1, 2, 3],
	);
});

test('a target that is absent, or does not listen for methods, is not found', async (t) => {
	const { clients, methods } = dispatcher();
	const attempt = () =>
		t.throwsAsync(methods.call('cloud', filter, reset), { code: 'EDGE_METHOD_TARGET_ABSENT' });
	t.is(failedMethodResponse(await attempt()).status, 404);
	new FakeClient(clients, filter, ['inputs']);
	await attempt();
});

test('a call waits for its target as long as its caller allows', async (t) => {
	const { clients, clock, methods } = dispatcher();
	const patient = { ...reset, connectTimeoutSeconds: 10 };
	const late = methods.call('cloud', filter, patient);
	await clock.advance(9_000);
	const client = new FakeClient(clients, filter);
	await clock.advance(500);
	client.subscribe('methods');
	await clock.advance(0);
	methods.respond(filter, client.methods[0]?.requestId ?? '', { status: 200, payload: null });
	t.is((await late).status, 200);

	client.close();
	const [error] = await Promise.all([
		t.throwsAsync(methods.call('cloud', filter, patient)),
		clock.advance(10_000),
	]);
	t.is(failedMethodResponse(error).status, 404);
	t.is(clock.pending, 0);
});

test('a target that does not answer in time, goes away or does not take the call has not answered', async (t) => {
	const { clients, clock, methods } = dispatcher();
	const client = new FakeClient(clients, filter, ['methods']);
	const unanswered = () =>
		t.throwsAsync(methods.call('cloud', filter, reset), { code: 'EDGE_METHOD_UNANSWERED' });
	const [error] = await Promise.all([unanswered(), clock.advance(30_000)]);
	t.is(failedMethodResponse(error).status, 504);
	client.take = () => Promise.reject(new Error('slow'));
	await unanswered();
	client.take = async () => {};
	const gone = unanswered();
	await clock.advance(0);
	client.close();
	await gone;
	t.is(clock.pending, 0);
});
