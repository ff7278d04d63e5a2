import { isDeepStrictEqual } from 'node:util';
import type { EventRecorder } from '../event-recorder.ts';
import type { Job } from '../workloads/job.ts';
import { keyOf, type Pod } from '../workloads/pod.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Reconciler } from './controller.ts';
import { isJobFinished, type JobBackoff, nextJobStep, untilJobExpires } from './job-progress.ts';
import type { KindCache } from './kind-cache.ts';
import { isControlledBy, ownerKey } from './ownership.ts';
import { podFromTemplate } from './pod-factory.ts';

/** Runs Jobs to completion, with tries and deadlines. */
export class JobReconciler implements Reconciler {
	readonly name = 'job';
	readonly #state: ClusterState;
	readonly #events: EventRecorder;
	readonly #backoff: JobBackoff;
	readonly #jobs: KindCache<Job>;
	readonly #pods: KindCache<Pod>;

	constructor(state: ClusterState, events: EventRecorder, backoff: JobBackoff) {
		this.#state = state;
		this.#events = events;
		this.#backoff = backoff;
		this.#jobs = state.cache<Job>('batch/v1', 'Job');
		this.#pods = state.cache<Pod>('v1', 'Pod');
	}

	watch(enqueue: (key: string) => void): void {
		this.#jobs.onChange((current) => {
			if (current !== undefined) enqueue(keyOf(current));
		});
		this.#pods.onChange((current, previous) => {
			const key = ownerKey((current ?? previous) as Pod, 'Job');
			if (key !== undefined) enqueue(key);
		});
	}

	async reconcile(key: string): Promise<number | undefined> {
		const job = this.#jobs.get(key);
		if (job === undefined || job.metadata.deletionTimestamp !== undefined) return undefined;
		const now = this.#state.clock.now();
		const expires = untilJobExpires(job, now);
		if (expires === 0) {
			await this.#state.delete(job, { propagation: 'Background' });
			return undefined;
		}
		const pods = this.#pods.list(job.metadata.namespace).filter((pod) => isControlledBy(pod, job));
		const step = nextJobStep(job, pods, now, this.#backoff);
		for (let made = 0; made < step.create; made += 1) await this.#create(job);
		for (const pod of step.remove) await this.#state.delete(pod);
		if (!isDeepStrictEqual(step.status, job.status)) await this.#report(job, step.status);
		return expires ?? step.again;
	}

	async #create(job: Job): Promise<void> {
		const { name, uid = '' } = job.metadata;
		const pod = podFromTemplate(job, job.spec.template, {
			'batch.kubernetes.io/job-name': name,
			'batch.kubernetes.io/controller-uid': uid,
			'job-name': name,
			'controller-uid': uid,
		});
		const created = await this.#state.create(pod);
		const message = `Created pod: ${created.metadata.name}`;
		this.#events.record(job, 'Normal', 'SuccessfulCreate', message);
	}

	async #report(job: Job, status: NonNullable<Job['status']>): Promise<void> {
		const reported = await this.#state.patch(job, { status }, 'status');
		if (isJobFinished(job) || !isJobFinished(reported)) return;
		const ending = reported.status?.conditions?.at(-1);
		const complete = ending?.type === 'Complete';
		const reason = complete ? 'Completed' : (ending?.reason ?? 'Failed');
		const message = complete ? 'Job completed' : (ending?.message ?? '');
		this.#events.record(job, complete ? 'Normal' : 'Warning', reason, message);
	}
}
