import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import type { ModuleStatus, RuntimeStatus } from './module-status.ts';
import { isPodReady, type PodStatus, podStatus } from './pod-status.ts';
import { type ConditionView, conditionOf, type PodView } from './pod-view.ts';

/** Everything that tells how one module is. */
export interface ModuleEvidence {
	/** As in the manifest. */
	readonly name: string;
	/** Name of its container. */
	readonly container: string;
	readonly desiredStatus: 'running' | 'stopped';
	/** Its Deployment or Job, where there is one. */
	readonly workload?: KubernetesObject;
	readonly pods: readonly KubernetesObject[];
	/** Why it is not, or not newly, deployed: a refusal or a failed write. Whole sentences. */
	readonly obstacle?: string;
	/** Whether it waits for modules that start before it. */
	readonly waiting?: boolean;
	/** Wall time in milliseconds. */
	readonly now: number;
}

/** Of several pods the one that says most about what is wrong stands for the module. */
const severity: readonly RuntimeStatus[] = [
	'failed',
	'dead',
	'backoff',
	'unhealthy',
	'unknown',
	'running',
	'stopped',
];

const revisionLabels = ['pod-template-hash', 'batch.kubernetes.io/controller-uid'];

/** The status of a module in the terms of Azure IoT Edge. */
export function moduleStatus(evidence: ModuleEvidence): ModuleStatus {
	const { name, workload, obstacle } = evidence;
	const live = evidence.pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
	const pods = newestRevision(withoutRemains(live as PodView[], evidence));
	const replicas = wantedReplicas(evidence);
	const readyReplicas = live.filter((pod) => isPodReady(pod as PodView)).length;
	const status =
		pods.length === 0
			? statusWithoutPods(evidence)
			: statusOfPods(pods, evidence, replicas, readyReplicas);
	const failures = jobFailures(workload);
	const description =
		obstacle === undefined || pods.length === 0
			? status.statusDescription
			: `${obstacle} Meanwhile: ${status.statusDescription}`;
	return {
		...status,
		name,
		statusDescription: description,
		restartCount: Math.max(status.restartCount, failures),
		readyReplicas,
		replicas,
	};
}

/** Why the rollout of a workload was given up, in the cluster's words; undefined while it was not. */
export function rolloutFailure(workload: KubernetesObject | undefined): string | undefined {
	if (!isObserved(workload)) return undefined;
	const progressing = conditionOf(conditionsOf(workload), 'Progressing');
	if (progressing?.status !== 'False') return undefined;
	return progressing.message ?? progressing.reason ?? 'The rollout makes no progress.';
}

/** Whether the status is about the object as it is now, not about how it was before a change. */
function isObserved(workload: KubernetesObject | undefined): boolean {
	const { generation = 0 } = workload?.metadata ?? {};
	const observed = workload?.['status'] as { observedGeneration?: number } | undefined;
	return (observed?.observedGeneration ?? generation) >= generation;
}

/**
 * A pod that was evicted, or whose node was shut down, stays for long beside the one that replaced it.
 * Those of a Job are its history.
 */
function withoutRemains(
	pods: readonly PodView[],
	{ workload, desiredStatus }: ModuleEvidence,
): readonly PodView[] {
	if (workload?.kind === 'Job') return pods;
	const unfinished = pods.filter(({ status }) => !/^(Failed|Succeeded)$/.test(status?.phase ?? ''));
	return unfinished.length > 0 || desiredStatus === 'stopped' ? unfinished : pods;
}

/** Pods of the template that was rolled out last; with them alone the deployment succeeds or fails. */
function newestRevision(pods: readonly PodView[]): PodView[] {
	const newest = pods.reduce<PodView | undefined>(
		(best, pod) => (best === undefined || createdAt(pod) >= createdAt(best) ? pod : best),
		undefined,
	);
	if (newest === undefined) return [];
	return pods.filter((pod) => revisionOf(pod) === revisionOf(newest));
}

function statusOfPods(
	pods: readonly PodView[],
	{ container, now, workload }: ModuleEvidence,
	replicas: number,
	readyReplicas: number,
): PodStatus {
	const statuses = pods
		.toSorted((a, b) => createdAt(b).localeCompare(createdAt(a)))
		.map((pod) => podStatus(pod, container, now));
	// The pods of a Job follow each other: only the last one counts.
	const ranked =
		workload?.kind === 'Job'
			? statuses
			: statuses.toSorted((a, b) => rank(a.runtimeStatus) - rank(b.runtimeStatus));
	const [first] = ranked;
	if (first === undefined) throw new RangeError('A status needs at least one pod.');
	if (replicas < 2) return first;
	const count = `${readyReplicas} of ${replicas} replicas are ready.`;
	return { ...first, statusDescription: `${count} ${first.statusDescription}` };
}

function statusWithoutPods(evidence: ModuleEvidence): PodStatus {
	const { workload, obstacle, waiting, desiredStatus } = evidence;
	if (obstacle !== undefined) return plain('failed', obstacle);
	if (desiredStatus === 'stopped') return plain('stopped', 'Stopped, as the deployment asks.');
	if (waiting) return plain('unknown', 'Starting: it waits for modules that start before it.');
	if (workload === undefined) return plain('unknown', 'Not deployed yet.');
	const conditions = conditionsOf(workload);
	if (conditionOf(conditions, 'Complete')?.status === 'True') {
		return plain('stopped', 'It has ended successfully.');
	}
	for (const type of ['ReplicaFailure', 'Failed']) {
		const condition = conditionOf(conditions, type);
		if (condition?.status === 'True') return plain('failed', reasonOf(condition));
	}
	return plain('unknown', 'Starting: its pod is not created yet.');
}

function plain(runtimeStatus: RuntimeStatus, statusDescription: string): PodStatus {
	return { runtimeStatus, statusDescription, exitCode: 0, restartCount: 0 };
}

function reasonOf({ reason, message }: ConditionView): string {
	const why = [reason, message].filter((part) => part !== undefined && part !== '').join(': ');
	return `The cluster cannot create its pod. ${why}`.trimEnd();
}

function wantedReplicas({ workload, desiredStatus }: ModuleEvidence): number {
	if (desiredStatus === 'stopped') return 0;
	const replicas = workload?.spec?.['replicas'];
	return typeof replicas === 'number' ? replicas : 1;
}

/** Runs of a Job that failed: each but the first was a restart. */
function jobFailures(workload: KubernetesObject | undefined): number {
	if (workload?.kind !== 'Job') return 0;
	const failed = workload.status?.['failed'];
	const active = workload.status?.['active'];
	const succeeded = workload.status?.['succeeded'];
	const runs = [failed, active, succeeded].map((count) => (typeof count === 'number' ? count : 0));
	return Math.max(0, runs.reduce((sum, count) => sum + count, 0) - 1);
}

function conditionsOf(workload: KubernetesObject | undefined): ConditionView[] {
	const conditions = workload?.status?.['conditions'];
	return Array.isArray(conditions) ? (conditions as unknown as ConditionView[]) : [];
}

function rank(status: RuntimeStatus): number {
	return severity.indexOf(status);
}

function createdAt({ metadata }: PodView): string {
	return metadata.creationTimestamp ?? '';
}

function revisionOf({ metadata }: PodView): string {
	for (const label of revisionLabels) {
		const revision = metadata.labels?.[label];
		if (revision !== undefined) return revision;
	}
	return '';
}
