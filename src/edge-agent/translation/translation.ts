import type {
	KubernetesObject,
	ObjectReference,
	OwnerReference,
} from '../../cluster/kubernetes-object.ts';
import type { Problem } from '../../manifest/problem.ts';

/** What a translation must know beside the deployment: where it goes, and what its modules must be told. */
export interface TranslationContext {
	/** Namespace of this edge device; every object lands in it. */
	readonly namespace: string;
	readonly deviceId: string;
	/** As modules get it in `IOTEDGE_IOTHUBHOSTNAME`; may carry a port. */
	readonly iotHubHostName: string;
	/** Generation ids by module id as IoT Hub spells it (`$edgeHub`, `filter`). A module without one is left out. */
	readonly generationIds: ReadonlyMap<string, string>;
	/** Image of our own program, which serves as edge hub whatever image the manifest names. */
	readonly runtimeImage: string;
	/** What modules connect to: the Service of the edge hub. */
	readonly gatewayHostName: string;
	/** `EdgeDeviceHostName`: the name that leaf devices know this device by. */
	readonly edgeDeviceHostName: string;
	/** The parent of a nested device; `$upstream:<port>/…` images resolve to it. */
	readonly parentHostName?: string;
	/** `IOTEDGE_WORKLOADURI`. */
	readonly workloadUri: string;
	/** Where sidecars find the workload API: `https://host:port/`. */
	readonly workloadTlsUri: string;
	/** PEM of the authorities of this edge, for sidecars. Absent where nobody knows them yet. */
	readonly trustBundle?: string;
	/** Changes when modules that run must be started anew to learn of another authority. Absent: none must. */
	readonly trustMark?: string | undefined;
	/** `IOTEDGE_APIVERSION`. */
	readonly apiVersion: string;
	/** `RuntimeLogLevel` of modules that do not set one. */
	readonly runtimeLogLevel: string;
	/** Variables of the edge hub that say how IoT Hub is reached. A manifest may say otherwise. */
	readonly networkEnvironment?: ReadonlyMap<string, string>;
	/** Owner of every object but claims, so that uninstalling the agent collects them. */
	readonly owner?: OwnerReference;
	/**
	 * Names of the installation's own workloads, accounts, Services and claims. No module's objects
	 * get one of them, and no module mounts such a claim. The owner's name need not be listed.
	 */
	readonly reservedNames?: readonly string[];
	/** A ConfigMap with the certificates that sign the IoT Hub's own, for a private hub. */
	readonly hubTrust?: { readonly configMapName: string; readonly key: string };
}

/** Which kind of Service makes port bindings reachable. */
export type ServiceType = 'ClusterIP' | 'NodePort' | 'LoadBalancer';

/** How claims are made for the named volumes of a deployment. */
export interface StoragePolicy {
	/** Class of dynamic claims; absent: the cluster's default class. */
	readonly className?: string;
	/** Volumes that bind to an existing PersistentVolume of the same name (a share): `all`, or their names. */
	readonly staticVolumes: 'all' | readonly string[];
	/** Size of a claim that says nothing else, as a Kubernetes quantity. */
	readonly defaultSize: string;
	/** Access mode of dynamic claims. */
	readonly accessMode: 'ReadWriteOnce' | 'ReadWriteMany' | 'ReadWriteOncePod';
	/** Size of the edge hub's claim. */
	readonly hubSize: string;
	/** Whether claims outlive their removal from the deployment. */
	readonly keep: boolean;
}

