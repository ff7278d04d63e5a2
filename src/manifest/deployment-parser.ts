import {
	isJsonObject,
	type JsonObject,
	type JsonValue,
	jsonText,
	wellFormed,
} from '../runtime/json.ts';
import { canonicalMembers, type Spelling } from './canonical-members.ts';
import { joinChunks, readCreateOptions } from './create-options-text.ts';
import type {
	Deployment,
	ModuleDeployment,
	RegistryCredential,
	RestartPolicy,
} from './deployment.ts';
import { deploymentSchema } from './deployment-schema.ts';
import { normaliseImage, pinnedImage } from './image-name.ts';
import { memberPath } from './json-path.ts';
import { readEnvironment } from './module-environment.ts';
import { moduleNameProblem } from './module-name.ts';
import type { DeploymentStatusCode, Problem } from './problem.ts';
import { schemaProblems } from './schema-problems.ts';
import { isSupportedVersion } from './schema-version.ts';

/** A deployment, or why there is none. Without a deployment the running one stays. */
export interface ParsedDeployment {
	readonly deployment?: Deployment;
	readonly problems: readonly Problem[];
	/** 200, or what the agent reports: 400 format, 412 schema version, 417 empty. */
	readonly statusCode: DeploymentStatusCode;
}

const latestOrder = 4294967295;
/** What no address of a registry has; `$upstream` is the parent of a nested device. */
const placeholder = /[<{]|\$(?!upstream\b)/i;
const validate = schemaProblems(deploymentSchema);

const moduleSpelling: Spelling = {
	type: null,
	status: null,
	restartPolicy: null,
	imagePullPolicy: null,
	version: null,
	startupOrder: null,
	env: null,
	settings: { image: null, digest: null, createOptions: null },
};
const spelling: Spelling = {
	schemaVersion: null,
	runtime: {
		type: null,
		settings: {
			minDockerVersion: null,
			loggingOptions: null,
			registryCredentials: { '*': { address: null, username: null, password: null } },
		},
	},
	systemModules: { edgeAgent: moduleSpelling, edgeHub: moduleSpelling },
	modules: { '*': moduleSpelling },
	integrity: null,
};

/**
 * Reads the desired properties of `$edgeAgent`. Problems of every part are reported together; one
 * error is enough to refuse the whole, as a deployment without its faulty module would remove what
 * runs under that module's name.
 *
 * @param options.path JSON path of the properties within their document.
 * @param options.layered Whether they only add to a base deployment, and need no schema version.
 */
export function parseDeployment(
	desired: JsonObject,
	{ path = '$', layered = false }: { readonly path?: string; readonly layered?: boolean } = {},
): ParsedDeployment {
	// Members of twins never begin with a dollar sign, but for what the runtime adds.
	const members = Object.entries(desired).filter(([name]) => !name.startsWith('$'));
	const properties = Object.fromEntries(members);
	if (Object.values(properties).every((value) => value === null || value === undefined)) {
		const empty = problem('EDGE_MANIFEST_EMPTY', path, 'There is no deployment.');
		return refuse(417, [{ ...empty, remedy: 'Set a deployment manifest for the device.' }]);
	}
	const document = lowerWords(canonicalMembers(wellFormed(properties), spelling));
	const version = document['schemaVersion'] ?? (layered ? '1.1' : undefined);
	const supported = isSupportedVersion(version, '$edgeAgent');
	const problems = supported ? [] : [versionProblem(version, memberPath(path, 'schemaVersion'))];
	addNew(problems, validate(document, path));
	const found: Problem[] = [];
	const deployment: Deployment = {
		schemaVersion: jsonText(version),
		runtime: objectAt(document, 'runtime'),
		registryCredentials: readCredentials(document, path, found),
		modules: readModules(document, path, found),
	};
	addNew(problems, found);
	if (isRefused(problems)) return refuse(supported ? 400 : 412, problems);
	return { deployment, problems, statusCode: 200 };
}

function versionProblem(version: JsonValue | undefined, path: string): Problem {
	const text = version === undefined ? 'is missing' : `is ${JSON.stringify(version)}`;
	const message = `The schema version ${text}; 1.0 and 1.1 are read.`;
	return problem('EDGE_SCHEMA_VERSION', path, message);
}

/** Adds problems of places for which none is known yet: one fault is told once. */
function addNew(problems: Problem[], more: readonly Problem[]): void {
	const places = new Set(problems.map(({ path }) => path));
	problems.push(...more.filter(({ path }) => !places.has(path)));
}

function refuse(statusCode: DeploymentStatusCode, problems: readonly Problem[]): ParsedDeployment {
	return { problems, statusCode };
}

function isRefused(problems: readonly Problem[]): boolean {
	return problems.some(({ severity }) => severity === 'error');
}

function readModules(document: JsonObject, root: string, problems: Problem[]): ModuleDeployment[] {
	const system = objectAt(document, 'systemModules');
	const systemPath = memberPath(root, 'systemModules');
	const modules: ModuleDeployment[] = [];
	for (const name of ['edgeAgent', 'edgeHub']) {
		const entry = system[name];
		if (isJsonObject(entry)) modules.push(readModule(name, entry, true, systemPath, problems));
	}
	const modulesPath = memberPath(root, 'modules');
	for (const [name, entry] of Object.entries(objectAt(document, 'modules'))) {
		const fault = moduleNameProblem(name, memberPath(modulesPath, name));
		if (fault !== undefined) problems.push(fault);
		else if (isJsonObject(entry)) {
			modules.push(readModule(name, entry, false, modulesPath, problems));
		}
	}
	return modules;
}

function readModule(
	name: string,
	entry: JsonObject,
	system: boolean,
	parent: string,
	problems: Problem[],
): ModuleDeployment {
	const path = memberPath(parent, name);
	const settings = objectAt(entry, 'settings');
	const found: Problem[] = [];
	const order = entry['startupOrder'];
	const module: ModuleDeployment = {
		name,
		system,
		path,
		version: jsonText(entry['version'] ?? ''),
		status: entry['status'] === 'stopped' ? 'stopped' : 'running',
		restartPolicy: restartPolicyOf(entry, system),
		imagePullPolicy: entry['imagePullPolicy'] === 'never' ? 'never' : 'on-create',
		startupOrder: name === 'edgeAgent' && system ? 0 : Number(jsonText(order ?? latestOrder)),
		image: imageOf(settings, memberPath(path, 'settings'), found),
		createOptions: createOptionsOf(settings, memberPath(path, 'settings'), found),
		env: readEnvironment(objectAt(entry, 'env'), memberPath(path, 'env'), found),
	};
	problems.push(...found.map((one) => ({ ...one, module: name })));
	return module;
}

/** The image, pinned where `digest` says which one it must be. */
function imageOf(settings: JsonObject, path: string, problems: Problem[]): string {
	const image = normaliseImage(jsonText(settings['image']));
	if (image === undefined) {
		const place = memberPath(path, 'image');
		problems.push(problem('EDGE_IMAGE_INVALID', place, 'This is not the name of an image.'));
		return '';
	}
	const digest = text(settings['digest']).trim();
	if (digest === '') return image;
	const pinned = pinnedImage(jsonText(settings['image']), digest);
	if (pinned !== undefined) return pinned;
	const message = `"${digest.slice(0, 80)}" is no digest, or the image names another one.`;
	problems.push(problem('EDGE_IMAGE_INVALID', memberPath(path, 'digest'), message));
	return image;
}

function restartPolicyOf(entry: JsonObject, system: boolean): RestartPolicy {
	const policy = entry['restartPolicy'];
	if (typeof policy === 'string') return policy as RestartPolicy;
	return system ? 'always' : 'on-unhealthy';
}

function createOptionsOf(settings: JsonObject, path: string, problems: Problem[]): JsonObject {
	const place = memberPath(path, 'createOptions');
	const joined = joinChunks(settings);
	if ('error' in joined) {
		const message = `createOptions cannot be read: ${joined.error}`;
		problems.push(problem('EDGE_CREATE_OPTIONS_INVALID', place, message));
		return {};
	}
	const read = readCreateOptions(joined.value, place);
	problems.push(...read.problems);
	return read.options;
}

function readCredentials(
	document: JsonObject,
	root: string,
	problems: Problem[],
): ReadonlyMap<string, RegistryCredential> {
	const path = `${root}.runtime.settings.registryCredentials`;
	const settings = objectAt(objectAt(document, 'runtime'), 'settings');
	const credentials = new Map<string, RegistryCredential>();
	for (const [name, entry] of Object.entries(objectAt(settings, 'registryCredentials'))) {
		if (!isJsonObject(entry)) continue;
		const { address, username, password } = entry;
		const parts = {
			address: text(address).trim(),
			username: text(username),
			password: text(password),
		};
		if (Object.values(parts).every((part) => part !== '')) {
			credentials.set(name, parts);
			if (placeholder.test(parts.address)) {
				problems.push(
					placeholderAddress(memberPath(memberPath(path, name), 'address'), parts.address),
				);
			}
			continue;
		}
		problems.push({
			severity: 'warning',
			code: 'EDGE_MANIFEST_FORM',
			path: memberPath(path, name),
			message: 'This registry credential lacks address, username or password; it is not used.',
			remedy: 'Complete or remove it.',
		});
	}
	return credentials;
}

function placeholderAddress(path: string, address: string): Problem {
	return {
		severity: 'warning',
		code: 'EDGE_MANIFEST_FORM',
		path,
		message: `"${address.slice(0, 80)}" is no address of a registry. An unresolved placeholder?`,
		remedy: 'Fill it in, or name the file *.template.json.',
	};
}

/** The members whose values are words, whatever their case: `"Running"` is `"running"`. */
function lowerWords(document: JsonObject): JsonObject {
	const modules = ['systemModules', 'modules'].flatMap((group) => {
		return Object.values(objectAt(document, group)).filter(isJsonObject);
	});
	for (const module of modules) {
		for (const name of ['type', 'status', 'restartPolicy', 'imagePullPolicy']) {
			const value = module[name];
			if (typeof value === 'string') module[name] = value.toLowerCase();
		}
	}
	return document;
}

function objectAt(object: JsonObject, name: string): JsonObject {
	const value = Object.hasOwn(object, name) ? object[name] : undefined;
	return isJsonObject(value) ? value : {};
}

function text(value: JsonValue | undefined): string {
	return typeof value === 'string' ? value : '';
}

function problem(code: string, path: string, message: string): Problem {
	return { severity: 'error', code, path, message };
}
