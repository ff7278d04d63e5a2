import { chmod, mkdir, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize } from 'node:path';

/** One file of a volume. */
export interface VolumeFile {
	readonly data: Buffer;
	/** Permission bits. */
	readonly mode: number;
}

/** Files of a volume by their path within it. */
export type VolumeFiles = ReadonlyMap<string, VolumeFile>;

const dataLink = '..data';

/**
 * Replaces all files of a folder at once, as Kubernetes does for ConfigMap volumes: the files are
 * links through `..data`, which is one link that is renamed over. Programs that watch `..data` or
 * read while the files change see the old or the new state, never a mixture.
 */
export async function writeAtomically(folder: string, files: VolumeFiles): Promise<void> {
	await mkdir(folder, { recursive: true });
	const version = `..${process.hrtime.bigint().toString(36)}`;
	for (const [path, { data, mode }] of files) {
		const target = join(folder, version, safePath(path));
		await mkdir(dirname(target), { recursive: true });
		await writeFile(target, data);
		await chmod(target, mode);
	}
	await mkdir(join(folder, version), { recursive: true });
	const previous = await readlink(join(folder, dataLink)).catch(() => undefined);
	await symlink(version, join(folder, `${dataLink}_new`));
	await rename(join(folder, `${dataLink}_new`), join(folder, dataLink));
	await linkNames(folder, files);
	if (previous !== undefined) await rm(join(folder, previous), { recursive: true, force: true });
}

/** Makes one link in the folder for each first part of a path, and removes those of old files. */
async function linkNames(folder: string, files: VolumeFiles): Promise<void> {
	const names = new Set([...files.keys()].map((path) => safePath(path).split('/')[0] ?? ''));
	const existing = new Set(await readdir(folder));
	for (const name of names) {
		if (!existing.has(name)) await symlink(join(dataLink, name), join(folder, name));
	}
	for (const name of existing) {
		if (!name.startsWith('..') && !names.has(name)) await rm(join(folder, name));
	}
}

/** The API server refuses such paths; a file outside the volume must still be impossible. */
function safePath(path: string): string {
	const normal = normalize(path);
	if (isAbsolute(normal) || normal.startsWith('..'))
		throw new Error(`path ${path} leaves the volume`);
	return normal;
}
