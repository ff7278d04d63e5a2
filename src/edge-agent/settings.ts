import type { AssignedDevice } from '../iot-hub-client/device-provisioning-rest.ts';
import { networkSettings } from '../iot-hub-client/network-settings.ts';
import {
	flag,
	integer,
	logLevel,
	optionalText,
	readSettings,
	regardlessOfCase,
	type SettingProblem,
	type SettingsOf,
	text,
} from '../runtime/settings.ts';
import { policyOf, readPolicySettings } from './policy-settings.ts';
import { provisioningSettings } from './provisioning/provisioning-settings.ts';
import {
	type ProvisioningSource,
	type ProvisioningSourceResult,
	readProvisioningSource,
} from './provisioning/provisioning-source.ts';
import { readIfPresent, SettingFiles } from './setting-files.ts';
import { sourceList } from './sources/source-list.ts';
import type { TranslationPolicy } from './translation/translation.ts';
import {
	type WorkloadAddresses,
	workloadAddresses,
	workloadSettings,
} from './workload-api/workload-settings.ts';

/** The settings of the edge agent, but for those of `policySettings` and `provisioningSettings`. */
export const agentSettings = {
	hubAuthorityFile: {
		env: 'IOT_HUB_CA_FILE',
		default: '',
		description:
			'PEM file of authorities to trust for IoT Hub besides the system’s. A file that does not exist counts as absent.',
		parse: optionalText,
	},
	hubAuthorityConfigMap: {
		env: 'IOT_HUB_CA_CONFIGMAP',
		default: 'iothub-trust',
		description: 'ConfigMap that holds the content of `IOT_HUB_CA_FILE`, for the edge hub.',
		parse: text,
	},
	hubAuthorityKey: {
		env: 'IOT_HUB_CA_KEY',
		default: 'ca.pem',
		description: 'Key within that ConfigMap.',
		parse: text,
	},
	...networkSettings,
	trustBundleFile: {
		env: 'TRUST_BUNDLE_FILE',
		default: '',
		description: 'PEM file of more authorities that modules trust, e.g. of leaf devices.',
		parse: optionalText,
	},
	manifestTrustBundleFile: {
		env: 'MANIFEST_TRUST_BUNDLE_FILE',
		default: '',
		description:
			'PEM file of authorities that sign deployment manifests. Where it is set, a deployment without their signature is refused.',
		parse: optionalText,
	},
	configSources: {
		env: 'ConfigSource',
		default: 'twin',
		description:
			'Where the deployment may come from, the most important first: `twin` (IoT Hub), `edge-deployment`, `config-map`, `file` (Azure’s `local`). The first that has one rules.',
		parse: sourceList,
	},
	localConfigPath: {
		env: 'LocalConfigPath',
		default: '/etc/iotedge-k8s/deployment/deployment.json',
		description: 'Deployment manifest of the source `file`.',
		parse: text,
	},
	deploymentConfigMap: {
		env: 'DEPLOYMENT_CONFIG_MAP',
		default: 'edge-deployment',
		description: 'ConfigMap of the source `config-map`; the manifest is its key `deployment.json`.',
		parse: text,
	},
	namespace: {
		env: 'NAMESPACE',
		description: 'Namespace of this edge device. One device, one namespace.',
		parse: text,
	},
	agentName: {
		env: 'AGENT_NAME',
		default: 'edgeagent',
		description: 'Name of the agent’s own Deployment and Service.',
		parse: text,
	},
	stateSecret: {
		env: 'STATE_SECRET',
		default: 'edgeagent-state',
		description: 'Secret in which the agent keeps what it needs to start without IoT Hub.',
		parse: text,
	},
	deviceSecret: {
		env: 'DEVICE_SECRET',
		default: 'iotedge-device',
		description: 'Secret with what the device proves itself with, which no module may use.',
		parse: text,
	},
	deviceCertificateSecret: {
		env: 'DEVICE_CERTIFICATE_SECRET',
		default: '',
		description: 'Secret with the certificate of the device, where it is not in `DEVICE_SECRET`.',
		parse: optionalText,
	},
	runtimeImage: {
		env: 'RUNTIME_IMAGE',
		default: '',
		description:
			'Image of this program, which serves as edge hub. Absent: the one of the agent’s own Deployment.',
		parse: optionalText,
	},
	edgeDeviceHostName: {
		env: 'EdgeDeviceHostName',
		default: '',
		description: 'Name that leaf devices know the edge hub by. Absent: the device id.',
		parse: optionalText,
	},
	parentHostName: {
		env: 'IOTEDGE_PARENTHOSTNAME',
		default: '',
		description: 'Host name of the parent of a nested edge device.',
		parse: optionalText,
	},
	...workloadSettings,
	metricsEnabled: {
		env: 'MetricsEnabled',
		default: 'true',
		description: 'Whether metrics are served.',
		parse: flag,
	},
	metricsPort: {
		env: 'METRICS_PORT',
		default: '9600',
		description: 'Port of `/metrics`, `/healthz` and `/readyz`; 0 lets the system choose.',
		parse: integer({ min: 0, max: 65_535 }),
	},
	livenessLimitSeconds: {
		env: 'LIVENESS_LIMIT_SECS',
		default: '900',
		unit: 's',
		description:
			'Without progress of the reconcile loop or of a watch for so long, `/healthz` fails.',
		parse: integer({ min: 660, max: 86_400 }),
	},
	leaderElection: {
		env: 'LEADER_ELECTION',
		default: 'true',
		description: 'Whether an agent acts only while it holds the Lease named like its Deployment.',
		parse: flag,
	},
	podName: {
		env: 'POD_NAME',
		default: '',
		description: 'Who holds that Lease. Absent: the host name.',
		parse: optionalText,
	},
	logLevel: {
		env: 'RuntimeLogLevel',
		default: 'info',
		description: 'What is logged, by the agent and by modules that do not say otherwise.',
		parse: logLevel,
	},
	refreshSeconds: {
		env: 'ConfigRefreshFrequencySecs',
		default: '3600',
		unit: 's',
		description: 'Time after which the whole twin is read again.',
		parse: integer({ min: 10, max: 86_400 }),
	},
	reportSeconds: {
		env: 'REPORT_INTERVAL_SECS',
		default: '2',
		unit: 's',
		description: 'Time between two patches of the reported properties at least.',
		parse: integer({ min: 0, max: 3600 }),
	},
} as const;