/** What the operator of the cluster allows manifests to do. Compiled from settings; every member is set. */
export interface TranslationPolicy {
	/** `Privileged`, and what amounts to it. */
	readonly allowPrivileged: boolean;
	/** Host folders, and all below them, that modules may mount. A container runtime's socket must be named itself. */
	readonly allowHostPaths: readonly string[];
	readonly allowHostNetwork: boolean;
	readonly allowHostIpc: boolean;
	readonly allowHostPid: boolean;
	/** Capabilities, without `CAP_`, that modules may add. `NET_BIND_SERVICE` needs no permission. */
	readonly allowCapabilities: readonly string[];
	/** Kernel settings beyond those that Kubernetes calls safe. */
	readonly allowSysctls: readonly string[];
	/**
	 * True: modules run as `runAsUser` unless the manifest names another number, and never as root.
	 * False: as the image or the manifest says.
	 */
	readonly runAsNonRoot: boolean;
	/** User and file group of modules when `runAsNonRoot` is set. */
	readonly runAsUser: number;
	/** Type of the Service of a module that has port bindings. */
	readonly portMappingServiceType: ServiceType;
	/** What `imagePullPolicy: on-create` becomes. */
	readonly imagePullPolicy: 'IfNotPresent' | 'Always';
	/** Pull secrets that exist in the namespace and serve every module. */
	readonly imagePullSecrets: readonly string[];
	/** Secrets of the runtime that no module may mount or read. */
	readonly protectedSecrets: readonly string[];
	/** Extended resources that stand for host devices: `/dev/video0` → `example.com/camera`. */
	readonly deviceResources: ReadonlyMap<string, string>;
	/** RuntimeClasses by Docker runtime: `nvidia` → `nvidia`. */
	readonly runtimeClasses: ReadonlyMap<string, string>;
	/** Extended resource of a GPU. */
	readonly gpuResource: string;
	readonly storage: StoragePolicy;
	/**
	 * How modules speak to the workload API: each from its own address, or all through sidecars. Modules
	 * may ask for a sidecar, and those on their node's network have one, in any case.
	 */
	readonly workloadApiMode: 'address' | 'sidecar';
	/** Deny traffic from outside to every module but on its published ports. */
	readonly networkPolicies: boolean;
}

/** What became of one module. */
export interface ModuleTranslation {
	/** As in the manifest: `edgeHub`, `filter`. */
	readonly name: string;
	/** As in IoT Hub: `$edgeHub`, `filter`. */
	readonly moduleId: string;
	/** Name of its workload, container, ServiceAccount and Service, and value of its module label. */
	readonly objectName: string;
	/** What runs it; absent where nothing does: a refused module, or the edge agent itself. */
	readonly workload?: ObjectReference;
	/** Everything it needs, in the order to be applied; shared objects appear with every module. */
	readonly objects: readonly ObjectReference[];
	readonly startupOrder: number;
	/** The manifest asks that what runs of it stays as it is until it is released. */
	readonly held: boolean;
	/** Its problems forbid to run it. What runs under its name from an earlier deployment should stay. */
	readonly refused: boolean;
}

/** A deployment as Kubernetes objects. Equal input gives equal bytes. */
export interface Translation {
	/** In the order to be applied: claims, secrets, accounts, Services, workloads. */
	readonly objects: readonly KubernetesObject[];
	readonly problems: readonly Problem[];
	/** In the order of the deployment. */
	readonly modules: readonly ModuleTranslation[];
}

/** Labels and annotations that tie objects to a device and a module. */
export const moduleLabel = 'net.azure-devices.edge.module';
export const deviceLabel = 'net.azure-devices.edge.deviceid';
export const managedByLabel = 'app.kubernetes.io/managed-by';
export const managedBy = 'iotedge-k8s';
export const originalModuleIdAnnotation = 'net.azure-devices.edge.original-moduleid';
/** `true` on a claim that must survive its removal from the deployment. */
export const keepAnnotation = 'net.azure-devices.edge.keep';
/** `true` on a Deployment that should return to its last good state when a rollout misses its deadline. */
export const rollbackAnnotation = 'net.azure-devices.edge.rollback';
/** `true` on the live workload of a module whose updates must wait; set by people, never by the agent. */
export const holdAnnotation = 'net.azure-devices.edge.hold';
/** On pods: the `trustMark` that they were started with. Another one rolls them. */
export const trustMarkAnnotation = 'net.azure-devices.edge.trust-mark';
