import type { ModuleStatus, RuntimeStatus } from './module-status.ts';
import {
	type ConditionView,
	type ContainerStateView,
	type ContainerStatusView,
	conditionOf,
	type PodView,
	type TerminationView,
} from './pod-view.ts';
import { waitingReasons } from './waiting-reasons.ts';

/** How a module is, seen from one of its pods. */
export type PodStatus = Omit<ModuleStatus, 'name' | 'readyReplicas' | 'replicas'>;

interface Condition {
	readonly runtimeStatus: RuntimeStatus;
	readonly statusDescription: string;
}

/** A probe that fails so long after the start means an unhealthy module, not a starting one. Milliseconds. */
const startGrace = 60_000;

/**
 * Reads the state of a module from a pod.
 *
 * @param container name of the module's container among those of the pod.
 * @param now wall time in milliseconds.
 */
export function podStatus(pod: PodView, container: string, now: number): PodStatus {
	const status = containerStatusOf(pod, container);
	const { exitCode, started, exited } = runsOf(status);
	const restartCount = status?.restartCount ?? 0;
	const image = status?.imageID ?? '';
	return {
		...conditionOfPod(pod, container, status, now),
		exitCode,
		restartCount,
		...(started === undefined ? {} : { lastStartTimeUtc: started }),
		...(exited === undefined ? {} : { lastExitTimeUtc: exited }),
		...(restartCount > 0 && started !== undefined ? { lastRestartTimeUtc: started } : {}),
		...(image === '' ? {} : { imageId: image }),
	};
}

/** Whether a pod takes part in serving. */
export function isPodReady(pod: PodView): boolean {
	return conditionOf(pod.status?.conditions, 'Ready')?.status === 'True';
}

function containerStatusOf(pod: PodView, container: string): ContainerStatusView | undefined {
	return pod.status?.containerStatuses?.find(({ name }) => name === container);
}

function conditionOfPod(
	pod: PodView,
	container: string,
	containerStatus: ContainerStatusView | undefined,
	now: number,
): Condition {
	const { status } = pod;
	switch (status?.phase) {
		case undefined:
			return as('unknown', 'The pod has no status yet.');
		case 'Succeeded':
			return as('stopped', ended(containerStatus, status));
		case 'Failed':
			return as('failed', ended(containerStatus, status));
		case 'Pending':
			return pendingCondition(pod, container, containerStatus, now);
		case 'Running':
			return containerCondition(pod, container, containerStatus, now);
		case 'Unknown':
			return as('unknown', `The state of the pod cannot be obtained${because(status)}.`);
		default:
			return as('unknown', `The pod is in the unknown phase ${status?.phase}.`);
	}
}

function pendingCondition(
	pod: PodView,
	container: string,
	status: ContainerStatusView | undefined,
	now: number,
): Condition {
	const { conditions, initContainerStatuses = [] } = pod.status ?? {};
	const scheduled = conditionOf(conditions, 'PodScheduled');
	if (scheduled?.status === 'False') return unschedulable(scheduled);
	for (const { name, state } of initContainerStatuses) {
		const waiting = state?.waiting;
		if (waiting === undefined || waiting.reason === 'PodInitializing') continue;
		const { runtimeStatus, statusDescription } = waitingCondition(waiting);
		return as(runtimeStatus, `Container ${name}: ${statusDescription}`);
	}
	// A pod stays pending as long as any of its containers has not begun: another may have ended.
	const { waiting, running, terminated } = status?.state ?? {};
	const begun = waiting ?? running ?? terminated;
	if (begun !== undefined) return containerCondition(pod, container, status, now);
	return as('unknown', 'Starting: the pod is placed on a node and its container created.');
}

/** The scheduler tries again whenever nodes or other pods change: that is a back-off. */
function unschedulable({ reason, message }: ConditionView): Condition {
	if (reason === 'SchedulingGated') {
		return as('unknown', 'Starting: the pod is held back before it is placed on a node.');
	}
	const detail = message === undefined ? '' : ` ${message}`;
	return as('backoff', `No node can take the pod; it is tried again.${detail}`);
}