/** Everything that the agent is told from outside, compiled. */
export interface AgentSettings
	extends Omit<
			SettingsOf<typeof agentSettings>,
			'hubAuthorityFile' | 'trustBundleFile' | 'manifestTrustBundleFile' | keyof WorkloadAddresses
		>,
		WorkloadAddresses {
	/** How the device comes to its identity, as it was when the settings were read. */
	readonly provisioning: ProvisioningSource;
	/** Reads that again. */
	readonly readProvisioning: () => Promise<ProvisioningSourceResult>;
	/** Whether DPS is asked at each start. */
	readonly registerAtStart: boolean;
	/** PEM; absent for a hub with a public certificate. */
	readonly hubAuthority?: string;
	/** PEM; may be empty. */
	readonly trustBundle: string;
	/** PEM; may be empty. */
	readonly manifestTrustBundle: string;
	/** Absent: made from the device id. */
	readonly edgeDeviceHostName: string | undefined;
	/** Variables that say how IoT Hub is reached, for an edge hub that is told nothing else. */
	readonly networkEnvironment: ReadonlyMap<string, string>;
	readonly policy: TranslationPolicy;
}

/** The settings of an agent of one device. */
export interface DeviceAgentSettings
	extends Omit<AgentSettings, 'provisioning' | 'readProvisioning' | 'edgeDeviceHostName'> {
	readonly device: AssignedDevice;
	readonly edgeDeviceHostName: string;
}

/** What the settings mean for the agent of a device. */
export function settingsOfDevice(
	settings: AgentSettings,
	device: AssignedDevice,
): DeviceAgentSettings {
	const { provisioning: _, readProvisioning: __, ...rest } = settings;
	const edgeDeviceHostName = settings.edgeDeviceHostName ?? device.deviceId.toLowerCase();
	const { hostName, deviceId } = device;
	return { ...rest, device: { hostName, deviceId }, edgeDeviceHostName };
}

/** The settings, or everything that is wrong with them. */
export type AgentSettingsResult =
	| { readonly settings: AgentSettings; readonly problems?: never }
	| { readonly settings?: never; readonly problems: readonly SettingProblem[] };

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the agent's settings from the environment and the files that it names. */
export async function loadAgentSettings(env: Environment): Promise<AgentSettingsResult> {
	const variables = regardlessOfCase(agentSettings, env);
	const own = readSettings(agentSettings, variables);
	const device = readSettings(provisioningSettings, env);
	const policy = readPolicySettings(env);
	const problems = [
		...(own.problems ?? []),
		...(device.problems ?? []),
		...(policy.problems ?? []),
	];
	if (!own.settings || !device.settings || !policy.settings) return { problems };
	const { hubAuthorityFile, trustBundleFile, manifestTrustBundleFile, ...plain } = own.settings;
	const files = new SettingFiles(problems);
	const { settings: deviceSettings } = device;
	const readProvisioning = () => readProvisioningSource(deviceSettings, readIfPresent);
	const provisioning = await readProvisioning();
	problems.push(...(provisioning.problems ?? []));
	const hubAuthority = await files.readIfPresent(agentSettings.hubAuthorityFile, hubAuthorityFile);
	const trustBundle = await files.read(agentSettings.trustBundleFile, trustBundleFile);
	const manifestTrust = await files.read(
		agentSettings.manifestTrustBundleFile,
		manifestTrustBundleFile,
	);
	if (problems.length > 0 || provisioning.source === undefined) return { problems };
	return {
		settings: {
			...plain,
			provisioning: provisioning.source,
			readProvisioning,
			registerAtStart: deviceSettings.registerAtStart,
			...(hubAuthority === undefined ? {} : { hubAuthority }),
			trustBundle: trustBundle ?? '',
			manifestTrustBundle: manifestTrust ?? '',
			networkEnvironment: networkEnvironment(variables),
			...workloadAddresses(plain.agentName, plain),
			policy: policyOf(policy.settings, protectedSecrets(plain)),
		},
	};
}

function protectedSecrets({
	stateSecret,
	deviceSecret,
	deviceCertificateSecret,
}: Pick<AgentSettings, 'stateSecret' | 'deviceSecret' | 'deviceCertificateSecret'>): string[] {
	const names = [stateSecret, deviceSecret, deviceCertificateSecret];
	return names.filter((name) => name !== undefined);
}

function networkEnvironment(variables: Environment): ReadonlyMap<string, string> {
	const given = Object.values(networkSettings).map(
		({ env }) => [env, variables[env] ?? ''] as const,
	);
	return new Map(given.filter(([, value]) => value !== ''));
}
