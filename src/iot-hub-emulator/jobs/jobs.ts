import { type Identity, identityKey } from '../../protocol/identity.ts';
import type { Timer } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import type { JsonObject } from '../../runtime/json.ts';
import type { HubSurroundings } from '../hub-surroundings.ts';
import { IotHubError } from '../iot-hub-error.ts';
import type { QuerySources } from '../query/query-collections.ts';
import type { KeyedRow } from '../query/run-query.ts';
import { StoredJson } from '../stored-json.ts';
import { type DeviceJobServices, runDeviceJob } from './device-job-run.ts';
import { type DeviceJob, isOver, type Job, jobCondition, jobFrom } from './job.ts';
import { matchingIdentities } from './job-targets.ts';

type JobsHub = HubSurroundings & QuerySources & DeviceJobServices;

/** Devices that one job works on at the same time. */
const parallel = 10;

/** How long jobs are kept that are over (IoT Hub quotas, "Jobs"). */
const historyMs = 30 * 86_400_000;

/** Milliseconds of one timer at most: 32 bits. */
const longestWait = 2 ** 31 - 1;

/** Jobs on many devices: twin updates and direct methods, now or later. Durable in the store. */
export class Jobs {
	readonly #hub: JobsHub;
	readonly #jobs: StoredJson<Job>;
	readonly #deviceJobs: StoredJson<DeviceJob>;
	readonly #timers = new Map<string, Timer>();
	readonly #running = new Map<string, AbortController>();

	/** @param hub is used from `load` on */
	constructor(hub: JobsHub) {
		this.#hub = hub;
		this.#jobs = new StoredJson(hub.store, 'jobs');
		this.#deviceJobs = new StoredJson(hub.store, 'device-jobs');
	}

	/** Goes on with what an earlier run has left; jobs that ended long ago are dropped. */
	load(): void {
		const oldest = this.#hub.clock.now() - historyMs;
		for (const job of [...this.#jobs.values()]) {
			if (!isOver(job.status)) this.#schedule(job);
			else if (Date.parse(job.endTime ?? '') < oldest) this.#forget(job.jobId);
		}
	}

	stop(): void {
		for (const timer of this.#timers.values()) timer[Symbol.dispose]();
		this.#timers.clear();
		for (const controller of this.#running.values()) controller.abort();
		this.#running.clear();
	}

	/** In order of their ids. */
	list(): Iterable<Job> {
		return this.#jobs.values();
	}

	/** @throws IotHubError JobNotFound */
	get(jobId: string): Job {
		const job = this.#jobs.get(jobId);
		if (job === undefined) throw new IotHubError('JobNotFound', `There is no job ${jobId}.`);
		return job;
	}

	/** @throws IotHubError JobAlreadyExists, ArgumentInvalid; EdgeError EDGE_METHOD_INVALID */
	create(jobId: string, body: unknown): Job {
		const job = jobFrom(jobId, body, this.#hub.clock.now());
		if (this.#jobs.get(jobId) !== undefined) {
			throw new IotHubError('JobAlreadyExists', `A job ${jobId} already exists.`);
		}
		const later = Date.parse(job.startTime) > this.#hub.clock.now();
		const created: Job = { ...job, status: later ? 'scheduled' : 'queued' };
		this.#jobs.set(jobId, created);
		this.#schedule(created);
		return created;
	}

	/** @throws IotHubError JobNotFound, ArgumentInvalid for a job that is over */
	cancel(jobId: string): Job {
		const job = this.get(jobId);
		if (isOver(job.status)) {
			throw new IotHubError('ArgumentInvalid', `The job ${jobId} is ${job.status} already.`);
		}
		this.#timers.get(jobId)?.[Symbol.dispose]();
		this.#timers.delete(jobId);
		this.#running.get(jobId)?.abort();
		for (const deviceJob of this.deviceJobs(jobId)) {
			if (!isOver(deviceJob.status)) this.#keep({ ...deviceJob, status: 'canceled' });
		}
		return this.#end(job, 'cancelled');
	}

	/** What devices have done in a job so far. */
	deviceJobs(jobId: string): DeviceJob[] {
		return [...this.#deviceJobs.values()].filter((deviceJob) => deviceJob.jobId === jobId);
	}

	/** Rows of `devices.jobs`. */
	*queryRows(): Generator<KeyedRow> {
		for (const [key, deviceJob] of this.#deviceJobs.entries()) {
			yield [key, { ...deviceJob } as JsonObject];
		}
	}

	#forget(jobId: string): void {
		for (const deviceJob of this.deviceJobs(jobId)) this.#deviceJobs.delete(keyOf(deviceJob));
		this.#jobs.delete(jobId);
	}

	#schedule(job: Job): void {
		const wait = Math.max(0, Date.parse(job.startTime) - this.#hub.clock.now());
		const timer = this.#hub.clock.after(Math.min(wait, longestWait), () => {
			this.#timers.delete(job.jobId);
			if (wait > longestWait) this.#schedule(job);
			else void this.#run(job);
		});
		this.#timers.set(job.jobId, timer);
	}

	async #run(queued: Job): Promise<void> {
		const job: Job = { ...queued, status: 'running' };
		this.#jobs.set(job.jobId, job);
		const stopped = new AbortController();
		this.#running.set(job.jobId, stopped);
		using _ = this.#hub.clock.after(
			Math.min(job.maxExecutionTimeInSeconds * 1000, longestWait),
			() => stopped.abort('time'),
		);
		try {
			await this.#runOnAll(job, stopped.signal);
			this.#finish(job, stopped.signal);
		} catch (error) {
			this.#hub.logger.error('a job has failed', { job: job.jobId, reason: messageOf(error) });
		} finally {
			this.#running.delete(job.jobId);
		}
	}

