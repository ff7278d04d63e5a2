import type { TranslationPolicy } from './translation.ts';

/**
 * What manifests may do unless the operator says more: nothing that the Pod Security level
 * `restricted` forbids.
 *
 * `runAsNonRoot` comes with a user number because most module images, those of the Azure IoT Edge
 * templates first, name their user with a word, and a kubelet refuses to start an image whose user
 * it cannot prove to be another than root. 1000 is the first user of the Debian and Alpine images
 * that these modules build on; the group makes volumes writable. An image that must be root needs
 * `runAsNonRoot: false`, which lowers the level to `baseline` for the whole device.
 */
export const defaultPolicy: TranslationPolicy = {
	allowPrivileged: false,
	allowHostPaths: [],
	allowHostNetwork: false,
	allowHostIpc: false,
	allowHostPid: false,
	allowCapabilities: [],
	allowSysctls: [],
	runAsNonRoot: true,
	runAsUser: 1000,
	portMappingServiceType: 'ClusterIP',
	imagePullPolicy: 'IfNotPresent',
	imagePullSecrets: [],
	protectedSecrets: [],
	deviceResources: new Map(),
	runtimeClasses: new Map(),
	gpuResource: 'nvidia.com/gpu',
	storage: {
		staticVolumes: [],
		defaultSize: '1Gi',
		accessMode: 'ReadWriteOnce',
		hubSize: '2Gi',
		keep: true,
	},
	workloadApiMode: 'address',
	networkPolicies: false,
};
