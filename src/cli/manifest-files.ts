import { readdir, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { EdgeError } from '../runtime/edge-error.ts';

/** What lies among manifests and is none. */
const otherJson = /^(module|package|package-lock|tsconfig|launch|settings|tasks|extensions)\.json$/;
const otherFolder = /^(node_modules|\.[^.].*)$/;

/**
 * The manifests that a command line names: files as they are, folders as all JSON files below them
 * but those that tools keep beside manifests (`module.json`, `package.json`, what hidden folders hold).
 *
 * @throws EdgeError EDGE_FILE_UNREADABLE
 */
export async function manifestFiles(paths: readonly string[]): Promise<string[]> {
	const files: string[] = [];
	for (const path of paths) {
		try {
			files.push(...((await isFolder(path)) ? await jsonFilesIn(path) : [path]));
		} catch (cause) {
			throw new EdgeError('EDGE_FILE_UNREADABLE', 'It cannot be read.', { where: path, cause });
		}
	}
	return files;
}

/** Whether a path is that of a folder. @throws when there is nothing */
export async function isFolder(path: string): Promise<boolean> {
	return (await stat(path)).isDirectory();
}

async function jsonFilesIn(folder: string): Promise<string[]> {
	const entries = await readdir(folder, { recursive: true });
	return entries
		.filter((entry) => isManifestName(entry.split(sep)))
		.sort()
		.map((entry) => join(folder, entry));
}

function isManifestName(parts: readonly string[]): boolean {
	const name = parts.at(-1) ?? '';
	if (!name.endsWith('.json') || otherJson.test(name)) return false;
	return !parts.slice(0, -1).some((part) => otherFolder.test(part));
}
