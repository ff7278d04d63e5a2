import { timestamp } from '../event-recorder.ts';
import type { Job, JobStatus } from '../workloads/job.ts';
import {
	type Condition,
	conditionOf,
	isPodFinished,
	isPodReady,
	type Pod,
} from '../workloads/pod.ts';

/** Delays between tries of a Job, in milliseconds: they double up to the maximum. */
export interface JobBackoff {
	readonly initial: number;
	readonly max: number;
}

/** What to do with a Job now, and what to report. */
export interface JobStep {
	readonly create: number;
	readonly remove: readonly Pod[];
	readonly status: JobStatus;
	/** Milliseconds until something changes by time alone. */
	readonly again?: number;
}

type Ending = Pick<Condition, 'type' | 'reason' | 'message'>;

/** Whether a Job has come to its end, one way or the other. */
export function isJobFinished(job: Job): boolean {
	return endingOf(job) !== undefined;
}

/** When a finished Job goes away, as milliseconds from `now`; `undefined` when it stays. */
export function untilJobExpires(job: Job, now: number): number | undefined {
	const seconds = job.spec.ttlSecondsAfterFinished;
	const since = endingOf(job)?.lastTransitionTime;
	if (seconds === undefined || since === undefined) return undefined;
	return Math.max(0, Date.parse(since) + seconds * 1000 - now);
}

/** Decides on one Job by its pods. */
export function nextJobStep(
	job: Job,
	pods: readonly Pod[],
	now: number,
	backoff: JobBackoff,
): JobStep {
	const active = pods.filter((pod) => !isPodFinished(pod) && !isEnding(pod));
	const counts = countPods(job, pods, active);
	const before = job.status ?? {};
	if (isJobFinished(job)) {
		return { create: 0, remove: active, status: { ...before, ...counts, active: 0, ready: 0 } };
	}
	const suspended = job.spec.suspend === true;
	const startTime = suspended ? undefined : (before.startTime ?? timestamp(now));
	const ending = endOfJob(job, pods, counts, startTime, now);
	if (ending !== undefined) return endStep(job, { ...counts, startTime }, active, ending, now);
	if (suspended) return suspendStep(job, counts, active, now);
	const wanted = wantedPods(job, counts.succeeded, active.length);
	const wait = untilRetry(pods, now, backoff);
	const missing = wanted - active.length;
	const deadline = untilDeadline(job, startTime, now);
	const create = wait === 0 ? Math.max(0, missing) : 0;
	const waits = [missing > 0 && wait > 0 ? wait : undefined, deadline];
	const again = waits.filter((ms) => ms !== undefined);
	return {
		create,
		remove: active.slice(0, Math.max(0, -missing)),
		status: {
			...counts,
			...(startTime === undefined ? {} : { startTime }),
			conditions: withCondition(before.conditions, resumed(before.conditions), now),
		},
		...(again.length === 0 ? {} : { again: Math.min(...again) }),
	};
}

type Counts = { active: number; ready: number; succeeded: number; failed: number };

/** Ended pods stay counted when somebody deletes them. */
function countPods(job: Job, pods: readonly Pod[], active: readonly Pod[]): Counts {
	const ended = (phase: string) => pods.filter((pod) => pod.status?.phase === phase).length;
	return {
		active: active.length,
		ready: active.filter(isPodReady).length,
		succeeded: Math.max(job.status?.succeeded ?? 0, ended('Succeeded')),
		failed: Math.max(job.status?.failed ?? 0, ended('Failed')),
	};
}

function endOfJob(
	job: Job,
	pods: readonly Pod[],
	counts: Counts,
	startTime: string | undefined,
	now: number,
): Ending | undefined {
	const { completions, backoffLimit = 6, parallelism } = job.spec;
	const needed = completions ?? (parallelism === undefined ? 1 : undefined);
	const complete =
		needed === undefined ? counts.succeeded > 0 && counts.active === 0 : counts.succeeded >= needed;
	if (complete) {
		const message = 'Reached expected number of succeeded pods';
		return { type: 'Complete', reason: 'CompletionsReached', message };
	}
	if (counts.failed + restartsInPlace(job, pods) > backoffLimit) {
		const message = 'Job has reached the specified backoff limit';
		return { type: 'Failed', reason: 'BackoffLimitExceeded', message };
	}
	if (untilDeadline(job, startTime, now) === 0) {
		const message = 'Job was active longer than specified deadline';
		return { type: 'Failed', reason: 'DeadlineExceeded', message };
	}
	return undefined;
}

