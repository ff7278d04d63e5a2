import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Where the bytes of blobs are kept. Names have the form `container/path/of/the/blob`. */
export interface BlobBytes {
	/** Takes the place of what was there. @returns how many bytes there are */
	write(name: string, parts: AsyncIterable<Uint8Array>): Promise<number>;
	/** @throws Error of the system when there is none */
	read(name: string): AsyncIterable<Uint8Array>;
	/** Removing what is not there does nothing. */
	remove(name: string): Promise<void>;
}

/** Blobs as files of a folder, under their own names, so that people find them. */
export class FileBlobBytes implements BlobBytes {
	readonly #folder: string;

	constructor(folder: string) {
		this.#folder = folder;
	}

	async write(name: string, parts: AsyncIterable<Uint8Array>): Promise<number> {
		const path = this.#path(name);
		await mkdir(dirname(path), { recursive: true, mode: 0o700 });
		const unfinished = `${path}~${randomUUID()}`;
		const file = await open(unfinished, 'w', 0o600);
		let size = 0;
		try {
			for await (const part of parts) {
				await file.writeFile(part);
				size += part.length;
			}
			await file.sync();
		} finally {
			await file.close();
		}
		await rename(unfinished, path);
		return size;
	}

	read(name: string): AsyncIterable<Uint8Array> {
		return createReadStream(this.#path(name));
	}

	async remove(name: string): Promise<void> {
		await rm(this.#path(name), { recursive: true, force: true });
	}

	/** No segment of a name leads out of the folder, or to a file that is being written. */
	#path(name: string): string {
		const segments = name.split('/').map((segment) =>
			encodeURIComponent(segment)
				.replaceAll('~', '%7E')
				.replace(/^\.+$/, (dots) => '%2E'.repeat(dots.length)),
		);
		return join(this.#folder, ...segments.map((segment) => segment || '%'));
	}
}

/** Blobs that live as long as the process. */
export class MemoryBlobBytes implements BlobBytes {
	readonly #blobs = new Map<string, Uint8Array>();

	async write(name: string, parts: AsyncIterable<Uint8Array>): Promise<number> {
		const chunks: Uint8Array[] = [];
		for await (const part of parts) chunks.push(part);
		const bytes = Buffer.concat(chunks);
		this.#blobs.set(name, bytes);
		return bytes.length;
	}

	async *read(name: string): AsyncGenerator<Uint8Array> {
		const bytes = this.#blobs.get(name);
		if (bytes === undefined) throw new RangeError(`There is no blob ${name}.`);
		yield bytes;
	}

	async remove(name: string): Promise<void> {
		for (const key of [...this.#blobs.keys()]) {
			if (key === name || key.startsWith(`${name}/`)) this.#blobs.delete(key);
		}
	}
}
