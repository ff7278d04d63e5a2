import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { checkRights, neededRights } from '../../src/cli/check/agent-rights.ts';
import { checkNamespace } from '../../src/cli/check/cluster-checks.ts';
import { connect } from '../../src/cluster/http-cluster-client.ts';
import type { ClusterUnderTest } from '../support/cluster-under-test.ts';
import { kubernetesUnderTest } from '../support/kubernetes-under-test.ts';
import { RealCluster } from '../support/real-cluster.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const folder = resolve(import.meta.dirname, '../../deployments/kubernetes');
const manifest = join(folder, 'agent.yaml');
let cluster: ClusterUnderTest;

test.before(async (t) => {
	t.timeout(180_000);
	cluster = await kubernetesUnderTest();
});

test.after.always(() => cluster?.[Symbol.asyncDispose]());

/** A namespace, and kubectl in it; undefined where nobody may ask with kubectl. */
async function newNamespace(t: ExecutionContext) {
	if (!(cluster instanceof RealCluster)) {
		t.log('Somebody else’s cluster is not asked with kubectl.');
		t.pass();
		return undefined;
	}
	const { kubectl: program, kubeconfig } = cluster;
	const namespace = `edge-${randomBytes(4).toString('hex')}`;
	const kubectl = (...args: string[]) => {
		return run(program, [`--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`, ...args]);
	};
	await kubectl('create', 'namespace', namespace);
	return { kubectl, namespace };
}

test('kubectl installs the agent in a restricted namespace, without a warning, twice alike', async (t) => {
	const target = await newNamespace(t);
	if (target === undefined) return;
	const { kubectl, namespace } = target;
	const levels = ['enforce', 'warn'].map((mode) => `pod-security.kubernetes.io/${mode}=restricted`);
	await kubectl('label', 'namespace', namespace, ...levels);
	const first = await kubectl('apply', '-f', manifest);
	t.is(first.stderr, '');
	const second = await kubectl('apply', '-f', manifest);
	t.deepEqual(
		second.stdout
			.trim()
			.split('\n')
			.filter((line) => !line.endsWith(' unchanged')),
		[],
	);
	// Deployments are only warned about; the pod itself is admitted or not.
	const { stdout } = await kubectl('get', 'deployment', 'edgeagent', '-o', 'json');
	const { metadata, spec } = JSON.parse(stdout).spec.template;
	const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'pod' }, spec };
	const file = join(await temporaryFolder(t), 'pod.json');
	await writeFile(file, JSON.stringify(pod));
	const created = await kubectl('create', '--dry-run=server', '-f', file);
	t.is(created.stdout.trim(), 'pod/pod created (server dry run)');
});

test('whoever administers a namespace and nothing else installs the agent there, and checks it', async (t) => {
	const target = await newNamespace(t);
	if (target === undefined) return;
	const { kubectl, namespace } = target;
	// What the controllers of a whole cluster add up to the ClusterRole `admin`.
	for (const part of ['admin', 'edit', 'view']) {
		const role = `--clusterrole=system:aggregate-to-${part}`;
		await kubectl('create', 'rolebinding', part, role, `--user=${namespace}`);
	}
	const owner = connect({ ...cluster.config, headers: { 'impersonate-user': namespace } });
	t.teardown(() => owner.close());
	await until(async () => {
		const { stdout } = await kubectl('auth', 'can-i', 'create', 'roles', `--as=${namespace}`).catch(
			() => ({ stdout: '' }),
		);
		return stdout.trim() === 'yes';
	}, 'rights that count');
	const applied = await kubectl('apply', `--as=${namespace}`, '-f', manifest);
	t.is(applied.stderr, '');
	t.is((await checkNamespace(owner, namespace)).result, 'ok');
	const rights = await neededRights();
	t.like(await checkRights(owner, namespace, 'edgeagent', rights), { result: 'ok' });
});

test('kubectl installs EdgeDeployments, explains them and shows their columns', async (t) => {
	const target = await newNamespace(t);
	if (target === undefined) return;
	const { kubectl } = target;
	await kubectl('apply', '-f', join(folder, 'edge-deployment-role.yaml'));
	const definition = join(folder, 'edge-deployment-definition.yaml');
	const applied = await kubectl('apply', '--server-side', '-f', definition);
	t.is(applied.stderr, '');
	await kubectl('wait', '--for=condition=Established', 'crd/edgedeployments.iotedge-k8s.dev');
	const spec = {
		modulesContent: {
			$edgeAgent: { 'properties.desired': { schemaVersion: '1.1', modules: {} } },
		},
	};
	const object = { apiVersion: 'iotedge-k8s.dev/v1', kind: 'EdgeDeployment', spec };
	const file = join(await temporaryFolder(t), 'edge-deployment.json');
	await writeFile(file, JSON.stringify({ ...object, metadata: { name: 'factory' } }));
	await kubectl('apply', '-f', file);
	const status = {
		conditions: [
			{
				...{ type: 'Ready', status: 'True', reason: 'AllModulesRun', message: 'All run.' },
				lastTransitionTime: '2026-01-01T00:00:00Z',
			},
		],
		modulesReady: '2/3',
	};
	const patch = JSON.stringify({ status });
	await kubectl('patch', 'ed', 'factory', '--subresource=status', '--type=merge', '-p', patch);
	const { stdout } = await kubectl('get', 'ed');
	t.regex(stdout, /^NAME +READY +REASON +MODULES +AGE\nfactory +True +AllModulesRun +2\/3 /);
	const explained = await kubectl('explain', 'ed.spec.paused');
	t.regex(explained.stdout, /what runs goes on/);
});
