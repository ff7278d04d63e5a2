import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { EdgeError } from '../runtime/edge-error.ts';

/** What lies among manifests and is none. */
const otherJson = /^(module|package|package-lock|tsconfig|launch|settings|tasks|extensions)\.json$/;
const otherFolder = /^(node_modules|\.[^.].*)$/;

/**
 * The manifests that a command line names: files as they are, folders as all JSON files below them
 * but those that tools keep beside manifests (`module.json`, `package.json`, what hidden folders hold).
 *
 * @throws EdgeError EDGE_FILE_UNREADABLE, also where there is no file at all
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
	if (files.length > 0) return files;
	const message = 'There is no JSON file in it.';
	throw new EdgeError('EDGE_FILE_UNREADABLE', message, { where: paths.join(', ') });
}

/** Whether a path is that of a folder. @throws when there is nothing */
export async function isFolder(path: string): Promise<boolean> {
	return (await stat(path)).isDirectory();
}

async function jsonFilesIn(folder: string): Promise<string[]> {
	const entries = await readdir(folder, { recursive: true, withFileTypes: true });
	return entries
		.filter((entry) => !entry.isDirectory())
		.map(({ parentPath, name }) => relative(folder, join(parentPath, name)))
		.filter((path) => isManifestName(path.split(sep)))
		.sort()
		.map((path) => join(folder, path));
}

function isManifestName(parts: readonly string[]): boolean {
	const name = parts.at(-1) ?? '';
	if (!name.endsWith('.json') || otherJson.test(name)) return false;
	return !parts.slice(0, -1).some((part) => otherFolder.test(part));
}
