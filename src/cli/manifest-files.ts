import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgeError } from '../runtime/edge-error.ts';

/**
 * The manifests that a command line names: files as they are, folders as all JSON files below them.
 *
 * @throws EdgeError EDGE_FILE_UNREADABLE
 */
export async function manifestFiles(paths: readonly string[]): Promise<string[]> {
	const files: string[] = [];
	for (const path of paths) {
		try {
			files.push(...((await stat(path)).isDirectory() ? await jsonFilesIn(path) : [path]));
		} catch (cause) {
			throw new EdgeError('EDGE_FILE_UNREADABLE', 'It cannot be read.', { where: path, cause });
		}
	}
	return files;
}

async function jsonFilesIn(folder: string): Promise<string[]> {
	const entries = await readdir(folder, { recursive: true });
	const files = entries.filter((entry) => entry.endsWith('.json') && !/node_modules/.test(entry));
	return files.sort().map((entry) => join(folder, entry));
}
