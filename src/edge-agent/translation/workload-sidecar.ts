import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { isJsonObject, type JsonObject, jsonText } from '../../runtime/json.ts';
import type { PodVolumes } from './extension-volumes.ts';
import { deviceLabels, type ModuleScope } from './module-scope.ts';
import { hostNamespaces } from './pod-settings.ts';
import type { TranslationContext } from './translation.ts';

/** Whom the tokens of sidecars are for: the agent's workload API, and nobody else. */
export const workloadAudience = 'iotedge-k8s-workload';
/** What modules with a sidecar get as `IOTEDGE_WORKLOADURI`. */
export const sidecarWorkloadUri = 'unix:///var/run/iotedge-k8s/workload.sock';
/** The ConfigMap with the authorities that the agent's certificate leads to. */
export const trustBundleName = 'iotedge-trust-bundle';

const sidecarName = 'workload-proxy';
const gateName = 'workload-proxy-wait';
const socketVolume = 'iotedge-workload-socket';
const credentialVolume = 'iotedge-workload-credentials';
const socketFolder = '/var/run/iotedge-k8s';
const credentialFolder = '/var/run/iotedge-k8s-credentials';
/** Seconds that a token is good for; the kubelet renews it after four fifths. */
const tokenSeconds = 3600;
/** Measured: 65 MB, of which 19 are its own and the rest is shared between sidecars of a node. */
const resources: JsonObject = {
	requests: { cpu: '5m', memory: '48Mi' },
	limits: { memory: '128Mi' },
};
const invalid = 'EDGE_EXTENSION_INVALID';

/** What a sidecar adds to a pod. */
export interface WorkloadSidecar {
	readonly initContainers: readonly JsonObject[];
	/** Volumes of the pod, and mounts of the module's container. */
	readonly volumes: PodVolumes;
}

/**
 * Whether a module gets a sidecar: where it asks for one, the operator wants one for all, or its
 * address is its node's and says nothing about it.
 */
export function usesSidecar(scope: ModuleScope): boolean {
	const { extension, policy, problems } = scope;
	const path = extension.pathOf('workloadApi');
	const asked = jsonText(extension.object('workloadApi')?.['mode'] ?? '').toLowerCase();
	const onHost = hostNamespaces(scope).hostNetwork;
	if (!['', 'sidecar', 'address'].includes(asked)) {
		problems.refuse(invalid, path, 'The mode of the workload API is "sidecar" or "address".');
	} else if (asked === 'address' && (onHost || policy.workloadApiMode === 'sidecar')) {
		const why = onHost ? 'the module uses the network of its node' : 'the operator wants it so';
		problems.warn(invalid, path, `The module gets a sidecar all the same, as ${why}.`);
	}
	return onHost || policy.workloadApiMode === 'sidecar' || asked === 'sidecar';
}

/**
 * The sidecar of a module: a proxy that starts before the module and ends after it, and a gate that
 * lets the module start once the proxy serves. The token is the proxy's alone; the module sees a
 * socket.
 */
export function workloadSidecar(scope: ModuleScope): WorkloadSidecar {
	const { context, policy } = scope;
	const socket = { name: socketVolume, mountPath: socketFolder };
	const credentials = { name: credentialVolume, mountPath: credentialFolder, readOnly: true };
	const container = {
		image: context.runtimeImage,
		imagePullPolicy: policy.imagePullPolicy,
		resources,
		securityContext: securityContext(scope),
	};
	return {
		initContainers: [
			{
				...container,
				name: freeName(scope, sidecarName),
				restartPolicy: 'Always',
				args: ['workload-proxy'],
				env: [
					socketVariable,
					{ name: 'WORKLOAD_TOKEN_FILE', value: `${credentialFolder}/token` },
					{ name: 'WORKLOAD_CA_FILE', value: `${credentialFolder}/ca.pem` },
					{ name: 'WORKLOAD_TLS_URI', value: context.workloadTlsUri },
					{ name: 'RuntimeLogLevel', value: context.runtimeLogLevel },
					{ name: 'NODE_OPTIONS', value: '--max-old-space-size=32 --max-semi-space-size=1' },
				],
				volumeMounts: [socket, credentials],
			},
			{
				...container,
				name: freeName(scope, gateName),
				args: ['workload-proxy', '--wait'],
				env: [socketVariable],
				volumeMounts: [socket],
			},
		],
		volumes: {
			volumes: [
				{ name: socketVolume, emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
				{ name: credentialVolume, projected: { sources: credentialSources } },
			],
			mounts: [socket],
		},
	};
}

const socketVariable = { name: 'WORKLOAD_SOCKET', value: `${socketFolder}/workload.sock` };
const credentialSources: JsonObject[] = [
	{
		serviceAccountToken: {
			path: 'token',
			audience: workloadAudience,
			expirationSeconds: tokenSeconds,
		},
	},
	{ configMap: { name: trustBundleName, items: [{ key: 'ca.pem', path: 'ca.pem' }] } },
];

/** The authorities that sidecars trust; shared by all of a device. Undefined where they are not known. */
export function trustBundle(context: TranslationContext): KubernetesObject | undefined {
	const { owner, namespace, trustBundle: bundle } = context;
	if (bundle === undefined) return undefined;
	return {
		apiVersion: 'v1',
		kind: 'ConfigMap',
		metadata: {
			name: trustBundleName,
			namespace,
			labels: deviceLabels(context),
			...(owner !== undefined && { ownerReferences: [{ ...owner }] }),
		},
		data: { 'ca.pem': bundle },
	};
}

/** A pod's volumes and mounts with those of its sidecar, whose names are the runtime's. */
export function withSidecarVolumes(
	{ problems, module }: ModuleScope,
	own: PodVolumes,
	sidecar: PodVolumes,
): PodVolumes {
	const names = new Set(sidecar.volumes.map(({ name }) => name));
	const paths = new Set(sidecar.mounts.map(({ mountPath }) => mountPath));
	for (const { name } of own.volumes) {
		if (!names.has(name)) continue;
		problems.refuse(invalid, module.path, `The volume "${jsonText(name)}" is the runtime's.`);
	}
	for (const { mountPath } of own.mounts) {
		if (!paths.has(mountPath)) continue;
		problems.refuse(invalid, module.path, `"${jsonText(mountPath)}" is mounted by the runtime.`);
	}
	return {
		volumes: [...own.volumes, ...sidecar.volumes],
		mounts: [...own.mounts, ...sidecar.mounts],
	};
}

/** Whether a live pod has a sidecar for the workload API. */
export function hasSidecar({ spec }: KubernetesObject): boolean {
	const volumes = spec?.['volumes'];
	if (!Array.isArray(volumes)) return false;
	return volumes.some((volume) => isJsonObject(volume) && volume['name'] === credentialVolume);
}

/** At the level `restricted`, whatever the module itself may do. */
function securityContext({ policy }: ModuleScope): JsonObject {
	return {
		runAsNonRoot: true,
		runAsUser: policy.runAsUser,
		allowPrivilegeEscalation: false,
		readOnlyRootFilesystem: true,
		capabilities: { drop: ['ALL'] },
		seccompProfile: { type: 'RuntimeDefault' },
	};
}

/** The module's container has its object's name, whatever that is. */
function freeName({ objectName }: ModuleScope, name: string): string {
	return objectName === name ? `${name}-sidecar` : name;
}
