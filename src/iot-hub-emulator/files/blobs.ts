import { createHash, randomUUID } from 'node:crypto';
import type { Clock } from '../../runtime/clock.ts';
import type { KeyValueStore } from '../../storage/key-value-store.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { StoredJson } from '../stored-json.ts';
import type { BlobBytes } from './blob-bytes.ts';

/** What is known of a blob. */
export interface Blob {
	readonly container: string;
	readonly name: string;
	readonly size: number;
	readonly contentType: string;
	/** Without quotes. */
	readonly etag: string;
	/** Milliseconds since the epoch. */
	readonly lastModified: number;
}

/** Containers that the hub serves: files of devices, and lists of the registry's import and export. */
export const blobContainers = { uploads: 'device-files', registry: 'registry-jobs' } as const;

const blocks = '.blocks';

/** The blobs that the hub keeps in the place of a storage account. */
export class Blobs {
	readonly #stored: StoredJson<Blob>;
	readonly #bytes: BlobBytes;
	readonly #clock: Clock;

	constructor(store: KeyValueStore, bytes: BlobBytes, clock: Clock) {
		this.#stored = new StoredJson(store, 'blobs');
		this.#bytes = bytes;
		this.#clock = clock;
	}

	/** Removes blocks of blobs that an earlier run has not seen completed. */
	async load(): Promise<void> {
		await this.#bytes.remove(blocks);
	}

	find(container: string, name: string): Blob | undefined {
		return this.#stored.get(`${container}/${name}`);
	}

	/** @throws IotHubError BlobNotFound */
	get(container: string, name: string): Blob {
		const blob = this.find(container, name);
		if (blob === undefined) throw new IotHubError('BlobNotFound', `There is no blob ${name}.`);
		return blob;
	}

	read({ container, name }: Blob): AsyncIterable<Uint8Array> {
		return this.#bytes.read(`${container}/${name}`);
	}

	/** @throws IotHubError ArgumentInvalid */
	async put(
		container: string,
		name: string,
		parts: AsyncIterable<Uint8Array>,
		contentType = 'application/octet-stream',
	): Promise<Blob> {
		requireName(name);
		const size = await this.#write(`${container}/${name}`, parts);
		const blob: Blob = {
			container,
			name,
			size,
			contentType,
			etag: `0x${randomUUID().replaceAll('-', '').slice(0, 15).toUpperCase()}`,
			lastModified: this.#clock.now(),
		};
		this.#stored.set(`${container}/${name}`, blob);
		return blob;
	}

	/** Folders make a place either a blob or the beginning of other blobs' names. */
	async #write(name: string, parts: AsyncIterable<Uint8Array>): Promise<number> {
		try {
			return await this.#bytes.write(name, parts);
		} catch (error) {
			const { code = '' } = error as NodeJS.ErrnoException;
			if (!['ENOTDIR', 'EISDIR', 'EEXIST', 'ENOTEMPTY'].includes(code)) throw error;
			throw new IotHubError('ArgumentInvalid', 'A blob has the name of a folder of another one.');
		}
	}

	/** Keeps a block until the blob is made of its blocks. @param id as the client has chosen it */
	async putBlock(container: string, name: string, id: string, body: Uint8Array): Promise<void> {
		requireName(name);
		await this.#bytes.write(`${blockFolder(container, name)}/${fingerprint(id)}`, one(body));
	}

	/** Makes a blob of blocks in the given order. @throws IotHubError ArgumentInvalid */
	async putBlockList(
		container: string,
		name: string,
		ids: readonly string[],
		contentType?: string,
	): Promise<Blob> {
		const folder = blockFolder(container, name);
		const bytes = this.#bytes;
		async function* parts() {
			for (const id of ids) yield* bytes.read(`${folder}/${fingerprint(id)}`);
		}
		try {
			return await this.put(container, name, parts(), contentType);
		} catch (error) {
			if (!isMissing(error)) throw error;
			throw new IotHubError('ArgumentInvalid', 'The block list names a block that is not there.');
		} finally {
			await this.#bytes.remove(folder);
		}
	}

	/** @throws IotHubError BlobNotFound */
	async delete(container: string, name: string): Promise<void> {
		this.get(container, name);
		this.#stored.delete(`${container}/${name}`);
		await this.#bytes.remove(`${container}/${name}`);
	}
}

async function* one(body: Uint8Array): AsyncGenerator<Uint8Array> {
	yield body;
}

/** @throws IotHubError ArgumentInvalid */
export function requireName(name: string): void {
	const segments = name.split('/');
	const fine = name.length <= 1024 && segments.length <= 254;
	if (fine && segments.every((segment) => segment !== '' && segment.length < 80)) return;
	throw new IotHubError('ArgumentInvalid', 'The name of the blob is empty or too long.');
}

function blockFolder(container: string, name: string): string {
	return `${blocks}/${fingerprint(`${container}/${name}`)}`;
}

function fingerprint(text: string): string {
	return createHash('sha256').update(text).digest('hex');
}

function isMissing(error: unknown): boolean {
	return error instanceof RangeError || (error as NodeJS.ErrnoException).code === 'ENOENT';
}