/** With `OnFailure` the node restarts containers itself; these are tries as well. */
function restartsInPlace(job: Job, pods: readonly Pod[]): number {
	if (job.spec.template.spec.restartPolicy !== 'OnFailure') return 0;
	const running = pods.filter((pod) => !isPodFinished(pod));
	const statuses = running.flatMap((pod) => pod.status?.containerStatuses ?? []);
	return statuses.reduce((sum, status) => sum + status.restartCount, 0);
}

function wantedPods(job: Job, succeeded: number, active: number): number {
	const { completions, parallelism } = job.spec;
	const width = parallelism ?? 1;
	if (completions === undefined && parallelism !== undefined) return succeeded > 0 ? active : width;
	return Math.min(width, (completions ?? 1) - succeeded);
}

/** Milliseconds before the next try: failures since the last success double the delay. */
function untilRetry(pods: readonly Pod[], now: number, { initial, max }: JobBackoff): number {
	const successes = pods.filter((pod) => pod.status?.phase === 'Succeeded').map(finishedAt);
	const lastSuccess = Math.max(0, ...successes);
	const failures = pods
		.filter((pod) => pod.status?.phase === 'Failed')
		.map(finishedAt)
		.filter((time) => time >= lastSuccess);
	if (failures.length === 0) return 0;
	const delay = Math.min(max, initial * 2 ** (failures.length - 1));
	return Math.max(0, Math.max(...failures) + delay - now);
}

function untilDeadline(job: Job, startTime: string | undefined, now: number): number | undefined {
	const seconds = job.spec.activeDeadlineSeconds;
	if (seconds === undefined || startTime === undefined) return undefined;
	return Math.max(0, Date.parse(startTime) + seconds * 1000 - now);
}

function endStep(
	job: Job,
	counts: Counts & { startTime: string | undefined },
	active: readonly Pod[],
	ending: Ending,
	now: number,
): JobStep {
	const { startTime, ...numbers } = counts;
	const complete = ending.type === 'Complete';
	const failed = numbers.failed + (complete ? 0 : active.length);
	return {
		create: 0,
		remove: active,
		status: {
			...numbers,
			failed,
			active: 0,
			ready: 0,
			...(startTime === undefined ? {} : { startTime }),
			...(complete ? { completionTime: timestamp(now) } : {}),
			conditions: withCondition(job.status?.conditions, { ...ending, status: 'True' }, now),
		},
	};
}

function suspendStep(job: Job, counts: Counts, active: readonly Pod[], now: number): JobStep {
	const suspended: Condition = {
		type: 'Suspended',
		status: 'True',
		reason: 'JobSuspended',
		message: 'Job suspended',
	};
	const conditions = withCondition(job.status?.conditions, suspended, now);
	return { create: 0, remove: active, status: { ...counts, active: 0, ready: 0, conditions } };
}

function resumed(conditions: readonly Condition[] | undefined): Condition | undefined {
	if (conditionOf(conditions, 'Suspended')?.status !== 'True') return undefined;
	return { type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed' };
}

function withCondition(
	conditions: readonly Condition[] = [],
	next: Condition | undefined,
	now: number,
): Condition[] {
	if (next === undefined) return [...conditions];
	const before = conditionOf(conditions, next.type);
	if (before?.status === next.status) return [...conditions];
	const time = timestamp(now);
	const others = conditions.filter((condition) => condition.type !== next.type);
	return [...others, { ...next, lastProbeTime: time, lastTransitionTime: time }];
}

function endingOf(job: Job): Condition | undefined {
	return job.status?.conditions?.find(
		({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
	);
}

function finishedAt(pod: Pod): number {
	const statuses = pod.status?.containerStatuses ?? [];
	const times = statuses.map(({ state }) => Date.parse(state.terminated?.finishedAt ?? ''));
	const known = times.filter((time) => !Number.isNaN(time));
	return known.length > 0 ? Math.max(...known) : Date.parse(pod.metadata.creationTimestamp ?? '');
}

function isEnding(pod: Pod): boolean {
	return pod.metadata.deletionTimestamp !== undefined;
}
