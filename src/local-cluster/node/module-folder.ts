import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import { type ImageConfig, readDockerfile } from './dockerfile.ts';

/** How an image runs on this machine when the container does not say otherwise. */
export interface ModuleImage extends ImageConfig {
	/** The folder with the module's files; becomes the working directory. */
	readonly folder: string;
}

/** Files that may be a module's program, when nothing else says which. */
const usualPrograms = ['app.js', 'main.ts', 'main.js', 'index.js', 'index.ts', 'app.ts'];

/**
 * Finds how the module in a folder is started: `main` of package.json, its script `start`, the
 * Dockerfile, or a file of a usual name. An image whose command is not found can still run a
 * container that brings its own.
 */
export async function readModuleFolder(folder: string): Promise<ModuleImage> {
	const manifest = await readJson(join(folder, 'package.json'));
	const docker = await dockerfileOf(folder);
	const started = (await programOf(folder, manifest)) ?? scriptOf(manifest);
	if (started !== undefined) return { ...docker, folder, entrypoint: started, command: [] };
	if (docker.entrypoint.length > 0 || docker.command.length > 0) return { ...docker, folder };
	const file = await firstFile(folder, usualPrograms);
	const entrypoint = file === undefined ? [] : ['node', file];
	return { ...docker, folder, entrypoint, command: [] };
}

/** The JSON object in a file; `undefined` when there is none. */
export async function readJson(file: string): Promise<JsonObject | undefined> {
	try {
		const value: unknown = JSON.parse(await readFile(file, 'utf8'));
		return isJsonObject(value) ? value : undefined;
	} catch {
		return undefined;
	}
}

async function programOf(folder: string, manifest?: JsonObject): Promise<string[] | undefined> {
	if (manifest === undefined) return undefined;
	const { main } = manifest;
	const candidates = typeof main === 'string' ? programNames(main) : ['index.js', 'index.ts'];
	const file = await firstFile(folder, candidates);
	return file === undefined ? undefined : ['node', file];
}

/** What Node would try for a `main`, and the same with TypeScript. */
function programNames(main: string): string[] {
	const bare = main.replace(/^\.\//, '');
	return [bare, `${bare}.js`, `${bare}.ts`, `${bare}/index.js`, `${bare}/index.ts`];
}

function scriptOf(manifest: JsonObject | undefined): string[] | undefined {
	const scripts = manifest?.['scripts'];
	const start = isJsonObject(scripts) ? scripts['start'] : undefined;
	return typeof start === 'string' ? ['/bin/sh', '-c', start] : undefined;
}

async function dockerfileOf(folder: string): Promise<ImageConfig> {
	const names = (await readdir(folder)).filter((name) => /^Dockerfile(\.|$)/i.test(name));
	const preferred = ['Dockerfile', `Dockerfile.${architecture()}`, ...names.sort()];
	const name = preferred.find((candidate) => names.includes(candidate));
	return readDockerfile(name === undefined ? '' : await readFile(join(folder, name), 'utf8'));
}

function architecture(): string {
	const names: Readonly<Record<string, string>> = {
		x64: 'amd64',
		arm64: 'arm64v8',
		arm: 'arm32v7',
	};
	return names[process.arch] ?? process.arch;
}

async function firstFile(folder: string, names: readonly string[]): Promise<string | undefined> {
	for (const name of names) {
		try {
			await access(join(folder, name));
			if (/\.[cm]?[jt]s$/.test(name)) return name;
		} catch {
			// The next name.
		}
	}
	return undefined;
}
