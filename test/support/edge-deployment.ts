import type { DesiredState } from '../../src/edge-agent/agent-status.ts';
import { defaultPolicy } from '../../src/edge-agent/translation/default-policy.ts';
import { translate } from '../../src/edge-agent/translation/translate.ts';
import type {
	TranslationContext,
	TranslationPolicy,
} from '../../src/edge-agent/translation/translation.ts';
import type { Deployment } from '../../src/manifest/deployment.ts';
import { parseDeployment } from '../../src/manifest/deployment-parser.ts';
import type { JsonObject } from '../../src/runtime/json.ts';

/** A module as a manifest has it, what is usual left out. */
export interface AuthoredModule {
	readonly createOptions?: JsonObject;
	readonly image?: string;
	readonly status?: 'running' | 'stopped';
	readonly restartPolicy?: 'always' | 'on-unhealthy' | 'on-failure' | 'never';
	readonly env?: Readonly<Record<string, { readonly value: string }>>;
	readonly startupOrder?: number;
}

/** What a test deploys. */
export interface AuthoredDeployment {
	readonly modules: Readonly<Record<string, AuthoredModule>>;
	readonly edgeHub?: AuthoredModule;
	readonly registryCredentials?: JsonObject;
}

export const deviceId = 'Edge-1';

/** Desired properties of `$edgeAgent`. */
export function desiredProperties(authored: AuthoredDeployment): JsonObject {
	const { modules, edgeHub = {}, registryCredentials = {} } = authored;
	return {
		schemaVersion: '1.1',
		runtime: { type: 'docker', settings: { minDockerVersion: 'v1.25', registryCredentials } },
		systemModules: {
			edgeAgent: { type: 'docker', settings: { image: 'agent:1', createOptions: '' } },
			edgeHub: moduleJson({ startupOrder: 0, ...edgeHub }),
		},
		modules: Object.fromEntries(
			Object.entries(modules).map(([name, module]) => [name, moduleJson(module)]),
		),
	};
}

function moduleJson(module: AuthoredModule): JsonObject {
	const { status = 'running', restartPolicy = 'always', image = 'example.azurecr.io/m:1' } = module;
	const { env = {}, startupOrder = 0, createOptions = {} } = module;
	return {
		...{ type: 'docker', version: '1.0', status, restartPolicy, startupOrder },
		env: structuredClone(env) as JsonObject,
		settings: { image, createOptions: JSON.stringify(createOptions) },
	};
}

/** The deployment, translated; every module counts as known to IoT Hub. */
export function desiredStateOf(
	authored: AuthoredDeployment,
	context: Pick<TranslationContext, 'namespace' | 'owner'>,
	{ version = 1, policy = {} }: { version?: number; policy?: Partial<TranslationPolicy> } = {},
): DesiredState {
	const { deployment, problems } = parseDeployment(desiredProperties(authored));
	if (deployment === undefined) throw new Error(JSON.stringify(problems));
	const translation = translate(deployment, contextFor(deployment, context), {
		...defaultPolicy,
		...policy,
	});
	return { version, deployment, translation };
}

/** What the agent would tell modules of a deployment. */
export function contextFor(
	deployment: Deployment,
	context: Pick<TranslationContext, 'namespace' | 'owner'>,
): TranslationContext {
	const ids = deployment.modules.map(({ name, system }) => (system ? `$${name}` : name));
	return {
		...context,
		deviceId,
		iotHubHostName: 'hub.azure-devices.net',
		generationIds: new Map(ids.map((id) => [id, '1'])),
		runtimeImage: 'iotedge-k8s:1',
		gatewayHostName: 'edgehub',
		edgeDeviceHostName: 'edge-1.example.com',
		workloadUri: 'http://edgeagent:35001/',
		workloadTlsUri: 'https://edgeagent:35002/',
		trustBundle: 'PEM of the edge',
		apiVersion: '2022-08-03',
		runtimeLogLevel: 'info',
	};
}
