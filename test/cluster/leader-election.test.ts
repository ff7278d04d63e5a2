import test, { type ExecutionContext } from 'ava';
import { ClusterError } from '../../src/cluster/cluster-error.ts';
import { LeaderElection, type Leadership } from '../../src/cluster/leader-election.ts';
import { type Logger, silentLogger } from '../../src/runtime/logger.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';

const reference = {
	apiVersion: 'coordination.k8s.io/v1',
	kind: 'Lease',
	namespace: 'edge',
	name: 'edgeagent',
};

function setUp(t: ExecutionContext) {
	const cluster = new MemoryCluster();
	const stop = new AbortController();
	t.teardown(() => stop.abort());
	const said: string[] = [];
	const logger: Logger = { ...silentLogger, warn: (message) => said.push(message) };
	/** Each with a clock of its own, as on machines of their own. */
	const candidate = (holder: string, clock: FakeClock) => {
		const election = new LeaderElection({
			client: cluster,
			namespace: 'edge',
			name: 'edgeagent',
			holder,
			clock,
			logger,
		});
		const standing: { leadership?: Leadership } = {};
		election.acquire(stop.signal).then(
			(leadership) => {
				standing.leadership = leadership;
			},
			() => {},
		);
		return standing;
	};
	const holder = () => cluster.all('Lease')[0]?.spec?.['holderIdentity'];
	return { cluster, candidate, holder, said };
}

test('of two candidates one leads, and the other after its last sign of life has aged', async (t) => {
	const { cluster, candidate, holder } = setUp(t);
	const clockOfA = new FakeClock();
	const a = candidate('a', clockOfA);
	await clockOfA.advance(0);
	t.truthy(a.leadership);
	// An hour ahead: the times in the Lease mean nothing to it.
	const clockOfB = new FakeClock(Date.parse('2026-01-01T01:00:00Z'));
	const b = candidate('b', clockOfB);
	for (let seconds = 0; seconds < 200; seconds += 2) {
		await clockOfA.advance(2000);
		await clockOfB.advance(2000);
	}
	t.is(b.leadership, undefined);
	t.is(holder(), 'a');
	// The process of a is suspended; b waits for the whole duration.
	await clockOfB.advance(78_000);
	t.is(b.leadership, undefined);
	await clockOfB.advance(16_000);
	t.truthy(b.leadership);
	t.is(holder(), 'b');
	t.is(cluster.all('Lease')[0]?.spec?.['leaseTransitions'], 1);
	// a wakes up.
	await clockOfA.advance(10_000);
	t.true(a.leadership?.lost.aborted);
});

test('a leader writes to the cluster six times a minute, and no more', async (t) => {
	const { cluster, candidate } = setUp(t);
	const clock = new FakeClock();
	const a = candidate('a', clock);
	await clock.advance(0);
	cluster.writes.length = 0;
	await clock.advance(60_000);
	t.is(cluster.writes.length, 6);
	t.false(a.leadership?.lost.aborted);
});

test('a leader that cannot reach the API server gives up before others may begin', async (t) => {
	const { cluster, candidate } = setUp(t);
	const clock = new FakeClock();
	const a = candidate('a', clock);
	await clock.advance(10_000);
	cluster.fault = () => new ClusterError('EDGE_CLUSTER_UNREACHABLE', 'It is away.');
	await clock.advance(73_000);
	t.false(a.leadership?.lost.aborted);
	await clock.advance(4_000);
	t.true(a.leadership?.lost.aborted);
});

test('an API server that is away for a minute ends nothing, whenever it goes', async (t) => {
	const { cluster, candidate } = setUp(t);
	const clock = new FakeClock();
	const a = candidate('a', clock);
	await clock.advance(10_000);
	const { fault } = cluster;
	for (let round = 0; round < 12; round += 1) {
		cluster.fault = () => new ClusterError('EDGE_CLUSTER_BUSY', 'It is busy.', { status: 503 });
		await clock.advance(60_000);
		cluster.fault = fault;
		await clock.advance(10_000 + round * 1000);
		t.false(a.leadership?.lost.aborted, `${round}`);
	}
	t.false(a.leadership?.lost.aborted);
});

