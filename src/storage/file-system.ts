import fs, { constants } from 'node:fs';
import { mkdir, open, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** An open file. */
export interface StoredFile {
	/** Fills `target` from `position`; returns fewer bytes only at the end of the file. */
	read(target: Uint8Array, position: number): Promise<number>;
	/** Writes all of `data`. A failure may leave a part of it in the file. */
	write(data: Uint8Array, position: number): Promise<void>;
	/** Returns when everything written is on the disk (fdatasync). */
	sync(): Promise<void>;
	truncate(size: number): Promise<void>;
	size(): Promise<number>;
	close(): Promise<void>;
}

export type OpenMode = 'read' | 'update' | 'create';
export type Durability = 'on sync' | 'on write';

/** The few things that a message log asks of a file system, so that tests can make them fail. */
export interface FileSystem {
	makeFolder(folder: string): Promise<void>;
	/** Names in a folder. */
	list(folder: string): Promise<string[]>;
	/**
	 * `create` empties a file that exists.
	 * @param durability what is written is on the disk after the next `sync` (default), or already when
	 * `write` returns: one operation instead of two for those who always sync. `sync` costs nothing then.
	 */
	open(path: string, mode: OpenMode, durability?: Durability): Promise<StoredFile>;
	/** Replaces a file that exists. */
	rename(from: string, to: string): Promise<void>;
	/** Nothing happens when there is no such file. */
	remove(path: string): Promise<void>;
	/** Bytes that this process may still write to the volume of a folder. */
	freeBytes(folder: string): Promise<number>;
	/** Makes names of new, renamed and removed files durable. */
	syncFolder(folder: string): Promise<void>;
}

const { O_RDONLY, O_RDWR, O_CREAT, O_TRUNC } = constants;
const flags = { read: O_RDONLY, update: O_RDWR, create: O_RDWR | O_CREAT | O_TRUNC } as const;

// Not the promises of Node.js, which cost more than the operations themselves.
const openFile = promisify(fs.open);
const readFile = promisify(fs.read);
const writeFile = promisify(fs.write);
const syncFile = promisify(fs.fdatasync);
const truncateFile = promisify(fs.ftruncate);
const statFile = promisify(fs.fstat);
const closeFile = promisify(fs.close);

/** The file system of this machine. */
export const nodeFileSystem: FileSystem = {
	makeFolder: async (folder) => {
		await mkdir(folder, { recursive: true, mode: 0o700 });
		await syncFolder(join(folder, '..'));
	},
	list: (folder) => readdir(folder),
	open: async (path, mode, durability = 'on sync') => {
		const durable = durability === 'on write';
		const file = await openFile(path, flags[mode] | (durable ? constants.O_DSYNC : 0), 0o600);
		let cut = false;
		return {
			read: async (target, position) => {
				let done = 0;
				while (done < target.byteLength) {
					const rest = target.byteLength - done;
					const { bytesRead } = await readFile(file, target, done, rest, position + done);
					if (bytesRead === 0) break;
					done += bytesRead;
				}
				return done;
			},
			write: async (data, position) => {
				let done = 0;
				while (done < data.byteLength) {
					const rest = data.byteLength - done;
					const { bytesWritten } = await writeFile(file, data, done, rest, position + done);
					done += bytesWritten;
				}
			},
			sync: async () => {
				if (durable && !cut) return;
				await syncFile(file);
				cut = false;
			},
			truncate: async (size) => {
				cut = true;
				await truncateFile(file, size);
			},
			size: async () => (await statFile(file)).size,
			close: () => closeFile(file),
		};
	},
	rename,
	remove: (path) => rm(path, { force: true }),
	freeBytes: async (folder) => {
		const { bavail, bsize } = await statfs(folder);
		return bavail * bsize;
	},
	syncFolder,
};

async function syncFolder(folder: string): Promise<void> {
	const handle = await open(folder, 'r');
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
}
