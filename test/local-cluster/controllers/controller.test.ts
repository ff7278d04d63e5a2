import test from 'ava';
import type { ClusterClient } from '../../../src/cluster/cluster-client.ts';
import type { KubernetesObject } from '../../../src/cluster/kubernetes-object.ts';
import { Controller } from '../../../src/local-cluster/controllers/controller.ts';
import { EventRecorder } from '../../../src/local-cluster/event-recorder.ts';
import { silentLogger } from '../../../src/runtime/logger.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** A controller whose reconciles are done by the test. */
function controlled(reconcile: (key: string) => Promise<number | undefined>) {
	const clock = new FakeClock();
	const reconciler = { name: 'test', watch: () => {}, reconcile };
	return { clock, controller: new Controller(reconciler, { clock, logger: silentLogger }) };
}

test('a key that comes again while it is worked on is worked on once more, never twice at once', async (t) => {
	const done: string[] = [];
	const gate = Promise.withResolvers<void>();
	const { controller, clock } = controlled(async (key) => {
		done.push(`begin ${key}`);
		await gate.promise;
		done.push(`end ${key}`);
		return undefined;
	});
	await controller.start();
	for (const key of ['a', 'a', 'b', 'a']) controller.enqueue(key);
	t.deepEqual(done, ['begin a', 'begin b']);
	gate.resolve();
	await clock.advance(0);
	t.deepEqual(done.slice(2).toSorted(), ['begin a', 'end a', 'end a', 'end b']);
	await controller.stop();
});

test('what was enqueued before the start is worked on after it', async (t) => {
	const done: string[] = [];
	const { controller, clock } = controlled(async (key) => {
		done.push(key);
		return undefined;
	});
	controller.enqueue('early');
	await clock.advance(1000);
	t.deepEqual(done, []);
	await controller.start();
	t.deepEqual(done, ['early']);
	await controller.stop();
});

test('a failure is tried again with growing delays, a success forgets them', async (t) => {
	const times: number[] = [];
	let failing = true;
	const { controller, clock } = controlled(async () => {
		times.push(clock.monotonic());
		if (failing) throw new Error('not yet');
		return undefined;
	});
	await controller.start();
	controller.enqueue('a');
	await clock.advance(2000);
	const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
	t.true(gaps.length >= 4);
	t.true(gaps.every((gap, index) => index === 0 || gap > (gaps[index - 1] ?? 0)));
	failing = false;
	await clock.advance(60_000);
	const settled = times.length;
	await clock.advance(600_000);
	t.is(times.length, settled);
	await controller.stop();
});

test('a reconcile may ask to be looked at later, and a stop forgets that', async (t) => {
	let count = 0;
	const { controller, clock } = controlled(async () => {
		count += 1;
		return 1000;
	});
	await controller.start();
	controller.enqueue('a');
	await clock.advance(3500);
	t.is(count, 4);
	await controller.stop();
	t.is(clock.pending, 0);
	await clock.advance(5000);
	t.is(count, 4);
});

const pod: KubernetesObject = {
	apiVersion: 'v1',
	kind: 'Pod',
	metadata: { name: 'p', namespace: 'edge', uid: 'u' },
};

test('the same event again is counted in the one that is there', async (t) => {
	const clock = new FakeClock();
	const created: KubernetesObject[] = [];
	const patches: unknown[] = [];
	const client = {
		create: async (object: KubernetesObject) => created.push(object),
		patch: async (_reference: unknown, patch: unknown) => patches.push(patch),
	} as unknown as ClusterClient;
	const recorder = new EventRecorder({ client, clock, logger: silentLogger, component: 'kubelet' });
	for (let again = 0; again < 5; again += 1) recorder.record(pod, 'Warning', 'BackOff', 'again');
	recorder.record(pod, 'Normal', 'Started', 'once', 'spec.containers{a}');
	await recorder.flush();
	t.deepEqual(
		created.map((event) => [event['reason'], event['count'], event.metadata.namespace]),
		[
			['BackOff', 1, 'edge'],
			['Started', 1, 'edge'],
		],
	);
	t.deepEqual(patches, [{ count: 5, lastTimestamp: '2026-01-01T00:00:00Z' }]);
	t.like(created[1]?.['involvedObject'], { name: 'p', fieldPath: 'spec.containers{a}' });
});

test('an event that cannot be written harms nobody', async (t) => {
	const client = {
		create: async () => {
			throw new Error('the namespace is gone');
		},
	} as unknown as ClusterClient;
	const settings = { client, clock: new FakeClock(), logger: silentLogger, component: 'kubelet' };
	const recorder = new EventRecorder(settings);
	recorder.record(pod, 'Normal', 'Started', 'once');
	await t.notThrowsAsync(recorder.flush());
});
