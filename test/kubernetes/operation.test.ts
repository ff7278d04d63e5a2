import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { checkRights, neededRights } from '../../src/cli/check/agent-rights.ts';
import { checkApiServer, checkClock } from '../../src/cli/check/cluster-checks.ts';
import { checkIssuerKeys } from '../../src/cli/check/issuer-key-check.ts';
import { connect } from '../../src/cluster/http-cluster-client.ts';
import { LeaderElection } from '../../src/cluster/leader-election.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import type { ClusterUnderTest } from '../support/cluster-under-test.ts';
import { installedRole } from '../support/installed-role.ts';
import { kubernetesUnderTest } from '../support/kubernetes-under-test.ts';

let cluster: ClusterUnderTest;

test.before(async (t) => {
	t.timeout(180_000);
	cluster = await kubernetesUnderTest();
});

test.after.always(() => cluster?.[Symbol.asyncDispose]());

/** A client of the administrator and one of the agent, in a namespace that goes away with the test. */
async function open(t: ExecutionContext) {
	const admin = connect(cluster.config);
	const name = `operation-${randomBytes(4).toString('hex')}`;
	await admin.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
	const headers = { 'impersonate-user': `system:serviceaccount:${name}:edgeagent` };
	const agent = connect({ ...cluster.config, headers });
	t.teardown(async () => {
		await admin.delete({ apiVersion: 'v1', kind: 'Namespace', name });
		admin.close();
		agent.close();
	});
	return { admin, agent, namespace: name };
}

test('with the Role of the installation one agent leads and hands over', async (t) => {
	const { admin, agent, namespace } = await open(t);
	for (const object of await installedRole(namespace)) await admin.create(object);
	const stop = new AbortController();
	t.teardown(() => stop.abort());
	const stand = (holder: string) =>
		new LeaderElection({
			client: agent,
			namespace,
			name: 'edgeagent',
			holder,
			clock: systemClock,
			logger: silentLogger,
			leaseDuration: 3000,
			renewDeadline: 2000,
			retryPeriod: 200,
		}).acquire(stop.signal);
	const first = await stand('a');
	const second = stand('b');
	const early = await Promise.race([second, systemClock.sleep(4000).then(() => 'nobody')]);
	t.is(early, 'nobody');
	t.false(first.lost.aborted);
	await first.release();
	const next = await second;
	const reference = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace };
	const lease = await admin.get({ ...reference, name: 'edgeagent' });
	t.like(lease?.spec, { holderIdentity: 'b', leaseTransitions: 1 });
	await next.release();
});

test('a real cluster answers what check asks', async (t) => {
	const { admin, agent, namespace } = await open(t);
	t.is((await checkApiServer(admin)).result, 'ok');
	t.is((await checkClock(admin, () => systemClock.now())).result, 'ok');
	const rights = await neededRights();
	t.is((await checkRights(admin, namespace, 'edgeagent', rights)).result, 'error');
	for (const object of await installedRole(namespace)) await admin.create(object);
	t.like(await checkRights(admin, namespace, 'edgeagent', rights), { result: 'ok' });
	t.like(await checkIssuerKeys(admin, namespace, 'edgeagent'), { result: 'ok' });
	t.like(await checkIssuerKeys(agent, namespace, 'edgeagent'), { result: 'skipped' });
});
