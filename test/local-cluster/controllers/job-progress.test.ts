import test from 'ava';
import {
	type JobStep,
	nextJobStep,
	untilJobExpires,
} from '../../../src/local-cluster/controllers/job-progress.ts';
import type { Job, JobSpec, JobStatus } from '../../../src/local-cluster/workloads/job.ts';
import type { Pod, PodPhase } from '../../../src/local-cluster/workloads/pod.ts';

const now = Date.parse('2026-01-01T00:10:00Z');
const backoff = { initial: 10_000, max: 360_000 };

function job(spec: Partial<JobSpec>, status: JobStatus = {}): Job {
	const template = { spec: { restartPolicy: 'Never' as const, containers: [] } };
	return {
		apiVersion: 'batch/v1',
		kind: 'Job',
		metadata: { name: 'job', namespace: 'edge', uid: 'j' },
		spec: { template, ...spec },
		status,
	};
}

function pod(phase: PodPhase, endedSecondsAgo = 0, restartCount = 0): Pod {
	const finishedAt = new Date(now - endedSecondsAgo * 1000).toISOString();
	const terminated = { exitCode: 1, reason: 'Error', finishedAt };
	const ended = phase === 'Failed' || phase === 'Succeeded';
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { name: 'pod', namespace: 'edge', creationTimestamp: finishedAt },
		spec: { containers: [] },
		status: {
			phase,
			containerStatuses: [
				{
					name: 'a',
					image: 'a',
					imageID: '',
					ready: false,
					restartCount,
					state: ended ? { terminated } : { running: { startedAt: finishedAt } },
					lastState: {},
				},
			],
		},
	};
}

const step = (spec: Partial<JobSpec>, pods: Pod[], status?: JobStatus): JobStep =>
	nextJobStep(job(spec, status), pods, now, backoff);

test('a new Job gets one pod, or as many as run in parallel', (t) => {
	t.is(step({}, []).create, 1);
	t.is(step({ parallelism: 3, completions: 5 }, []).create, 3);
	t.is(step({ parallelism: 3, completions: 5 }, [pod('Succeeded'), pod('Running')]).create, 2);
	t.is(step({ parallelism: 3, completions: 2 }, [pod('Succeeded')]).create, 1);
	t.is(step({ parallelism: 2 }, [pod('Succeeded'), pod('Running')]).create, 0);
});

test('a failed pod is replaced after a delay that doubles', (t) => {
	const first = step({}, [pod('Failed', 4)]);
	t.is(first.create, 0);
	t.is(first.again, 6000);
	t.is(step({}, [pod('Failed', 10)]).create, 1);
	const second = step({}, [pod('Failed', 30), pod('Failed', 4)]);
	t.is(second.again, 16_000);
});

test('a Job has failed when more tries have failed than its limit', (t) => {
	const { status, remove } = step({ backoffLimit: 1 }, [
		pod('Failed'),
		pod('Failed'),
		pod('Running'),
	]);
	t.like(status.conditions?.[0], {
		type: 'Failed',
		status: 'True',
		reason: 'BackoffLimitExceeded',
	});
	t.is(remove.length, 1);
	t.is(step({ backoffLimit: 1 }, [pod('Failed', 60)]).status.conditions?.length, 0);
});

test('restarts in place count as tries', (t) => {
	const template = { spec: { restartPolicy: 'OnFailure' as const, containers: [] } };
	const { status } = step({ template, backoffLimit: 2 }, [pod('Running', 0, 3)]);
	t.is(status.conditions?.[0]?.reason, 'BackoffLimitExceeded');
});

test('a Job is complete when enough pods have succeeded, and then rests', (t) => {
	const done = step({}, [pod('Succeeded')]);
	t.like(done.status.conditions?.[0], { type: 'Complete', status: 'True' });
	t.is(done.status.completionTime, '2026-01-01T00:10:00Z');
	const after = nextJobStep(job({}, done.status), [pod('Succeeded')], now, backoff);
	t.is(after.create, 0);
	t.deepEqual(after.status, done.status);
});

test('a deadline ends a Job that still runs', (t) => {
	const started = { startTime: '2026-01-01T00:09:00Z' };
	t.is(step({ activeDeadlineSeconds: 90 }, [pod('Running')], started).again, 30_000);
	const late = step({ activeDeadlineSeconds: 30 }, [pod('Running')], started);
	t.is(late.status.conditions?.[0]?.reason, 'DeadlineExceeded');
	t.is(late.remove.length, 1);
});

test('a suspended Job loses its pods and gets them back when it is resumed', (t) => {
	const suspended = step({ suspend: true }, [pod('Running')]);
	t.is(suspended.remove.length, 1);
	t.is(suspended.create, 0);
	t.like(suspended.status.conditions?.[0], { type: 'Suspended', status: 'True' });
	const resumed = step({}, [], suspended.status);
	t.is(resumed.create, 1);
	t.like(resumed.status.conditions?.[0], { type: 'Suspended', status: 'False' });
});

test('pods that somebody deleted stay counted', (t) => {
	t.is(step({ backoffLimit: 5 }, [], { failed: 2 }).status.failed, 2);
});

test('a finished Job expires when it says so', (t) => {
	const conditions = [
		{ type: 'Complete', status: 'True' as const, lastTransitionTime: '2026-01-01T00:09:30Z' },
	];
	t.is(untilJobExpires(job({ ttlSecondsAfterFinished: 60 }, { conditions }), now), 30_000);
	t.is(untilJobExpires(job({ ttlSecondsAfterFinished: 10 }, { conditions }), now), 0);
	t.is(untilJobExpires(job({}, { conditions }), now), undefined);
	t.is(untilJobExpires(job({ ttlSecondsAfterFinished: 10 }), now), undefined);
});
