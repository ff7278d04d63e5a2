import {
	type Durability,
	type FileSystem,
	nodeFileSystem,
	type OpenMode,
	type StoredFile,
} from '../../src/storage/file-system.ts';

/** The file system of this machine, with a disk that can be filled and broken. */
export class FaultyFileSystem implements FileSystem {
	/** Bytes by which files may still grow; a write that does not fit is written in part. */
	free = Number.POSITIVE_INFINITY;
	/** Fails the coming syncs with EIO. */
	failSyncs = false;
	syncs = 0;
	/** What the volume says it has left; infinite for one that fills up without a warning. */
	reportedFree = Number.POSITIVE_INFINITY;
	readonly #files = new Set<StoredFile>();
	#crashed = false;

	makeFolder = nodeFileSystem.makeFolder;
	list = nodeFileSystem.list;
	syncFolder = nodeFileSystem.syncFolder;
	freeBytes = async () => this.reportedFree;

	/** Called before a file is renamed. */
	beforeRename: () => void = () => {};

	async rename(from: string, to: string): Promise<void> {
		this.beforeRename();
		await nodeFileSystem.rename(from, to);
	}

	/** Ends everything that is under way, as if the process were killed. */
	async crash(): Promise<void> {
		this.#crashed = true;
		for (const file of this.#files) await file.close();
	}

	async remove(path: string): Promise<void> {
		if (this.#crashed) throw systemError('EIO');
		const size = await sizeOf(path);
		await nodeFileSystem.remove(path);
		this.free += size;
	}

	async open(path: string, mode: OpenMode, durability?: Durability): Promise<StoredFile> {
		if (this.#crashed) throw systemError('EIO');
		const file = await nodeFileSystem.open(path, mode, durability);
		if (this.#crashed) {
			await file.close();
			throw systemError('EIO');
		}
		this.#files.add(file);
		return {
			read: file.read,
			size: file.size,
			close: async () => {
				if (this.#files.delete(file)) await file.close();
			},
			write: (data, position) => this.#write(file, data, position),
			truncate: async (size) => {
				this.free += (await file.size()) - size;
				await file.truncate(size);
			},
			sync: async () => {
				if (this.failSyncs) throw systemError('EIO');
				this.syncs += 1;
				await file.sync();
			},
		};
	}

	async #write(file: StoredFile, data: Uint8Array, position: number): Promise<void> {
		const growth = Math.max(0, position + data.byteLength - (await file.size()));
		if (growth <= this.free) {
			this.free -= growth;
			await file.write(data, position);
			return;
		}
		const part = data.byteLength - (growth - this.free);
		this.free = 0;
		if (part > 0) await file.write(data.subarray(0, part), position);
		throw systemError('ENOSPC');
	}
}

async function sizeOf(path: string): Promise<number> {
	const file = await nodeFileSystem.open(path, 'read').catch(() => undefined);
	const size = await file?.size();
	await file?.close();
	return size ?? 0;
}

function systemError(code: string): Error {
	return Object.assign(new Error(`${code}: as the test asked`), { code });
}