	#finish(job: Job, signal: AbortSignal): void {
		if (signal.aborted && signal.reason !== 'time') return;
		const ended = this.deviceJobs(job.jobId);
		for (const deviceJob of ended) {
			if (isOver(deviceJob.status)) continue;
			const error = { code: 'JobTimedOut', description: 'The time of the job is over.' };
			this.#keep({ ...deviceJob, status: 'failed', error });
		}
		const failed = ended.some(({ status }) => status !== 'completed');
		this.#end(job, failed ? 'failed' : 'completed');
	}

	async #runOnAll(job: Job, signal: AbortSignal): Promise<void> {
		const { from, condition } = jobCondition(job.queryCondition);
		const targets = matchingIdentities(this.#hub, from, condition);
		const known = new Map(this.deviceJobs(job.jobId).map((each) => [keyOf(each), each]));
		const open = targets
			.map(
				(identity) => known.get(deviceJobKey(job.jobId, identity)) ?? this.#pending(job, identity),
			)
			.filter(({ status }) => !isOver(status));
		for (const deviceJob of open) this.#keep(deviceJob);
		const next = open.values();
		const work = async () => {
			for (const deviceJob of next) {
				if (signal.aborted) return;
				await this.#runOne(job, deviceJob, signal);
			}
		};
		await Promise.all(Array.from({ length: parallel }, work));
	}

	async #runOne(job: Job, deviceJob: DeviceJob, signal: AbortSignal): Promise<void> {
		const startTimeUtc = this.#time();
		this.#keep({ ...deviceJob, status: 'running', startTimeUtc });
		const result = await runDeviceJob(this.#hub, job, deviceJob, signal);
		if (signal.aborted) return;
		this.#keep({ ...deviceJob, ...result, startTimeUtc, endTimeUtc: this.#time() });
	}

	#pending(job: Job, identity: Identity): DeviceJob {
		const createdDateTimeUtc = this.#time();
		const { jobId, type: jobType } = job;
		return {
			jobId,
			jobType,
			...identity,
			status: 'pending',
			createdDateTimeUtc,
			lastUpdatedDateTimeUtc: createdDateTimeUtc,
		};
	}

	#end(job: Job, status: Job['status']): Job {
		const failureReason =
			status === 'failed' ? { failureReason: 'The job failed on some devices.' } : {};
		const ended: Job = { ...job, status, endTime: this.#time(), ...failureReason };
		this.#jobs.set(job.jobId, ended);
		return ended;
	}

	#keep(deviceJob: DeviceJob): void {
		this.#deviceJobs.set(keyOf(deviceJob), {
			...deviceJob,
			lastUpdatedDateTimeUtc: this.#time(),
		});
	}

	#time(): string {
		return new Date(this.#hub.clock.now()).toISOString();
	}
}

function keyOf(deviceJob: DeviceJob): string {
	return deviceJobKey(deviceJob.jobId, deviceJob);
}

function deviceJobKey(jobId: string, identity: Identity): string {
	return `${jobId}/${identityKey(identity)}`;
}
