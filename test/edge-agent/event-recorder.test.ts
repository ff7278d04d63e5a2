import test from 'ava';
import { errorOfAnswer } from '../../src/cluster/cluster-error.ts';
import { type AgentEvent, EventRecorder } from '../../src/edge-agent/event-recorder.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';

const regarding = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'filter', namespace: 'edge' };
const event: AgentEvent = {
	type: 'Warning',
	reason: 'DriftRepaired',
	note: 'Restored.',
	regarding,
};

function setUp() {
	const clock = new FakeClock();
	const cluster = new MemoryCluster();
	const settings = { client: cluster, namespace: 'edge', clock, logger: silentLogger };
	return { clock, cluster, recorder: new EventRecorder(settings) };
}

test('writes an Event as kubectl shows it', async (t) => {
	const { cluster, recorder } = setUp();
	recorder.record({ ...event, regarding: { ...regarding, uid: 'u1' } });
	await recorder.flush();
	t.like(cluster.all('Event')[0], {
		apiVersion: 'v1',
		metadata: { namespace: 'edge' },
		involvedObject: { ...regarding, uid: 'u1' },
		type: 'Warning',
		reason: 'DriftRepaired',
		message: 'Restored.',
		source: { component: 'edge-agent' },
		firstTimestamp: '2026-01-01T00:00:00Z',
		lastTimestamp: '2026-01-01T00:00:00Z',
		count: 1,
	});
});

test('counts up equal Events, at most one write a minute', async (t) => {
	const { clock, cluster, recorder } = setUp();
	for (let second = 0; second < 600; second += 1) {
		recorder.record(event);
		await recorder.flush();
		await clock.advance(1000);
	}
	t.is(cluster.all('Event').length, 1);
	t.is(cluster.all('Event')[0]?.['count'], 541);
	t.is(cluster.all('Event')[0]?.['lastTimestamp'], '2026-01-01T00:09:00Z');
	t.true(cluster.writes.length <= 10, String(cluster.writes.length));
});

test('begins another Event after an hour, and for another object, reason or note', async (t) => {
	const { clock, cluster, recorder } = setUp();
	recorder.record(event);
	await clock.advance(3_600_000);
	recorder.record(event);
	recorder.record({ ...event, note: 'Other.' });
	recorder.record({ ...event, reason: 'ApplyFailed' });
	recorder.record({ ...event, regarding: { ...regarding, name: 'other' } });
	await recorder.flush();
	t.is(cluster.all('Event').length, 5);
});

test('cuts a long note', async (t) => {
	const { cluster, recorder } = setUp();
	recorder.record({ ...event, note: 'x'.repeat(5000) });
	await recorder.flush();
	t.is(String(cluster.all('Event')[0]?.['message']).length, 1024);
});

test('drops what cannot be written instead of growing, and goes on afterwards', async (t) => {
	const { cluster, recorder } = setUp();
	let release = () => {};
	const blocked = new Promise<void>((resolve) => {
		release = resolve;
	});
	const create = cluster.create.bind(cluster);
	let first = true;
	cluster.create = async (object) => {
		if (first) {
			first = false;
			await blocked;
			throw errorOfAnswer(503, '', 'create');
		}
		return create(object);
	};
	for (let n = 0; n < 1000; n += 1) recorder.record({ ...event, note: String(n) });
	release();
	await recorder.flush();
	t.is(cluster.all('Event').length, 199);
	recorder.record({ ...event, note: 'later' });
	await recorder.flush();
	t.is(cluster.all('Event').length, 200);
});
