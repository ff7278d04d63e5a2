import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseManifest, readManifest } from '../manifest/manifest.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../runtime/json.ts';
import { requireManifest, requireSoundContent } from './content-check.ts';

/** A module of an edge for tests, in short. */
export interface TestModule {
	/** Folder with its sources. */
	readonly folder?: string | URL;
	/** Image, looked for as `dev` does; instead of a folder. */
	readonly image?: string;
	readonly env?: Readonly<Record<string, string>>;
	readonly createOptions?: JsonObject;
	readonly restartPolicy?: 'always' | 'on-unhealthy' | 'on-failure' | 'never';
	/** Desired properties of its twin. */
	readonly desired?: JsonObject;
}

/** What an edge for tests runs. */
export interface EdgeContentOptions {
	/** A whole deployment manifest, or its file. `modules` and `routes` come on top of it. */
	readonly manifest?: string | URL | JsonObject;
	/** By name; a folder alone is enough. */
	readonly modules?: Readonly<Record<string, TestModule | string | URL>>;
	/**
	 * Routes by name, or without names. Default, when there is no manifest: everything that a module
	 * sends goes to IoT Hub.
	 */
	readonly routes?: Readonly<Record<string, string>> | readonly string[];
	/** Folders to look for images in, besides the folder of the manifest. */
	readonly moduleRoots?: readonly (string | URL)[];
}

/** A manifest's sections, with where its images are looked for. */
export interface EdgeContent {
	/** Desired properties of each module, `$edgeAgent` and `$edgeHub` included. */
	readonly desired: ReadonlyMap<string, JsonObject>;
	readonly moduleRoots: readonly string[];
	/** Names of the modules. */
	readonly modules: readonly string[];
}

/** @throws Error with everything that is wrong: with the manifest, a folder, a route */
export async function edgeContent(options: EdgeContentOptions): Promise<EdgeContent> {
	const { manifest, modules = {}, routes, moduleRoots = [] } = options;
	const roots = new Set(moduleRoots.map(pathOf));
	const desired = new Map<string, JsonObject>(await manifestSections(manifest, roots));
	const agent = structuredClone(desired.get('$edgeAgent') ?? emptyDeployment());
	const hub = structuredClone(desired.get('$edgeHub') ?? emptyHub());
	const defaults = manifest === undefined ? { upstream: 'FROM /messages/* INTO $upstream' } : {};
	hub['routes'] = { ...objectAt(hub, 'routes'), ...namedRoutes(routes ?? defaults) };
	const authored: JsonObject = { ...objectAt(agent, 'modules') };
	for (const [name, given] of Object.entries(modules)) {
		const module = typeof given === 'string' || given instanceof URL ? { folder: given } : given;
		if (module.folder !== undefined) requireModule(name, pathOf(module.folder));
		authored[name] = moduleJson(name, module, roots);
		if (module.desired !== undefined) desired.set(name, module.desired);
	}
	agent['modules'] = authored;
	desired.set('$edgeAgent', withoutHubPod(agent)).set('$edgeHub', hub);
	requireSoundContent(desired);
	return { desired, moduleRoots: [...roots], modules: Object.keys(authored) };
}

async function manifestSections(
	manifest: EdgeContentOptions['manifest'],
	roots: Set<string>,
): Promise<[string, JsonObject][]> {
	if (manifest === undefined) return [];
	if (isFile(manifest)) roots.add(dirname(pathOf(manifest)));
	const read = isFile(manifest)
		? parseManifest(await readFile(manifest, 'utf8'), { file: basename(pathOf(manifest)) })
		: readManifest(manifest);
	requireManifest(read.problems);
	const { agent, hub, twins } = read.manifest ?? {};
	return [
		...(agent === undefined ? [] : [['$edgeAgent', agent.desired] satisfies [string, JsonObject]]),
		...(hub === undefined ? [] : [['$edgeHub', hub.desired] satisfies [string, JsonObject]]),
		...[...(twins ?? [])].map(([name, twin]): [string, JsonObject] => [name, twin.desired]),
	];
}

function namedRoutes(routes: NonNullable<EdgeContentOptions['routes']>): Record<string, string> {
	return Object.fromEntries(Object.entries(routes).map(([name, route]) => [nameOf(name), route]));
}

/** Routes that were given without names are numbered. */
function nameOf(key: string): string {
	return /^\d+$/.test(key) ? `route${key}` : key;
}

function isFile(manifest: EdgeContentOptions['manifest']): manifest is string | URL {
	return typeof manifest === 'string' || manifest instanceof URL;
}

/** A folder that is none would be looked for as an image, in vain and for long. */
function requireModule(name: string, folder: string): void {
	const stats = statSync(folder, { throwIfNoEntry: false });
	if (stats?.isDirectory() !== true) {
		throw new Error(`The module ${name}: there is no folder ${folder}.`);
	}
	if (!existsSync(join(folder, 'package.json'))) {
		throw new Error(`The module ${name}: the folder ${folder} has no package.json.`);
	}
}

function moduleJson(name: string, module: TestModule, roots: Set<string>): JsonObject {
	const { folder, image, env = {}, createOptions = {}, restartPolicy = 'always' } = module;
	if (folder === undefined && image === undefined) {
		throw new Error(`The module ${name} needs a folder or an image.`);
	}
	if (folder !== undefined) roots.add(dirname(pathOf(folder)));
	const variables = Object.entries(env).map(([key, value]) => [key, { value }] as const);
	return {
		type: 'docker',
		version: '1.0',
		status: 'running',
		restartPolicy,
		env: Object.fromEntries(variables),
		settings: {
			image: image ?? basename(pathOf(folder ?? '')),
			createOptions: JSON.stringify(createOptions),
		},
	};
}

/** The hub runs in the test's process: its pod is not wanted, its Service is. */
function withoutHubPod(agent: JsonObject): JsonObject {
	const systemModules = objectAt(agent, 'systemModules');
	const { edgeHub: anyHub } = objectAt(emptyDeployment(), 'systemModules');
	const edgeHub = {
		...(anyHub as JsonObject),
		...objectAt(systemModules, 'edgeHub'),
		status: 'stopped',
	};
	return { ...agent, systemModules: { ...systemModules, edgeHub } };
}

function emptyDeployment(): JsonObject {
	return {
		schemaVersion: '1.1',
		runtime: { type: 'docker', settings: { minDockerVersion: 'v1.25' } },
		systemModules: {
			edgeAgent: {
				type: 'docker',
				settings: { image: 'mcr.microsoft.com/azureiotedge-agent:1.5', createOptions: '{}' },
			},
			edgeHub: {
				type: 'docker',
				status: 'running',
				restartPolicy: 'always',
				settings: { image: 'mcr.microsoft.com/azureiotedge-hub:1.5', createOptions: '{}' },
			},
		},
		modules: {},
	};
}

function emptyHub(): JsonObject {
	return {
		schemaVersion: '1.1',
		routes: {},
		storeAndForwardConfiguration: { timeToLiveSecs: 7200 },
	};
}

function objectAt(object: JsonObject, name: string): JsonObject {
	const value: JsonValue | undefined = object[name];
	return isJsonObject(value) ? value : {};
}

function pathOf(path: string | URL): string {
	return resolve(path instanceof URL ? fileURLToPath(path) : path);
}
