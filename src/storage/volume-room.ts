import type { FileSystem } from './file-system.ts';

/**
 * Bytes of the volume that messages leave to everything else: the key-value store keeps twins,
 * sessions and identities there, and a program whose store cannot write does not even start, so
 * that it could never deliver what fills the volume.
 */
const reserve = 8 * 1024 * 1024;

/** Bytes that are written before the volume is looked at again. */
const trusted = 16 * 1024 * 1024;

/** Whether a volume has room for messages; asks the file system now and then only. */
export class VolumeRoom {
	readonly #files: FileSystem;
	readonly #folder: string;
	#known = 0;

	constructor(files: FileSystem, folder: string) {
		this.#files = files;
		this.#folder = folder;
	}

	/** Whether so many bytes may be written. */
	async has(bytes: number): Promise<boolean> {
		if (bytes <= this.#known) return true;
		const free = (await this.#files.freeBytes(this.#folder)) - reserve;
		this.#known = Math.min(free, trusted);
		return bytes <= free;
	}

	/** So many bytes have been written. */
	spend(bytes: number): void {
		this.#known -= bytes;
	}

	/** A write has failed: others may have filled the volume. */
	doubt(): void {
		this.#known = 0;
	}
}
