import { randomUUID } from 'node:crypto';
import type { Clock } from '../../runtime/clock.ts';
import { isJsonObject } from '../../runtime/json.ts';
import type { ServiceBoundQueue } from '../cloud-to-device/service-bound-queue.ts';
import { IotHubError } from '../iot-hub-error.ts';
import type { BlobSignature } from './blob-signature.ts';
import { type Blobs, blobContainers, requireName } from './blobs.ts';

/** Uploads of one device at the same time (IoT Hub quotas). */
const maxUploads = 10;

/** How long a device has for a file, IoT Hub's default. */
const timeToLiveMs = 3_600_000;

interface Upload {
	readonly deviceId: string;
	readonly blobName: string;
	readonly expires: number;
}

/** Files that devices upload to the hub's blobs (IoT Hub documentation, "Upload files"). */
export class FileUploads {
	readonly #blobs: Blobs;
	readonly #signature: BlobSignature;
	readonly #notifications: ServiceBoundQueue;
	readonly #clock: Clock;
	readonly #uploads = new Map<string, Upload>();

	constructor(
		blobs: Blobs,
		signature: BlobSignature,
		notifications: ServiceBoundQueue,
		clock: Clock,
	) {
		this.#blobs = blobs;
		this.#signature = signature;
		this.#notifications = notifications;
		this.#clock = clock;
	}

	/**
	 * Answers `POST /devices/{id}/files`: where the device may put the file.
	 *
	 * @param hostName of the hub, under which blobs are served too
	 * @throws IotHubError ArgumentInvalid, DeviceMaximumActiveFileUploadLimitExceeded
	 */
	begin(deviceId: string, body: unknown, hostName: string) {
		const given = isJsonObject(body) ? body['blobName'] : undefined;
		if (typeof given !== 'string') throw invalid('The body has no blobName.');
		const blobName = `${deviceId}/${given}`;
		requireName(blobName);
		const now = this.#clock.now();
		for (const [id, upload] of this.#uploads) if (upload.expires <= now) this.#uploads.delete(id);
		const open = [...this.#uploads.values()].filter((upload) => upload.deviceId === deviceId);
		if (open.length >= maxUploads) {
			const message = `Number of active file upload requests cannot exceed ${maxUploads}.`;
			throw new IotHubError('DeviceMaximumActiveFileUploadLimitExceeded', message);
		}
		const correlationId = randomUUID();
		const expires = now + timeToLiveMs;
		this.#uploads.set(correlationId, { deviceId, blobName, expires });
		const containerName = blobContainers.uploads;
		return {
			correlationId,
			hostName,
			containerName,
			blobName,
			sasToken: this.#signature.create(containerName, blobName, 'rw', expires),
		};
	}

	/**
	 * Answers `POST /devices/{id}/files/notifications`: services are told of a file that is there.
	 *
	 * @throws IotHubError ArgumentInvalid, InvalidFileUploadCorrelationId
	 */
	end(deviceId: string, correlationId: string | undefined, body: unknown, hostName: string): void {
		if (!isJsonObject(body)) throw invalid('The body is not a JSON object.');
		const id = correlationId ?? body['correlationId'];
		const upload = typeof id === 'string' ? this.#uploads.get(id) : undefined;
		if (upload?.deviceId !== deviceId) {
			const message = 'The correlation id is not one of an upload.';
			throw new IotHubError('InvalidFileUploadCorrelationId', message);
		}
		this.#uploads.delete(id as string);
		if (body['isSuccess'] !== true) return;
		const blob = this.#blobs.find(blobContainers.uploads, upload.blobName);
		if (blob === undefined) return;
		this.#notifications.add({
			deviceId,
			blobUri: `https://${hostName}/${blob.container}/${blob.name}`,
			blobName: blob.name,
			lastUpdatedTime: new Date(blob.lastModified).toISOString(),
			blobSizeInBytes: blob.size,
			enqueuedTimeUtc: new Date(this.#clock.now()).toISOString(),
		});
	}
}

function invalid(message: string): IotHubError {
	return new IotHubError('ArgumentInvalid', message);
}
