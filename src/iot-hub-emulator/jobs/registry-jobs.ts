import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { messageOf } from '../../runtime/edge-error.ts';
import { isJsonObject } from '../../runtime/json.ts';
import type { HubSurroundings } from '../hub-surroundings.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { StoredJson } from '../stored-json.ts';
import { type BlobContainer, type ContainerSources, openBlobContainer } from './blob-container.ts';
import { exportLines, importLines, type TransferredHub } from './registry-transfer.ts';

type RegistryJobsHub = HubSurroundings & ContainerSources & TransferredHub;

/** An import or export of the identity registry, as it is shown; signatures of its URIs left out. */
export interface RegistryJob {
	readonly jobId: string;
	readonly type: 'import' | 'export';
	readonly status: 'enqueued' | 'running' | 'completed' | 'failed' | 'cancelled';
	/** Per cent. */
	readonly progress: number;
	/** ISO 8601. */
	readonly startTimeUtc: string;
	readonly endTimeUtc?: string;
	readonly inputBlobContainerUri: string | null;
	readonly outputBlobContainerUri: string | null;
	readonly excludeKeysInExport: boolean;
	readonly failureReason: string | null;
}

const listName = 'devices.txt';
const errorsName = 'importErrors.log';

/** How long jobs are kept that are over (IoT Hub quotas, "Jobs"). */
const historyMs = 30 * 86_400_000;

/** A job that waits or runs, with what is not shown of it. */
interface PendingJob {
	readonly jobId: string;
	/** Of a blob: the list that is read or written. */
	readonly listName: unknown;
	readonly input: BlobContainer;
	readonly output: BlobContainer;
	readonly controller: AbortController;
}

/**
 * Imports and exports of the registry (IoT Hub documentation, "Bulk import and export"): in the
 * background, one after the other.
 */
export class RegistryJobs {
	readonly #hub: RegistryJobsHub;
	readonly #jobs: StoredJson<RegistryJob>;
	readonly #pending = new Map<string, PendingJob>();
	#working = false;
	#stopped = false;

	constructor(hub: RegistryJobsHub) {
		this.#hub = hub;
		this.#jobs = new StoredJson(hub.store, 'registry-jobs');
	}

	/** What an earlier run has not ended has failed: the signatures for its containers are not kept. */
	load(): void {
		const oldest = this.#hub.clock.now() - historyMs;
		for (const job of this.list()) {
			if (!isOver(job)) {
				this.#end(job, 'failed', 'The hub was stopped before the job was over.');
			} else if (Date.parse(job.endTimeUtc ?? '') < oldest) this.#jobs.delete(job.jobId);
		}
	}