function containerCondition(
	pod: PodView,
	container: string,
	status: ContainerStatusView | undefined,
	now: number,
): Condition {
	const { state } = status ?? {};
	if (state?.waiting !== undefined) return waitingCondition(state.waiting, status?.lastState);
	if (state?.terminated !== undefined) {
		const { terminated } = state;
		return as(terminated.exitCode === 0 ? 'stopped' : 'failed', exited(terminated));
	}
	if (state?.running === undefined) {
		return as('unknown', `The pod does not tell the state of its container ${container}.`);
	}
	const description = startedAt(state);
	if (isUnhealthy(pod, status, now)) {
		return as('unhealthy', `${description} It does not pass its health check.`);
	}
	return as('running', description);
}

/**
 * When a container that runs without being ready will count as unhealthy, if nothing else happens:
 * no event tells of it. Wall time in milliseconds; undefined where it does not.
 */
export function unhealthyAt(pod: PodView, container: string): number | undefined {
	const status = containerStatusOf(pod, container);
	const started = Date.parse(status?.state?.running?.startedAt ?? '');
	if (status?.ready !== false || Number.isNaN(started)) return undefined;
	return started + startGrace + 1;
}

/** Was ready and is no longer, or has not become ready in good time. */
function isUnhealthy(pod: PodView, status: ContainerStatusView | undefined, now: number): boolean {
	if (status?.ready !== false || pod.metadata.deletionTimestamp !== undefined) return false;
	const started = Date.parse(status.state?.running?.startedAt ?? '');
	const changed = conditionOf(pod.status?.conditions, 'ContainersReady')?.lastTransitionTime;
	const wasReady = Date.parse(changed ?? '') > started + 1000;
	return wasReady || now - started > startGrace;
}

function waitingCondition(
	waiting: { readonly reason?: string; readonly message?: string },
	lastState?: ContainerStateView,
): Condition {
	const { reason = '', message = '' } = waiting;
	const known = Object.hasOwn(waitingReasons, reason) ? waitingReasons[reason] : undefined;
	const sentence = known?.sentence ?? `Waiting${reason === '' ? '' : `: ${reason}`}.`;
	const detail = known?.detail === false || message === '' ? '' : ` ${message}`;
	const last = lastState?.terminated;
	const before = last === undefined ? '' : ` Last time: ${exited(last)}`;
	return as(known?.runtimeStatus ?? 'backoff', `${sentence}${detail}${before}`);
}

/** Exit code and times of the current run or, where it has not begun, of the one before. */
function runsOf(status: ContainerStatusView | undefined): {
	exitCode: number;
	started: string | undefined;
	exited: string | undefined;
} {
	const { state, lastState } = status ?? {};
	const last = lastState?.terminated;
	if (state?.running !== undefined) {
		return { exitCode: 0, started: state.running.startedAt, exited: last?.finishedAt };
	}
	const { exitCode = 0, startedAt, finishedAt } = state?.terminated ?? last ?? {};
	return { exitCode, started: startedAt, exited: finishedAt };
}

function ended(
	status: ContainerStatusView | undefined,
	{ reason, message }: { reason?: string; message?: string },
): string {
	const terminated = status?.state?.terminated;
	const what = terminated === undefined ? 'The pod has ended.' : exited(terminated);
	const why = [reason, message].filter((part) => part !== undefined && part !== '').join(': ');
	return why === '' ? what : `${what} ${why}${why.endsWith('.') ? '' : '.'}`;
}

function exited({ exitCode, reason, message, finishedAt }: TerminationView): string {
	const when = finishedAt === undefined ? '' : ` at ${finishedAt}`;
	const why = reason === undefined || reason === '' ? '' : ` (${reasonText(reason)})`;
	const last = message === undefined || message === '' ? '' : ` ${message.trim()}`;
	return `Ended with exit code ${exitCode}${why}${when}.${last}`;
}

/** Reasons that say nothing beyond the exit code are left as they are. */
function reasonText(reason: string): string {
	return reason === 'OOMKilled' ? 'OOMKilled: it used more memory than its limit' : reason;
}

function startedAt({ running }: ContainerStateView): string {
	return running?.startedAt === undefined ? 'Running.' : `Started at ${running.startedAt}.`;
}

function because({ reason, message }: { reason?: string; message?: string }): string {
	const parts = [reason, message].filter((part) => part !== undefined && part !== '');
	return parts.length === 0 ? '' : ` (${parts.join(': ')})`;
}

function as(runtimeStatus: RuntimeStatus, statusDescription: string): Condition {
	return { runtimeStatus, statusDescription };
}
