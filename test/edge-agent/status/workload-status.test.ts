import test from 'ava';
import type { KubernetesObject } from '../../../src/cluster/kubernetes-object.ts';
import {
	type ModuleEvidence,
	moduleStatus,
} from '../../../src/edge-agent/status/workload-status.ts';
import { pod } from '../../support/desired-state.ts';

const now = Date.parse('2026-01-01T00:00:30Z');
const startedAt = '2026-01-01T00:00:00Z';

function evidence(rest: Partial<ModuleEvidence>): ModuleEvidence {
	return { name: 'filter', container: 'filter', desiredStatus: 'running', pods: [], now, ...rest };
}

function workload(kind: string, status: Record<string, unknown>, replicas = 1): KubernetesObject {
	const spec = kind === 'Deployment' ? { replicas } : {};
	const object = { apiVersion: 'apps/v1', kind, metadata: { name: 'filter' }, spec, status };
	return object as unknown as KubernetesObject;
}

function running(name: string, revision: string, created: string, ready = true) {
	const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
	const containerStatuses = [{ name: 'filter', ready, state: { running: { startedAt } } }];
	return at(
		pod('filter', name, { phase: 'Running', conditions, containerStatuses }, revision),
		created,
	);
}

function crashing(name: string, revision: string, created: string) {
	const waiting = { reason: 'CrashLoopBackOff' };
	const containerStatuses = [{ name: 'filter', restartCount: 4, state: { waiting } }];
	return at(pod('filter', name, { phase: 'Running', containerStatuses }, revision), created);
}

function at(object: KubernetesObject, creationTimestamp: string): KubernetesObject {
	return { ...object, metadata: { ...object.metadata, creationTimestamp } };
}

test('a stopped module without pods is stopped', (t) => {
	const status = moduleStatus(evidence({ desiredStatus: 'stopped' }));
	t.is(status.runtimeStatus, 'stopped');
	t.is(status.replicas, 0);
});

test('pods that are going away do not count', (t) => {
	const leaving = running('a', '1', '2026-01-01T00:00:00Z');
	leaving.metadata.deletionTimestamp = '2026-01-01T00:00:10Z';
	const status = moduleStatus(evidence({ desiredStatus: 'stopped', pods: [leaving] }));
	t.is(status.runtimeStatus, 'stopped');
});

test('pods of the newest rollout tell how a module is, although older ones still run', (t) => {
	const pods = [
		running('old', '1', '2026-01-01T00:00:00Z'),
		crashing('new', '2', '2026-01-01T00:00:10Z'),
	];
	const status = moduleStatus(evidence({ pods, workload: workload('Deployment', {}) }));
	t.is(status.runtimeStatus, 'backoff');
	t.is(status.restartCount, 4);
	t.is(status.readyReplicas, 1);
});

test('pods of an older rollout do not speak for the module any more', (t) => {
	const pods = [
		crashing('old', '1', '2026-01-01T00:00:00Z'),
		running('new', '2', '2026-01-01T00:00:10Z'),
	];
	const status = moduleStatus(evidence({ pods, workload: workload('Deployment', {}) }));
	t.is(status.runtimeStatus, 'running');
});

test('a pod that was evicted does not speak for the module once another has its place', (t) => {
	const evicted = at(
		pod('filter', 'gone', { phase: 'Failed', reason: 'Evicted', message: 'Low on memory.' }, '1'),
		'2026-01-01T00:00:05Z',
	);
	const deployment = workload('Deployment', {});
	const alone = moduleStatus(evidence({ pods: [evicted], workload: deployment }));
	t.is(alone.runtimeStatus, 'failed');
	t.regex(alone.statusDescription, /Evicted: Low on memory/);
	const successor = running('next', '1', '2026-01-01T00:00:03Z');
	const both = evidence({ pods: [evicted, successor], workload: deployment });
	t.is(moduleStatus(both).runtimeStatus, 'running');
	const stopped = evidence({ pods: [evicted], workload: deployment, desiredStatus: 'stopped' });
	t.is(moduleStatus(stopped).runtimeStatus, 'stopped');
});

test('of several replicas the one in trouble speaks, and it is said how many are ready', (t) => {
	const pods = [
		running('a', '1', '2026-01-01T00:00:02Z'),
		crashing('b', '1', '2026-01-01T00:00:01Z'),
		running('c', '1', '2026-01-01T00:00:03Z'),
	];
	const status = moduleStatus(evidence({ pods, workload: workload('Deployment', {}, 3) }));
	t.is(status.runtimeStatus, 'backoff');
	t.regex(status.statusDescription, /^2 of 3 replicas are ready\. It keeps ending/);
});

test('the last pod of a Job tells how it is, and earlier ones were restarts', (t) => {
	const failed = (name: string, created: string) =>
		at(pod('filter', name, { phase: 'Failed' }, '1'), created);
	const pods = [
		failed('a', '2026-01-01T00:00:00Z'),
		failed('b', '2026-01-01T00:00:05Z'),
		running('c', '1', '2026-01-01T00:00:10Z'),
	];
	const job = workload('Job', { failed: 2, active: 1 });
	const status = moduleStatus(evidence({ pods, workload: job }));
	t.is(status.runtimeStatus, 'running');
	t.is(status.restartCount, 2);
});

test('a Job that is complete is stopped, though its pods are gone', (t) => {
	const job = workload('Job', { conditions: [{ type: 'Complete', status: 'True' }] });
	t.is(moduleStatus(evidence({ workload: job })).runtimeStatus, 'stopped');
});

test('a Job that is given up has failed, with the reason', (t) => {
	const condition = { type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded' };
	const status = moduleStatus(evidence({ workload: workload('Job', { conditions: [condition] }) }));
	t.is(status.runtimeStatus, 'failed');
	t.regex(status.statusDescription, /BackoffLimitExceeded/);
});

test('a pod that the cluster refuses to create is named as such', (t) => {
	const conditions = [
		{
			type: 'ReplicaFailure',
			status: 'True',
			reason: 'FailedCreate',
			message: 'exceeded quota: q',
		},
	];
	const status = moduleStatus(evidence({ workload: workload('Deployment', { conditions }) }));
	t.is(status.runtimeStatus, 'failed');
	t.regex(status.statusDescription, /exceeded quota: q/);
});

test('a module that is not applied yet, or waits for others, is unknown', (t) => {
	t.like(moduleStatus(evidence({})), {
		runtimeStatus: 'unknown',
		statusDescription: 'Not deployed yet.',
	});
	t.like(moduleStatus(evidence({ waiting: true })), { runtimeStatus: 'unknown' });
});

test('an obstacle is the state of a module that has no pods, and a note where it has', (t) => {
	const obstacle = 'Refused: Privileged is not allowed.';
	t.like(moduleStatus(evidence({ obstacle })), {
		runtimeStatus: 'failed',
		statusDescription: obstacle,
	});
	const pods = [running('a', '1', '2026-01-01T00:00:00Z')];
	t.like(moduleStatus(evidence({ obstacle, pods })), {
		runtimeStatus: 'running',
		statusDescription: `${obstacle} Meanwhile: Started at ${startedAt}.`,
	});
});