test('a leader that goes hands over at once', async (t) => {
	const { candidate, holder } = setUp(t);
	const clock = new FakeClock();
	const a = candidate('a', clock);
	await clock.advance(2000);
	const b = candidate('b', clock);
	await clock.advance(2000);
	await a.leadership?.release();
	t.is(holder(), '');
	t.false(a.leadership?.lost.aborted);
	await clock.advance(2000);
	t.truthy(b.leadership);
	t.is(holder(), 'b');
	// What has been given up is not renewed.
	await clock.advance(20_000);
	t.is(holder(), 'b');
});

test('a leader that abandons its Lease writes nothing of it any more, and it runs out', async (t) => {
	const { cluster, candidate, holder, said } = setUp(t);
	const clock = new FakeClock();
	const a = candidate('a', clock);
	await clock.advance(4000);
	cluster.writes.length = 0;
	a.leadership?.abandon();
	await clock.advance(60_000);
	await a.leadership?.release();
	t.deepEqual(cluster.writes, []);
	t.deepEqual(said, []);
	const b = candidate('b', clock);
	await clock.advance(94_000);
	t.is(holder(), 'b');
	t.truthy(b.leadership);
});

test('a Lease goes with its owner', async (t) => {
	const { cluster } = setUp(t);
	const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'edgeagent', uid: 'u1' };
	const lead = async (uid: string) => {
		const clock = new FakeClock();
		const options = { client: cluster, namespace: 'edge', name: 'edgeagent', holder: 'pod-1' };
		const election = new LeaderElection({
			...options,
			owner: async () => ({ ...owner, uid }),
			clock,
			logger: silentLogger,
		});
		const leadership = await election.acquire(new AbortController().signal);
		await clock.advance(60_000);
		await leadership.release();
		return cluster.all('Lease')[0]?.metadata.ownerReferences;
	};
	t.deepEqual(await lead('u1'), [owner]);
	t.deepEqual(await lead('u2'), [{ ...owner, uid: 'u2' }]);
});

test('a candidate says once why it cannot have the Lease', async (t) => {
	const { cluster, candidate, said } = setUp(t);
	const clock = new FakeClock();
	cluster.fault = () => new ClusterError('EDGE_CLUSTER_FORBIDDEN', 'No.', { status: 403 });
	candidate('a', clock);
	await clock.advance(60_000);
	t.deepEqual(said, ['The Lease cannot be had yet.']);
	cluster.fault = () => new ClusterError('EDGE_CLUSTER_UNREACHABLE', 'It is away.');
	await clock.advance(60_000);
	t.is(said.length, 2);
});

test('the successor of a container in the same pod does not wait', async (t) => {
	const { candidate } = setUp(t);
	const killed = new FakeClock();
	candidate('pod-1', killed);
	await killed.advance(4000);
	const clock = new FakeClock();
	const next = candidate('pod-1', clock);
	await clock.advance(0);
	t.truthy(next.leadership);
});

test('a holder that is known to be no more is waited for no longer than one that lives would renew', async (t) => {
	const { cluster, candidate } = setUp(t);
	const killed = new FakeClock();
	candidate('pod-1', killed);
	await killed.advance(4000);
	const waited = async (hasEnded: () => Promise<boolean>) => {
		const clock = new FakeClock();
		const stop = new AbortController();
		const options = { client: cluster, namespace: 'edge', name: 'edgeagent', holder: 'pod-2' };
		const election = new LeaderElection({ ...options, hasEnded, clock, logger: silentLogger });
		let leads = false;
		const standing = election.acquire(stop.signal).then(
			() => {
				leads = true;
			},
			() => {},
		);
		let seconds = 0;
		for (; !leads && seconds < 60; seconds += 2) await clock.advance(2000);
		stop.abort();
		await standing;
		return leads ? seconds : undefined;
	};
	const unknown = await waited(() => Promise.reject(new Error('The server is away.')));
	t.deepEqual([unknown, await waited(async () => false)], [undefined, undefined]);
	const seconds = (await waited(async () => true)) ?? Number.NaN;
	t.true(seconds >= 15 && seconds <= 20, `${seconds} s`);
});

test('a Lease that somebody deletes is made anew', async (t) => {
	const { cluster, candidate, holder } = setUp(t);
	const clock = new FakeClock();
	const a = candidate('a', clock);
	await clock.advance(4000);
	await cluster.delete(reference);
	await clock.advance(30_000);
	t.is(holder(), 'a');
	t.false(a.leadership?.lost.aborted);
});
