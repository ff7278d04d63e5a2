import {
	choice,
	flag,
	integer,
	optionalText,
	readSettings,
	type SettingsOf,
	type SettingsResult,
	text,
	wordList,
} from '../runtime/settings.ts';
import type { TranslationPolicy } from './translation/translation.ts';

/** What the operator of the cluster allows manifests to do. Everything is forbidden unless set. */
export const policySettings = {
	allowPrivileged: {
		env: 'ALLOW_PRIVILEGED',
		default: 'false',
		description: 'Modules may ask for privileged containers.',
		parse: flag,
	},
	allowHostPaths: {
		env: 'ALLOW_HOST_PATHS',
		default: '',
		description:
			'Host folders that modules may mount, and all below them. A container runtime’s socket must be named itself.',
		parse: wordList,
	},
	allowHostNetwork: {
		env: 'ALLOW_HOST_NETWORK',
		default: 'false',
		description: 'Modules may use the network of their node.',
		parse: flag,
	},
	allowHostIpc: {
		env: 'ALLOW_HOST_IPC',
		default: 'false',
		description: 'Modules may use the IPC namespace of their node.',
		parse: flag,
	},
	allowHostPid: {
		env: 'ALLOW_HOST_PID',
		default: 'false',
		description: 'Modules may see the processes of their node.',
		parse: flag,
	},
	allowCapabilities: {
		env: 'ALLOW_CAPABILITIES',
		default: '',
		description: 'Linux capabilities that modules may add, without `CAP_`.',
		parse: wordList,
	},
	allowSysctls: {
		env: 'ALLOW_SYSCTLS',
		default: '',
		description:
			'Kernel settings that modules may change, beyond those that Kubernetes calls safe.',
		parse: wordList,
	},
	runAsNonRoot: {
		env: 'RunAsNonRoot',
		default: 'true',
		description:
			'Modules run as `RUN_AS_USER` unless the manifest names another number, never as root.',
		parse: flag,
	},
	runAsUser: {
		env: 'RUN_AS_USER',
		default: '1000',
		description: 'User and file group of modules when `RunAsNonRoot` is set.',
		parse: integer({ min: 1, max: 2_147_483_647 }),
	},
	portMappingServiceType: {
		env: 'PortMappingServiceType',
		default: 'ClusterIP',
		description: 'Type of the Services of modules with port bindings.',
		parse: choice('ClusterIP', 'NodePort', 'LoadBalancer'),
	},
	imagePullPolicy: {
		env: 'IMAGE_PULL_POLICY',
		default: 'IfNotPresent',
		description: 'What `imagePullPolicy: on-create` becomes.',
		parse: choice('IfNotPresent', 'Always'),
	},
	imagePullSecrets: {
		env: 'IMAGE_PULL_SECRETS',
		default: '',
		description: 'Pull secrets that exist in the namespace and serve every module.',
		parse: wordList,
	},
	deviceResources: {
		env: 'DEVICE_RESOURCES',
		default: '',
		description:
			'Extended resources that stand for host devices, e.g. `/dev/video0=example.com/camera`.',
		parse: pairs,
	},
	runtimeClasses: {
		env: 'RUNTIME_CLASSES',
		default: '',
		description: 'RuntimeClasses by Docker runtime, e.g. `nvidia=nvidia`.',
		parse: pairs,
	},
	gpuResource: {
		env: 'GPU_RESOURCE',
		default: 'nvidia.com/gpu',
		description: 'Extended resource of a GPU.',
		parse: text,
	},
	storageClassName: {
		env: 'StorageClassName',
		default: '',
		description: 'Class of claims for named volumes. Absent: the cluster’s default class.',
		parse: optionalText,
	},
	staticVolumes: {
		env: 'STATIC_VOLUMES',
		default: '',
		description:
			'Named volumes that bind to an existing PersistentVolume of the same name, or `all` of them.',
		parse: wordList,
	},
	storageDefaultSize: {
		env: 'STORAGE_DEFAULT_SIZE',
		default: '1Gi',
		description: 'Size of a claim for which nothing else is said.',
		parse: quantity,
	},
	storageAccessMode: {
		env: 'STORAGE_ACCESS_MODE',
		default: 'ReadWriteOnce',
		description: 'Access mode of claims for named volumes.',
		parse: choice('ReadWriteOnce', 'ReadWriteMany', 'ReadWriteOncePod'),
	},
	hubStorageSize: {
		env: 'HUB_STORAGE_SIZE',
		default: '2Gi',
		description: 'Size of the edge hub’s claim.',
		parse: quantity,
	},
	keepStorage: {
		env: 'KEEP_STORAGE',
		default: 'true',
		description: 'Claims outlive their removal from the deployment.',
		parse: flag,
	},
	workloadApiMode: {
		env: 'WORKLOAD_API_MODE',
		default: 'address',
		description:
			'How modules speak to the workload API: `address`, known by the address of their pod, or `sidecar`, all through a sidecar with a token.',
		parse: choice('address', 'sidecar'),
	},
	networkPolicies: {
		env: 'NETWORK_POLICIES',
		default: 'false',
		description: 'Deny modules traffic from outside but on their published ports.',
		parse: flag,
	},
} as const;

/** Reads the policy's settings, or says what is wrong with them. */
export function readPolicySettings(
	env: Readonly<Record<string, string | undefined>>,
): SettingsResult<typeof policySettings> {
	return readSettings(policySettings, env);
}

/**
 * The policy that the settings make.
 *
 * @param protectedSecrets Secrets of the runtime that no module may mount or read.
 */
export function policyOf(
	settings: SettingsOf<typeof policySettings>,
	protectedSecrets: readonly string[],
): TranslationPolicy {
	const { storageClassName, staticVolumes, storageDefaultSize, storageAccessMode, ...others } =
		settings;
	const { hubStorageSize, keepStorage, ...rest } = others;
	return {
		...rest,
		protectedSecrets,
		storage: {
			...(storageClassName === undefined ? {} : { className: storageClassName }),
			staticVolumes: staticVolumes.includes('all') ? 'all' : staticVolumes,
			defaultSize: storageDefaultSize,
			accessMode: storageAccessMode,
			hubSize: hubStorageSize,
			keep: keepStorage,
		},
	};
}

/** `a=b,c=d` */
function pairs(value: string): ReadonlyMap<string, string> {
	const entries = wordList(value).map((word): [string, string] => {
		const equals = word.indexOf('=');
		if (equals <= 0 || equals === word.length - 1) {
			throw new RangeError('The value must be of the form name=value,name=value.');
		}
		return [word.slice(0, equals), word.slice(equals + 1)];
	});
	return new Map(entries);
}

function quantity(value: string): string {
	if (/^\d+(\.\d+)?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$/.test(value)) return value;
	throw new RangeError('The value must be a Kubernetes quantity such as 1Gi.');
}
