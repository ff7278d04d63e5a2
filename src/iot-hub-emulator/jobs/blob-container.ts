import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../runtime/clock.ts';
import type { BlobRight, BlobSignature } from '../files/blob-signature.ts';
import { type Blobs, blobContainers } from '../files/blobs.ts';
import { IotHubError } from '../iot-hub-error.ts';

/** Parts of the hub that containers are served by. */
export interface ContainerSources {
	readonly blobs: Blobs;
	readonly blobSignature: BlobSignature;
	readonly clock: Clock;
}

/** A place with texts under names. */
export interface BlobContainer {
	/** @throws IotHubError BlobNotFound, IotHubUnauthorizedAccess */
	read(name: string): Promise<string>;
	/** @throws IotHubError IotHubUnauthorizedAccess */
	write(name: string, text: string): Promise<void>;
}

/**
 * Opens the container of a URI: one of the hub's own, or a folder of this machine in the form
 * `file:///…`.
 *
 * @throws IotHubError ArgumentInvalid for any other
 */
export function openBlobContainer(hub: ContainerSources, uri: unknown): BlobContainer {
	const url = typeof uri === 'string' ? URL.parse(uri) : null;
	if (url?.protocol === 'file:') return folderContainer(fileURLToPath(url));
	const container = url?.pathname.replaceAll('/', '');
	const known = Object.values(blobContainers).find((name) => name === container);
	if (url?.protocol === 'https:' && known !== undefined) {
		return hubContainer(hub, known, url.searchParams);
	}
	throw new IotHubError('ArgumentInvalid', 'The container is not of this hub and not a file URI.');
}

function folderContainer(folder: string): BlobContainer {
	return {
		read: async (name) => {
			try {
				return await readFile(join(folder, name), 'utf8');
			} catch {
				throw new IotHubError('BlobNotFound', `There is no ${name} in the folder.`);
			}
		},
		write: async (name, text) => {
			await mkdir(folder, { recursive: true });
			// Keys of devices are in there.
			await writeFile(join(folder, name), text, { mode: 0o600 });
		},
	};
}

function hubContainer(
	hub: ContainerSources,
	container: string,
	query: URLSearchParams,
): BlobContainer {
	const open = (name: string, right: BlobRight) =>
		hub.blobSignature.require(query, container, name, right, hub.clock.now());
	return {
		read: async (name) => {
			open(name, 'r');
			const parts: Uint8Array[] = [];
			for await (const part of hub.blobs.read(hub.blobs.get(container, name))) parts.push(part);
			return Buffer.concat(parts).toString();
		},
		write: async (name, text) => {
			open(name, 'w');
			await hub.blobs.put(container, name, Readable.from([Buffer.from(text)]), 'text/plain');
		},
	};
}
