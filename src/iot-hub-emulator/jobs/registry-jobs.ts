import { randomUUID } from 'node:crypto';
import { messageOf } from '../../runtime/edge-error.ts';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import type { Hub } from '../hub.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { StoredJson } from '../stored-json.ts';
import { type BlobContainer, openBlobContainer } from './blob-container.ts';
import { exportLines, importLines } from './registry-transfer.ts';

/** An import or export of the identity registry, as it is shown; signatures of its URIs left out. */
export interface RegistryJob {
	readonly jobId: string;
	readonly type: 'import' | 'export';
	readonly status: 'running' | 'completed' | 'failed';
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

/** Imports and exports of the registry (IoT Hub documentation, "Bulk import and export"). */
export class RegistryJobs {
	readonly #hub: Hub;
	readonly #jobs: StoredJson<RegistryJob>;

	constructor(hub: Hub) {
		this.#hub = hub;
		this.#jobs = new StoredJson(hub.store, 'registry-jobs');
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

	/** Runs a job of `POST /jobs/create`. What goes wrong with it is in its result. */
	async run(body: unknown): Promise<RegistryJob> {
		if (!isJsonObject(body)) throw new IotHubError('ArgumentInvalid', 'The body is no object.');
		const { type } = body;
		if (type !== 'import' && type !== 'export') {
			throw new IotHubError('ArgumentInvalid', 'type is not import or export.');
		}
		const job: RegistryJob = {
			jobId: randomUUID(),
			type,
			status: 'running',
			progress: 0,
			startTimeUtc: this.#time(),
			inputBlobContainerUri: withoutSignature(body['inputBlobContainerUri']),
			outputBlobContainerUri: withoutSignature(body['outputBlobContainerUri']),
			excludeKeysInExport: body['excludeKeysInExport'] === true,
			failureReason: null,
		};
		const output = openBlobContainer(this.#hub, body['outputBlobContainerUri']);
		const input =
			type === 'import' ? openBlobContainer(this.#hub, body['inputBlobContainerUri']) : output;
		this.#jobs.set(job.jobId, job);
		const failureReason = await this.#outcome(body, job, input, output);
		const status = failureReason === null ? 'completed' : 'failed';
		const ended = {
			...job,
			status,
			progress: 100,
			endTimeUtc: this.#time(),
			failureReason,
		} as const;
		this.#jobs.set(job.jobId, ended);
		return ended;
	}

	async #outcome(
		body: JsonObject,
		job: RegistryJob,
		input: BlobContainer,
		output: BlobContainer,
	): Promise<string | null> {
		try {
			if (job.type === 'export') {
				const name = nameFrom(body['outputBlobName']);
				await output.write(name, exportLines(this.#hub, job.excludeKeysInExport));
				return null;
			}
			const errors = importLines(this.#hub, await input.read(nameFrom(body['inputBlobName'])));
			if (errors.length === 0) return null;
			await output.write(errorsName, errors.map((error) => `${JSON.stringify(error)}\n`).join(''));
			return `${errors.length} identities could not be imported, see ${errorsName}.`;
		} catch (error) {
			return messageOf(error);
		}
	}

	#time(): string {
		return new Date(this.#hub.clock.now()).toISOString();
	}
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
