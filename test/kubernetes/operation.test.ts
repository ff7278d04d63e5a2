import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { checkRights, neededRights } from '../../src/cli/check/agent-rights.ts';
import { checkApiServer, checkClock } from '../../src/cli/check/cluster-checks.ts';
import { checkIssuerKeys } from '../../src/cli/check/issuer-key-check.ts';
import { setHold } from '../../src/cli/commands/hold.ts';
import { modulesOf } from '../../src/cli/commands/list.ts';
import { readEdgeStatus } from '../../src/cli/edge-status.ts';
import type { ClusterError } from '../../src/cluster/cluster-error.ts';
import { connect, type HttpClusterClient } from '../../src/cluster/http-cluster-client.ts';
import { LeaderElection } from '../../src/cluster/leader-election.ts';
import { supportBundle } from '../../src/edge-agent/direct-methods/support-bundle/support-bundle.ts';
import { moduleLabel } from '../../src/edge-agent/translation/translation.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import type { ClusterUnderTest } from '../support/cluster-under-test.ts';
import { installedRole } from '../support/installed-role.ts';
import { kubernetesUnderTest } from '../support/kubernetes-under-test.ts';
import { until } from '../support/until.ts';

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

/** What the controllers of a whole cluster add up to the ClusterRole of that name. */
const partsOfRoles = { view: ['view'], edit: ['edit', 'view'] } as const;

/** A client of somebody who has one of the usual roles in a namespace. */
async function personWith(
	t: ExecutionContext,
	role: keyof typeof partsOfRoles,
	{ admin, namespace }: { admin: HttpClusterClient; namespace: string },
) {
	const rbac = 'rbac.authorization.k8s.io';
	const name = `${role}-of-${namespace}`;
	for (const part of partsOfRoles[role]) {
		await admin.create({
			apiVersion: `${rbac}/v1`,
			kind: 'RoleBinding',
			metadata: { name: `${name}-${part}`, namespace },
			roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: `system:aggregate-to-${part}` },
			subjects: [{ apiGroup: rbac, kind: 'User', name }],
		});
	}
	const client = connect({ ...cluster.config, headers: { 'impersonate-user': name } });
	t.teardown(() => client.close());
	const query = { apiVersion: 'v1', kind: 'Pod', namespace };
	const isKnown = () =>
		client.list(query).then(
			() => true,
			() => false,
		);
	await until(isKnown, 'rights that count');
	return client;
}

test('with the usual roles people may do what the documentation says', async (t) => {
	const edge = await open(t);
	const { admin, namespace } = edge;
	const labels = { [moduleLabel]: 'filter' };
	const template = {
		metadata: { labels },
		spec: { containers: [{ name: 'filter', image: 'f:1' }] },
	};
	await admin.create({
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: { name: 'filter', namespace, labels },
		spec: { selector: { matchLabels: labels }, template },
	});
	const metadata = { name: 'filter-1', namespace, labels };
	await admin.create({
		apiVersion: 'v1',
		kind: 'ServiceAccount',
		metadata: { name: 'filter', namespace },
	});
	const spec = { ...template.spec, serviceAccountName: 'filter', nodeName: 'away' };
	await admin.create({ apiVersion: 'v1', kind: 'Pod', metadata, spec });
	const viewer = await personWith(t, 'view', edge);
	t.is((await modulesOf(viewer, namespace)).length, 1);
	t.is((await readEdgeStatus(viewer, namespace, systemClock.now())).modules.length, 1);
	const logs = async (client: HttpClusterClient) => {
		for await (const _ of client.logs({ namespace, pod: 'filter-1' })) return;
	};
	// There is no node; what counts is that it is not the right that is missing.
	const unread = await t.throwsAsync<ClusterError>(logs(viewer));
	t.not(unread?.status, 403);
	await t.throwsAsync(setHold(viewer, namespace, 'filter', true), {
		code: 'EDGE_CLUSTER_FORBIDDEN',
	});
	const editor = await personWith(t, 'edit', edge);
	t.is(await setHold(editor, namespace, 'filter', true), 'filter');
	const files: string[] = [];
	for await (const { name, content } of supportBundle({
		client: editor,
		namespace,
		status: null,
	})) {
		files.push(name);
		if (name === 'missing.txt') t.notRegex(content.toString(), /objects\//);
	}
	t.true(files.includes('objects/secrets.json'));
	t.true(await editor.delete({ apiVersion: 'v1', kind: 'Pod', namespace, name: 'filter-1' }));
});