	stop(): void {
		this.#stopped = true;
		for (const { controller } of this.#pending.values()) controller.abort();
		this.#pending.clear();
	}

	list(): RegistryJob[] {
		return [...this.#jobs.values()];
	}

	/** @throws IotHubError JobNotFound */
	get(jobId: string): RegistryJob {
		const job = this.#jobs.get(jobId);
		if (job === undefined) throw new IotHubError('JobNotFound', `There is no job ${jobId}.`);
		return job;
	}

	/**
	 * Begins a job of `POST /jobs/create`. What goes wrong with it later is in its `failureReason`.
	 *
	 * @throws IotHubError ArgumentInvalid
	 */
	create(body: unknown): RegistryJob {
		if (!isJsonObject(body)) throw new IotHubError('ArgumentInvalid', 'The body is no object.');
		const { type } = body;
		if (type !== 'import' && type !== 'export') {
			throw new IotHubError('ArgumentInvalid', 'type is not import or export.');
		}
		const output = openBlobContainer(this.#hub, body['outputBlobContainerUri']);
		const input =
			type === 'import' ? openBlobContainer(this.#hub, body['inputBlobContainerUri']) : output;
		const job: RegistryJob = {
			jobId: randomUUID(),
			type,
			status: 'enqueued',
			progress: 0,
			startTimeUtc: this.#time(),
			inputBlobContainerUri: withoutSignature(body['inputBlobContainerUri']),
			outputBlobContainerUri: withoutSignature(body['outputBlobContainerUri']),
			excludeKeysInExport: body['excludeKeysInExport'] === true,
			failureReason: null,
		};
		this.#jobs.set(job.jobId, job);
		const { jobId } = job;
		const listName = body[type === 'import' ? 'inputBlobName' : 'outputBlobName'];
		const controller = new AbortController();
		this.#pending.set(jobId, { jobId, listName, input, output, controller });
		if (!this.#working) void this.#work();
		return job;
	}

	/**
	 * Ends a job that waits or runs; identities that it has imported stay.
	 *
	 * @throws IotHubError JobNotFound, ArgumentInvalid for a job that is over
	 */
	cancel(jobId: string): RegistryJob {
		const job = this.get(jobId);
		if (isOver(job)) {
			throw new IotHubError('ArgumentInvalid', `The job ${jobId} is ${job.status} already.`);
		}
		this.#pending.get(jobId)?.controller.abort();
		this.#pending.delete(jobId);
		return this.#end(job, 'cancelled', null);
	}

	async #work(): Promise<void> {
		this.#working = true;
		for (;;) {
			// Whoever has asked for a job sees that it waits before it runs.
			await nextTurn();
			const [pending] = this.#pending.values();
			if (pending === undefined) break;
			await this.#run(pending);
			this.#pending.delete(pending.jobId);
		}
		this.#working = false;
	}

	async #run(pending: PendingJob): Promise<void> {
		const { jobId, controller } = pending;
		this.#jobs.set(jobId, { ...this.get(jobId), status: 'running' });
		const failureReason = await this.#outcome(pending);
		if (this.#stopped || controller.signal.aborted) return;
		this.#end(this.get(jobId), failureReason === null ? 'completed' : 'failed', failureReason);
	}

	/** What went wrong; null where nothing did. */
	async #outcome(pending: PendingJob): Promise<string | null> {
		const { jobId, listName, input, output, controller } = pending;
		const pace = {
			signal: controller.signal,
			done: (part: number) => {
				this.#jobs.set(jobId, { ...this.get(jobId), progress: Math.floor(part * 100) });
			},
		};
		try {
			const { type, excludeKeysInExport } = this.get(jobId);
			const name = nameFrom(listName);
			if (type === 'export') {
				const lines = await exportLines(this.#hub, excludeKeysInExport, pace);
				await output.write(name, lines);
				return null;
			}
			const errors = await importLines(this.#hub, await input.read(name), pace);
			if (errors.length === 0) return null;
			await output.write(errorsName, errors.map((error) => `${JSON.stringify(error)}\n`).join(''));
			return `${errors.length} identities could not be imported, see ${errorsName}.`;
		} catch (error) {
			return messageOf(error);
		}
	}

	#end(
		job: RegistryJob,
		status: 'completed' | 'failed' | 'cancelled',
		failureReason: string | null,
	): RegistryJob {
		const progress = status === 'cancelled' ? job.progress : 100;
		const ended = { ...job, status, progress, endTimeUtc: this.#time(), failureReason };
		this.#jobs.set(job.jobId, ended);
		return ended;
	}

	#time(): string {
		return new Date(this.#hub.clock.now()).toISOString();
	}
}

function isOver({ status }: RegistryJob): boolean {
	return status !== 'enqueued' && status !== 'running';
}

/** @throws IotHubError ArgumentInvalid for a name that leads elsewhere */
function nameFrom(value: unknown): string {
	const name = value ?? listName;
	if (typeof name === 'string' && /^\w[\w\-.]{0,100}$/.test(name)) return name;
	throw new IotHubError('ArgumentInvalid', 'The name of the blob has other characters.');
}

function withoutSignature(uri: unknown): string | null {
	return typeof uri === 'string' ? (uri.split('?')[0] ?? null) : null;
}
