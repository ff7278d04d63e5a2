import type { ClusterClient } from '../cluster/cluster-client.ts';
import {
	type KubernetesObject,
	type OwnerReference,
	ownerReferenceTo,
} from '../cluster/kubernetes-object.ts';
import { installationNames } from '../edge-agent/installation-names.ts';
import { labelValue } from '../edge-agent/translation/object-name.ts';
import {
	moduleLabel,
	originalModuleIdAnnotation,
	type TranslationPolicy,
	trustMarkAnnotation,
} from '../edge-agent/translation/translation.ts';
import { trustBundleName } from '../edge-agent/translation/workload-sidecar.ts';
import { isJsonObject, type JsonObject, type JsonValue, jsonText } from '../runtime/json.ts';
import type { TranslationTarget } from './manifest-check.ts';
import { type PolicyAssignments, policyFrom } from './manifest-policy.ts';

/** What is said on the command line; it wins over what the cluster tells. */
export interface InstallationOptions {
	readonly namespace: string;
	/** Name of the agent's Deployment. */
	readonly agent: string;
	readonly device?: string;
	readonly hub?: string;
	readonly policy?: PolicyAssignments;
}

/** An edge as it is installed: all that its agent would translate a deployment with. */
export interface Installation {
	readonly target: TranslationTarget;
	readonly policy: TranslationPolicy;
	/** Value of the device label. */
	readonly device: string;
	readonly owner?: OwnerReference;
}

/**
 * Learns from the cluster what the agent there knows: its settings from its own Deployment, what it
 * tells modules from theirs. Secrets are not read.
 *
 * @throws ClusterError
 */
export async function readInstallation(
	client: ClusterClient,
	options: InstallationOptions,
): Promise<Installation> {
	const { namespace, agent: name } = options;
	const agent = await client.get({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, name });
	const workloads = await Promise.all(
		[
			['apps/v1', 'Deployment'],
			['batch/v1', 'Job'],
		].map(([apiVersion = '', kind = '']) =>
			client.list({ apiVersion, kind, namespace, labelSelector: moduleLabel }),
		),
	);
	const modules = workloads.flatMap(({ items }) => items);
	const trust = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: trustBundleName };
	const bundle = (await client.get(trust))?.['data'];
	const hub = variablesOf(modules.find((module) => moduleIdOf(module) === '$edgeHub'));
	const settings = variablesOf(agent);
	const deviceId = options.device ?? hub['IOTEDGE_DEVICEID'] ?? 'edge-device';
	const owner = ownerReferenceTo(agent);
	const secrets = [
		settings['STATE_SECRET'] ?? 'edgeagent-state',
		settings['DEVICE_SECRET'] ?? 'iotedge-device',
		...(settings['DEVICE_CERTIFICATE_SECRET'] ? [settings['DEVICE_CERTIFICATE_SECRET']] : []),
	];
	const trustMark = trustMarkOf(modules);
	const target = {
		...toldBy(hub, settings, agent),
		...(trustMark === undefined ? {} : { trustMark }),
		workloadTlsUri: tlsUriOf(name, settings),
		...(isJsonObject(bundle) ? { trustBundle: jsonText(bundle['ca.pem'] ?? '') } : {}),
		namespace,
		deviceId,
		iotHubHostName: options.hub ?? hub['IOTEDGE_IOTHUBHOSTNAME'] ?? 'hub.azure-devices.net',
		edgeDeviceHostName: hub['EdgeDeviceHostName'] ?? deviceId.toLowerCase(),
		generationIds: generationsOf(modules),
		reservedNames: installationNames(
			{ agentName: name, workloadUri: hub['IOTEDGE_WORKLOADURI'] ?? '' },
			agent,
		),
		...(owner === undefined ? {} : { owner }),
	};
	const policy = policyFrom(options.policy, agent === undefined ? process.env : settings, secrets);
	const device = labelValue(deviceId);
	return { target, policy, device, ...(owner === undefined ? {} : { owner }) };
}

/** What modules that run were started with. */
function trustMarkOf(workloads: readonly KubernetesObject[]): string | undefined {
	const marks = workloads.map(({ spec }) => {
		const template = spec?.['template'] as Partial<KubernetesObject> | undefined;
		return template?.metadata?.annotations?.[trustMarkAnnotation];
	});
	return marks.find((mark) => mark !== undefined);
}

type Variables = Readonly<Record<string, string>>;

/** What modules are told, as far as an edge hub that runs has been told it. */
function toldBy(
	hub: Variables,
	settings: Variables,
	agent: KubernetesObject | undefined,
): Partial<TranslationTarget> {
	const image = settings['RUNTIME_IMAGE'] ?? containersOf(agent)[0]?.['image'];
	const known: Partial<Record<keyof TranslationTarget, JsonValue | undefined>> = {
		runtimeImage: image,
		// A hub with a sidecar has another address than modules without one.
		workloadUri: hub['IOTEDGE_WORKLOADURI']?.startsWith('unix:')
			? undefined
			: hub['IOTEDGE_WORKLOADURI'],
		apiVersion: hub['IOTEDGE_APIVERSION'],
		parentHostName: settings['IOTEDGE_PARENTHOSTNAME'],
		runtimeLogLevel: settings['RuntimeLogLevel']?.toLowerCase(),
		hubTrust:
			hub['IOT_HUB_CA_FILE'] === undefined
				? undefined
				: {
						configMapName: settings['IOT_HUB_CA_CONFIGMAP'] ?? 'iothub-trust',
						key: settings['IOT_HUB_CA_KEY'] ?? 'ca.pem',
					},
	};
	const present = Object.entries(known).filter(([, value]) => value !== undefined && value !== '');
	return Object.fromEntries(present);
}

function tlsUriOf(agentName: string, settings: Variables): string {
	const port = settings['WORKLOAD_TLS_PORT'] ?? Number(settings['WORKLOAD_PORT'] ?? 35_001) + 1;
	return settings['WORKLOAD_TLS_URI'] ?? `https://${agentName}:${port}/`;
}

function generationsOf(modules: readonly KubernetesObject[]): ReadonlyMap<string, string> {
	const entries = modules.map((module): [string, string] => [
		moduleIdOf(module),
		variablesOf(module)['IOTEDGE_MODULEGENERATIONID'] ?? '0',
	]);
	return new Map(entries);
}

function moduleIdOf({ metadata }: KubernetesObject): string {
	const name = metadata.annotations?.[originalModuleIdAnnotation] ?? '';
	return name === 'edgeHub' ? '$edgeHub' : name;
}

/** Variables of a workload's first container whose values are there to read. */
function variablesOf(workload: KubernetesObject | undefined): Variables {
	const [container] = containersOf(workload);
	const env = Array.isArray(container?.['env']) ? container['env'].filter(isJsonObject) : [];
	const entries = env.map(({ name, value }) => [name, value]);
	return Object.fromEntries(entries.filter(([, value]) => typeof value === 'string'));
}

function containersOf(workload: KubernetesObject | undefined): JsonObject[] {
	const template = workload?.spec?.['template'];
	const spec = isJsonObject(template) ? template['spec'] : undefined;
	const containers = isJsonObject(spec) ? spec['containers'] : undefined;
	return Array.isArray(containers) ? containers.filter(isJsonObject) : [];
}
