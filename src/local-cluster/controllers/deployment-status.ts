import { timestamp } from '../event-recorder.ts';
import type { Deployment, DeploymentStatus, ReplicaSet } from '../workloads/deployment.ts';
import { type Condition, conditionOf } from '../workloads/pod.ts';
import { resolveBounds } from './rollout.ts';

/** What the status of a Deployment is computed from. */
export interface DeploymentView {
	readonly deployment: Deployment;
	/** The ReplicaSet with the Deployment's template. */
	readonly current: ReplicaSet | undefined;
	readonly all: readonly ReplicaSet[];
	/** Unix time in milliseconds. */
	readonly now: number;
}

/** Computes the whole status of a Deployment, with the conditions that rollout tools wait for. */
export function deploymentStatus(view: DeploymentView): DeploymentStatus {
	const { deployment, current, all } = view;
	const total = (count: (set: ReplicaSet) => number | undefined) =>
		all.reduce((sum, set) => sum + (count(set) ?? 0), 0);
	const wanted = deployment.spec.replicas ?? 1;
	const available = total((set) => set.status?.availableReplicas);
	const spread = total((set) => set.spec.replicas);
	const counts = {
		observedGeneration: deployment.metadata.generation ?? 1,
		replicas: total((set) => set.status?.replicas),
		updatedReplicas: current?.status?.replicas ?? 0,
		readyReplicas: total((set) => set.status?.readyReplicas),
		availableReplicas: available,
		unavailableReplicas: Math.max(0, spread - available),
	};
	const progressing = progress(view, counts, wanted);
	return {
		...counts,
		...(deployment.status?.collisionCount === undefined
			? {}
			: { collisionCount: deployment.status.collisionCount }),
		conditions: [
			transition(view, availability(deployment, available, wanted)),
			...(progressing === undefined ? [] : [transition(view, progressing)]),
		],
	};
}

/** Milliseconds until the rollout is late, when it is under way. */
export function untilProgressDeadline(deployment: Deployment, now: number): number | undefined {
	const seconds = deployment.spec.progressDeadlineSeconds ?? 600;
	const condition = conditionOf(deployment.status?.conditions, 'Progressing');
	const settled = ['NewReplicaSetAvailable', 'ProgressDeadlineExceeded', 'DeploymentPaused'];
	if (condition === undefined || settled.includes(condition.reason ?? '')) return undefined;
	const since = Date.parse(condition.lastUpdateTime ?? timestamp(now));
	return Math.max(0, since + seconds * 1000 - now) + 1000;
}

function availability(deployment: Deployment, available: number, wanted: number): Condition {
	const { maxUnavailable } = boundsOf(deployment);
	return available >= wanted - maxUnavailable
		? {
				type: 'Available',
				status: 'True',
				reason: 'MinimumReplicasAvailable',
				message: 'Deployment has minimum availability.',
			}
		: {
				type: 'Available',
				status: 'False',
				reason: 'MinimumReplicasUnavailable',
				message: 'Deployment does not have minimum availability.',
			};
}

/** The bounds of a Deployment's strategy; Recreate may take every pod away. */
export function boundsOf(deployment: Deployment): { maxSurge: number; maxUnavailable: number } {
	const { replicas = 1, strategy } = deployment.spec;
	if (strategy?.type === 'Recreate') return { maxSurge: 0, maxUnavailable: 0 };
	const { maxSurge, maxUnavailable } = strategy?.rollingUpdate ?? {};
	return resolveBounds(replicas, maxSurge, maxUnavailable);
}

type Counts = Required<
	Pick<DeploymentStatus, 'replicas' | 'updatedReplicas' | 'readyReplicas' | 'availableReplicas'>
>;

function progress(view: DeploymentView, counts: Counts, wanted: number): Condition | undefined {
	const { deployment, current, now } = view;
	const before = conditionOf(deployment.status?.conditions, 'Progressing');
	const name = current?.metadata.name ?? '';
	if (deployment.spec.paused) {
		return condition('Unknown', 'DeploymentPaused', 'Deployment is paused');
	}
	if (current === undefined) return before;
	const complete =
		counts.updatedReplicas === wanted &&
		counts.replicas === wanted &&
		counts.availableReplicas === wanted;
	if (complete) {
		const message = `ReplicaSet "${name}" has successfully progressed.`;
		return condition('True', 'NewReplicaSetAvailable', message);
	}
	const progressed = hasProgressed(deployment.status ?? {}, counts);
	if (before === undefined || before.reason === 'DeploymentPaused') {
		return condition('True', 'NewReplicaSetCreated', `Created new replica set "${name}"`);
	}
	if (progressed) {
		const message = `ReplicaSet "${name}" is progressing.`;
		return { ...condition('True', 'ReplicaSetUpdated', message), lastUpdateTime: timestamp(now) };
	}
	if (before.reason === 'NewReplicaSetAvailable') {
		// It was complete: only a new template starts a rollout that can be late.
		const rolling = counts.updatedReplicas < wanted && counts.replicas > counts.updatedReplicas;
		return rolling
			? condition('True', 'ReplicaSetUpdated', `ReplicaSet "${name}" is progressing.`)
			: before;
	}
	const left = untilProgressDeadline(deployment, now);
	if (left !== undefined && left <= 1000) {
		const message = `ReplicaSet "${name}" has timed out progressing.`;
		return condition('False', 'ProgressDeadlineExceeded', message);
	}
	return before;
}

/** More new pods, fewer old ones, more ready or more available ones. */
function hasProgressed(before: DeploymentStatus, counts: Counts): boolean {
	const updated = before.updatedReplicas ?? 0;
	const old = (before.replicas ?? 0) - updated;
	return (
		counts.updatedReplicas > updated ||
		counts.replicas - counts.updatedReplicas < old ||
		counts.readyReplicas > (before.readyReplicas ?? 0) ||
		counts.availableReplicas > (before.availableReplicas ?? 0)
	);
}

function condition(status: Condition['status'], reason: string, message: string): Condition {
	return { type: 'Progressing', status, reason, message };
}

/** Keeps the times of a condition that says the same as before. */
function transition({ deployment, now }: DeploymentView, next: Condition): Condition {
	const before = conditionOf(deployment.status?.conditions, next.type);
	const time = timestamp(now);
	const same = before?.status === next.status;
	const updated = same && before.reason === next.reason ? before.lastUpdateTime : time;
	return {
		...next,
		lastUpdateTime: next.lastUpdateTime ?? updated ?? time,
		lastTransitionTime: (same ? before.lastTransitionTime : time) ?? time,
	};
}
