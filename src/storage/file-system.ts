import { mkdir, open, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';

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

/** The few things that a message log asks of a file system, so that tests can make them fail. */
export interface FileSystem {
	makeFolder(folder: string): Promise<void>;
	/** Names in a folder. */
	list(folder: string): Promise<string[]>;
	/** `create` empties a file that exists. */
	open(path: string, mode: 'read' | 'update' | 'create'): Promise<StoredFile>;
	/** Replaces a file that exists. */
	rename(from: string, to: string): Promise<void>;
	/** Nothing happens when there is no such file. */
	remove(path: string): Promise<void>;
	/** Bytes that this process may still write to the volume of a folder. */
	freeBytes(folder: string): Promise<number>;
	/** Makes names of new, renamed and removed files durable. */
	syncFolder(folder: string): Promise<void>;
}

const flags = { read: 'r', update: 'r+', create: 'w+' } as const;

/** The file system of this machine. */
export const nodeFileSystem: FileSystem = {
	makeFolder: async (folder) => {
		await mkdir(folder, { recursive: true, mode: 0o700 });
		await syncFolder(join(folder, '..'));
	},
	list: (folder) => readdir(folder),
	open: async (path, mode) => {
		const handle = await open(path, flags[mode], 0o600);
		return {
			read: async (target, position) => {
				let done = 0;
				while (done < target.byteLength) {
					const rest = target.byteLength - done;
					const { bytesRead } = await handle.read(target, done, rest, position + done);
					if (bytesRead === 0) break;
					done += bytesRead;
				}
				return done;
			},
			write: async (data, position) => {
				let done = 0;
				while (done < data.byteLength) {
					const rest = data.byteLength - done;
					const { bytesWritten } = await handle.write(data, done, rest, position + done);
					done += bytesWritten;
				}
			},
			sync: () => handle.datasync(),
			truncate: (size) => handle.truncate(size),
			size: async () => (await handle.stat()).size,
			close: () => handle.close(),
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
