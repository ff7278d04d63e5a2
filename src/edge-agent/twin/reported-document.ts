import type { Deployment, ModuleDeployment } from '../../manifest/deployment.ts';
import type { DeploymentStatusCode } from '../../manifest/problem.ts';
import type { JsonObject } from '../../runtime/json.ts';
import type { ModuleStatus } from '../status/module-status.ts';
import { fitTwin } from './fit-twin.ts';

/** Everything that `$edgeAgent` reports. */
export interface ReportedState {
	/** The desired version that the status is about; absent before the first, or of another source. */
	readonly desiredVersion?: number;
	/** Where the deployment comes from and its revision there; absent where that is IoT Hub. */
	readonly source?: string;
	readonly code: DeploymentStatusCode;
	/** Empty for 200. */
	readonly description: string;
	/** The deployment that runs, whatever became of a later one. */
	readonly deployment?: Deployment;
	/** The agent itself, for when no deployment names it: it runs all the same. */
	readonly agent: { readonly image: string; readonly startedAt: string };
	/** By the module's name in the manifest. */
	readonly modules: ReadonlyMap<string, ModuleStatus>;
	/** Version of this program. */
	readonly programVersion: string;
	/** Operating system and architecture of the agent's node, as Node.js names them. */
	readonly platform: {
		readonly os: string;
		readonly architecture: string;
		/** Version of the cluster, e.g. `v1.34.1`; absent where it is not known. */
		readonly kubernetes?: string;
	};
}

/** Node.js's name of an architecture → the name that Azure IoT Edge reports, that of the Linux kernel. */
const architectures: ReadonlyMap<string, string> = new Map([
	['x64', 'x86_64'],
	['arm64', 'aarch64'],
	['arm', 'armv7l'],
]);

/** What a module that has never run reports (Azure IoT Edge: the first instant there is). */
const never = '0001-01-01T00:00:00Z';
const maxChunk = 512;

/**
 * The reported properties of `$edgeAgent`, in Azure's form, as far as they fit a twin. Registry
 * credentials are left out.
 */
export function reportedDocument(state: ReportedState): JsonObject {
	return fitTwin(documentOf(state));
}

function documentOf(state: ReportedState): JsonObject {
	const { deployment } = state;
	const systemModules = new Map([['edgeAgent', agentDocument(state)]]);
	const modules = new Map<string, JsonObject>();
	for (const module of deployment?.modules ?? []) {
		const status = state.modules.get(module.name);
		const target = module.system ? systemModules : modules;
		target.set(module.name, moduleDocument(module, status));
	}
	return {
		schemaVersion: '1.0',
		version: { version: state.programVersion, build: '', commit: '' },
		...(state.desiredVersion === undefined ? {} : { lastDesiredVersion: state.desiredVersion }),
		...(state.source === undefined ? {} : { deploymentSource: state.source }),
		lastDesiredStatus: statusDocument(state),
		runtime: runtimeDocument(state),
		systemModules: Object.fromEntries(systemModules),
		modules: Object.fromEntries(modules),
	};
}

function statusDocument({ code, description }: ReportedState): JsonObject {
	return description === '' ? { code } : { code, description };
}

function runtimeDocument({ deployment, programVersion, platform }: ReportedState): JsonObject {
	const architecture = architectures.get(platform.architecture) ?? platform.architecture;
	const settings = deployment?.runtime['settings'];
	const { minDockerVersion, loggingOptions } = (settings ?? {}) as JsonObject;
	return {
		type: 'docker',
		settings: {
			...(typeof minDockerVersion === 'string' ? { minDockerVersion } : {}),
			...(typeof loggingOptions === 'string' ? { loggingOptions } : {}),
		},
		platform: {
			os: platform.os,
			architecture,
			version: programVersion,
			...(platform.kubernetes === undefined ? {} : { kubernetes: platform.kubernetes }),
		},
	};
}

/** The agent as it is without a deployment that would say more. */
function agentDocument({ agent: { image, startedAt } }: ReportedState): JsonObject {
	const status = {
		...unknownStatus,
		runtimeStatus: 'running',
		lastStartTimeUtc: startedAt,
	} as const;
	return {
		type: 'docker',
		imagePullPolicy: 'on-create',
		startupOrder: 0,
		settings: { image, createOptions: '{}' },
		...runDocument({ ...status, statusDescription: `Started at ${startedAt}.` }, true),
	};
}

function moduleDocument(module: ModuleDeployment, status: ModuleStatus | undefined): JsonObject {
	const isAgent = module.system && module.name === 'edgeAgent';
	const env = [...module.env].map(([name, value]) => [name, { value }]);
	return {
		type: 'docker',
		...(module.version === '' ? {} : { version: module.version }),
		...(isAgent ? {} : { status: module.status, restartPolicy: module.restartPolicy }),
		imagePullPolicy: module.imagePullPolicy,
		startupOrder: isAgent ? 0 : module.startupOrder,
		settings: {
			image: module.image,
			...(status?.imageId === undefined ? {} : { imageHash: status.imageId }),
			...chunkedCreateOptions(module.createOptions),
		},
		...(env.length > 0 ? { env: Object.fromEntries(env) } : {}),
		...runDocument(status ?? unknownStatus, isAgent),
	};
}

const unknownStatus: Omit<ModuleStatus, 'name' | 'readyReplicas' | 'replicas'> = {
	runtimeStatus: 'unknown',
	statusDescription: '',
	exitCode: 0,
	restartCount: 0,
};

function runDocument(status: typeof unknownStatus, isAgent: boolean): JsonObject {
	const { restartCount, lastRestartTimeUtc = never } = status;
	return {
		runtimeStatus: status.runtimeStatus,
		statusDescription: status.statusDescription,
		exitCode: status.exitCode,
		lastStartTimeUtc: status.lastStartTimeUtc ?? never,
		lastExitTimeUtc: status.lastExitTimeUtc ?? never,
		...(isAgent ? {} : { restartCount, lastRestartTimeUtc }),
	};
}

/** `createOptions`, `createOptions01`… of at most 512 characters each, as manifests carry them. */
function chunkedCreateOptions(createOptions: JsonObject): JsonObject {
	let rest = JSON.stringify(createOptions);
	const chunks: [string, string][] = [];
	while (rest !== '') {
		const number = chunks.length === 0 ? '' : String(chunks.length).padStart(2, '0');
		// A character of two code units is not cut in two.
		const length = /[\uD800-\uDBFF]/.test(rest.charAt(maxChunk - 1)) ? maxChunk - 1 : maxChunk;
		chunks.push([`createOptions${number}`, rest.slice(0, length)]);
		rest = rest.slice(length);
	}
	return Object.fromEntries(chunks);
}
