import test from 'ava';
import {
	deploymentStatus,
	untilProgressDeadline,
} from '../../../src/local-cluster/controllers/deployment-status.ts';
import {
	podTemplateHash,
	sameTemplate,
} from '../../../src/local-cluster/controllers/pod-template-hash.ts';
import {
	leastUsefulFirst,
	untilAvailable,
} from '../../../src/local-cluster/controllers/replica-set-controller.ts';
import type {
	Deployment,
	DeploymentStatus,
	ReplicaSet,
} from '../../../src/local-cluster/workloads/deployment.ts';
import { conditionOf, type Pod, type PodStatus } from '../../../src/local-cluster/workloads/pod.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [] } };

const deployment = (status: DeploymentStatus = {}, replicas = 2): Deployment => ({
	apiVersion: 'apps/v1',
	kind: 'Deployment',
	metadata: { name: 'web', namespace: 'edge', generation: 3 },
	spec: { replicas, selector: {}, template, progressDeadlineSeconds: 60 },
	status,
});

const set = (name: string, replicas: number, available: number): ReplicaSet => ({
	apiVersion: 'apps/v1',
	kind: 'ReplicaSet',
	metadata: { name, namespace: 'edge' },
	spec: { replicas, selector: {}, template },
	status: { replicas, readyReplicas: available, availableReplicas: available },
});

/** Lets a Deployment live through states and tells the reasons of its progress. */
function progress(states: readonly [seconds: number, current: ReplicaSet, old: ReplicaSet[]][]) {
	let status: DeploymentStatus = {};
	return states.map(([seconds, current, old]) => {
		const now = start + seconds * 1000;
		const all = [...old, current];
		status = deploymentStatus({ deployment: deployment(status), current, all, now });
		return conditionOf(status.conditions, 'Progressing')?.reason;
	});
}

test('a rollout is created, progresses and is complete', (t) => {
	const old = set('old', 2, 2);
	t.deepEqual(
		progress([
			[0, set('new', 1, 0), [old]],
			[5, set('new', 1, 1), [old]],
			[9, set('new', 2, 2), [set('old', 0, 0)]],
			[500, set('new', 2, 2), []],
		]),
		[
			'NewReplicaSetCreated',
			'ReplicaSetUpdated',
			'NewReplicaSetAvailable',
			'NewReplicaSetAvailable',
		],
	);
});

test('a rollout without progress is late after its deadline', (t) => {
	const old = [set('old', 2, 2)];
	t.deepEqual(
		progress([
			[0, set('new', 1, 0), old],
			[59, set('new', 1, 0), old],
			[61, set('new', 1, 0), old],
			[70, set('new', 1, 1), old],
		]),
		[
			'NewReplicaSetCreated',
			'NewReplicaSetCreated',
			'ProgressDeadlineExceeded',
			'ReplicaSetUpdated',
		],
	);
});

test('a complete Deployment that loses a pod is not a late rollout', (t) => {
	t.deepEqual(
		progress([
			[0, set('new', 2, 0), []],
			[5, set('new', 2, 2), []],
			[900, set('new', 2, 1), []],
		]),
		['NewReplicaSetCreated', 'NewReplicaSetAvailable', 'NewReplicaSetAvailable'],
	);
});

test('the counts and the availability come from all ReplicaSets', (t) => {
	const current = set('new', 1, 0);
	const all = [set('old', 2, 1), current];
	const status = deploymentStatus({ deployment: deployment(), current, all, now: start });
	t.like(status, {
		observedGeneration: 3,
		replicas: 3,
		updatedReplicas: 1,
		availableReplicas: 1,
		unavailableReplicas: 2,
	});
	t.is(conditionOf(status.conditions, 'Available')?.status, 'False');
});

test('a paused or complete Deployment has no deadline', (t) => {
	const at = (reason: string) =>
		untilProgressDeadline(
			deployment({
				conditions: [
					{ type: 'Progressing', status: 'True', reason, lastUpdateTime: '2026-01-01T00:00:00Z' },
				],
			}),
			start + 20_000,
		);
	t.is(at('ReplicaSetUpdated'), 41_000);
	t.is(at('NewReplicaSetAvailable'), undefined);
	t.is(at('DeploymentPaused'), undefined);
});

test('the hash of a template depends on what it says, not on the order of its members', (t) => {
	const other = { spec: { containers: [] }, metadata: { labels: { app: 'web' } } };
	t.is(podTemplateHash(template), podTemplateHash(other));
	t.not(podTemplateHash(template), podTemplateHash(template, 1));
	const labels = { app: 'web', 'pod-template-hash': 'x' };
	t.true(sameTemplate(template, { ...template, metadata: { labels } }));
	t.false(sameTemplate(template, { ...template, metadata: { labels: { app: 'other' } } }));
	t.regex(podTemplateHash(template), /^[bcdfghjklmnpqrstvwxz2456789]{10}$/);
});

function pod(name: string, status: PodStatus, nodeName?: string, created = ''): Pod {
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { name, creationTimestamp: created },
		spec: { containers: [], ...(nodeName === undefined ? {} : { nodeName }) },
		status,
	};
}

const ready = (since = '2026-01-01T00:00:00Z'): PodStatus => ({
	phase: 'Running',
	conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: since }],
});

test('of surplus pods those go first that serve least', (t) => {
	const pods = [
		pod('old ready', ready(), 'local', '2026-01-01'),
		pod('young ready', ready(), 'local', '2026-01-02'),
		pod('not ready', { phase: 'Running' }, 'local'),
		pod('pending', { phase: 'Pending' }, 'local'),
		pod('nowhere', { phase: 'Pending' }),
	];
	t.deepEqual(
		pods.toSorted(leastUsefulFirst).map(({ metadata }) => metadata.name),
		['nowhere', 'pending', 'not ready', 'young ready', 'old ready'],
	);
});

test('a pod is available when it has been ready for long enough', (t) => {
	t.is(untilAvailable(pod('p', ready()), 0, start), 0);
	t.is(untilAvailable(pod('p', ready()), 10, start + 4000), 6000);
	t.is(untilAvailable(pod('p', ready()), 10, start + 10_000), 0);
	t.is(untilAvailable(pod('p', { phase: 'Running' }), 0, start), undefined);
});
