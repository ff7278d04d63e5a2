import type { KubernetesObject, ObjectMeta } from '../../cluster/kubernetes-object.ts';
import type { PodVolume } from './pod-volume.ts';

/** The members of a pod that the controllers and the node of the local cluster read or write. */
export interface Pod extends KubernetesObject {
	kind: 'Pod';
	spec: PodSpec;
	status?: PodStatus;
}

/** `spec` of a pod. */
export type PodSpec = {
	nodeName?: string;
	containers: Container[];
	initContainers?: Container[];
	restartPolicy?: RestartPolicy;
	volumes?: PodVolume[];
	nodeSelector?: Record<string, string>;
	tolerations?: Toleration[];
	affinity?: NodeAffinityHolder;
	serviceAccountName?: string;
	automountServiceAccountToken?: boolean;
	hostNetwork?: boolean;
	hostname?: string;
	subdomain?: string;
	enableServiceLinks?: boolean;
	terminationGracePeriodSeconds?: number;
	activeDeadlineSeconds?: number;
	schedulerName?: string;
	schedulingGates?: { name: string }[];
	readinessGates?: { conditionType: string }[];
};

export type RestartPolicy = 'Always' | 'OnFailure' | 'Never';

/** A container as a pod declares it. */
export type Container = {
	name: string;
	image: string;
	command?: string[];
	args?: string[];
	workingDir?: string;
	env?: EnvironmentVariable[];
	envFrom?: EnvironmentSource[];
	ports?: ContainerPort[];
	resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
	volumeMounts?: VolumeMount[];
	imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
	/** `Always` on an init container makes it a sidecar that runs beside the others. */
	restartPolicy?: RestartPolicy;
	startupProbe?: Probe;
	livenessProbe?: Probe;
	readinessProbe?: Probe;
	lifecycle?: { postStart?: ProbeAction; preStop?: ProbeAction };
	terminationMessagePath?: string;
	terminationMessagePolicy?: 'File' | 'FallbackToLogsOnError';
};

export type ContainerPort = {
	name?: string;
	containerPort: number;
	hostPort?: number;
	protocol?: string;
};

export type VolumeMount = {
	name: string;
	mountPath: string;
	subPath?: string;
	subPathExpr?: string;
	readOnly?: boolean;
};

export type EnvironmentVariable = {
	name: string;
	value?: string;
	valueFrom?: {
		fieldRef?: { fieldPath: string };
		resourceFieldRef?: { containerName?: string; resource: string; divisor?: string };
		configMapKeyRef?: KeyReference;
		secretKeyRef?: KeyReference;
	};
};

export type KeyReference = { name: string; key: string; optional?: boolean };

export type EnvironmentSource = {
	prefix?: string;
	configMapRef?: { name: string; optional?: boolean };
	secretRef?: { name: string; optional?: boolean };
};

/** What a probe or a lifecycle hook does. */
export type ProbeAction = {
	exec?: { command: string[] };
	httpGet?: {
		path?: string;
		port: number | string;
		host?: string;
		scheme?: string;
		httpHeaders?: { name: string; value: string }[];
	};
	tcpSocket?: { port: number | string; host?: string };
	sleep?: { seconds: number };
};

export type Probe = ProbeAction & {
	initialDelaySeconds?: number;
	periodSeconds?: number;
	timeoutSeconds?: number;
	failureThreshold?: number;
	successThreshold?: number;
	terminationGracePeriodSeconds?: number;
};

export type Toleration = {
	key?: string;
	operator?: 'Exists' | 'Equal';
	value?: string;
	effect?: string;
	tolerationSeconds?: number;
};

export type NodeAffinityHolder = {
	nodeAffinity?: {
		requiredDuringSchedulingIgnoredDuringExecution?: { nodeSelectorTerms: NodeSelectorTerm[] };
	};
};

export type NodeSelectorTerm = { matchExpressions?: NodeSelectorRequirement[] };

export type NodeSelectorRequirement = { key: string; operator: string; values?: string[] };

/** A condition of a pod, a Deployment or a Job. */
export type Condition = {
	type: string;
	status: 'True' | 'False' | 'Unknown';
	reason?: string;
	message?: string;
	lastTransitionTime?: string;
	lastUpdateTime?: string;
	lastProbeTime?: string | null;
};

/** `status` of a pod. */
export type PodStatus = {
	phase?: PodPhase;
	reason?: string;
	message?: string;
	conditions?: Condition[];
	hostIP?: string;
	hostIPs?: { ip: string }[];
	podIP?: string;
	podIPs?: { ip: string }[];
	startTime?: string;
	qosClass?: QosClass;
	initContainerStatuses?: ContainerStatus[];
	containerStatuses?: ContainerStatus[];
	observedGeneration?: number;
};

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** One of three is present. */
export type ContainerState = {
	waiting?: { reason?: string; message?: string };
	running?: { startedAt: string };
	terminated?: TerminatedState;
};

export type TerminatedState = {
	exitCode: number;
	signal?: number;
	reason: string;
	message?: string;
	startedAt?: string;
	finishedAt: string;
	containerID?: string;
};

export type ContainerStatus = {
	name: string;
	image: string;
	imageID: string;
	containerID?: string;
	ready: boolean;
	started?: boolean;
	restartCount: number;
	state: ContainerState;
	lastState: ContainerState;
};

/** The pods that a ReplicaSet, a Deployment or a Job makes. */
export type PodTemplate = {
	metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
	spec: PodSpec;
};

/** The condition of a type, if it is there. */
export function conditionOf(
	conditions: readonly Condition[] | undefined,
	type: string,
): Condition | undefined {
	return conditions?.find((condition) => condition.type === type);
}

/** Whether Services send the pod traffic. */
export function isPodReady(pod: Pod): boolean {
	return conditionOf(pod.status?.conditions, 'Ready')?.status === 'True';
}

/** Whether the pod has ended and will not run again. */
export function isPodFinished(pod: Pod): boolean {
	return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** `namespace/name` of anything. */
export function keyOf(object: { readonly metadata: ObjectMeta }): string {
	const { namespace = '', name } = object.metadata;
	return `${namespace}/${name}`;
}
