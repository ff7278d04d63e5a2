import type { OptionShape } from './create-options-table.ts';

/** One member of the Kubernetes extension of createOptions. */
export interface ExtensionRow {
	readonly shape: OptionShape;
	/** Whether Microsoft's preview had it, under `k8s-experimental`. */
	readonly preview: boolean;
	readonly target: string;
	readonly note: string;
}

/**
 * The members of `k8s-extensions` and, those of the preview, of `k8s-experimental`. Docker devices
 * ignore both. Where both have a member, `k8s-extensions` counts. Fields within a member are those
 * of the Kubernetes API. `docs/create-options.md` is generated from it.
 */
export const extensionTable = {
	volumes: row(
		'list',
		true,
		'volumes, containers[].volumeMounts',
		'`[{ volume, volumeMounts }]`. Host paths and the runtime’s Secrets need permission.',
	),
	resources: row(
		'object',
		true,
		'containers[].resources',
		'Wins over Docker’s memory and CPU options.',
	),
	nodeSelector: row('object', true, 'nodeSelector', ''),
	securityContext: row(
		'object',
		true,
		'securityContext of the pod',
		'Laid over the default; what weakens it needs permission.',
	),
	serviceOptions: row(
		'object',
		true,
		'Service',
		'`type`, `loadBalancerIP`, `annotations`, `loadBalancerClass`, `loadBalancerSourceRanges`, `externalTrafficPolicy`, `sessionAffinity`.',
	),
	strategy: row(
		'object',
		true,
		'strategy of the Deployment',
		'Default RollingUpdate; Recreate where two pods cannot run side by side.',
	),
	replicas: row(
		'integer',
		false,
		'replicas of the Deployment',
		'One module identity, several pods. They share its inputs: the messages of one sender go to one pod, in order.',
	),
	autoscaling: row(
		'object',
		false,
		'HorizontalPodAutoscaler',
		'`minReplicas`, `maxReplicas`, `targetCPUUtilizationPercentage`, `metrics`, `behavior`.',
	),
	disruptionBudget: row(
		'object',
		false,
		'PodDisruptionBudget',
		'`minAvailable` or `maxUnavailable`.',
	),
	topologySpreadConstraints: row(
		'list',
		false,
		'topologySpreadConstraints',
		'The selector is filled in.',
	),
	tolerations: row('list', false, 'tolerations', ''),
	affinity: row('object', false, 'affinity', ''),
	probes: row(
		'object',
		false,
		'containers[].livenessProbe, readinessProbe, startupProbe',
		'`liveness`, `readiness`, `startup`; they win over Healthcheck.',
	),
	env: row('list', false, 'containers[].env', 'With `valueFrom`; the runtime’s variables win.'),
	envFrom: row('list', false, 'containers[].envFrom', ''),
	serviceAccountAnnotations: row(
		'object',
		false,
		'annotations of the ServiceAccount',
		'For workload identity of a cloud.',
	),
	podLabels: row('object', false, 'labels of the pod', 'Labels of the runtime cannot be set.'),
	podAnnotations: row('object', false, 'annotations of the pod', 'As podLabels.'),
	terminationGracePeriodSeconds: row(
		'integer',
		false,
		'terminationGracePeriodSeconds',
		'Wins over StopTimeout.',
	),
	priorityClassName: row('string', false, 'priorityClassName', ''),
	runtimeClassName: row('string', false, 'runtimeClassName', 'Wins over Runtime.'),
	imagePullSecrets: row('list', false, 'imagePullSecrets', 'Names of Secrets, or `{ name }`.'),
	storage: row(
		'object',
		false,
		'PersistentVolumeClaim',
		'By volume name: `size`, `storageClassName`, `accessModes`, `volumeName`, `keep`, `existing`.',
	),
	workloadApi: row(
		'object',
		false,
		'initContainers, volumes',
		'`mode`: `sidecar` lets the module speak to the workload API through a sidecar with a token of its pod, `address` by the address of its pod, which is the default.',
	),
	progressDeadlineSeconds: row('integer', false, 'progressDeadlineSeconds of the Deployment', ''),
	rollback: row(
		'boolean',
		false,
		'annotation of the Deployment',
		'When the module misses `progressDeadlineSeconds`, the whole deployment returns to the last one that ran well; the reason is reported.',
	),
	hold: row(
		'boolean',
		false,
		'nothing is written',
		'While true, what runs of the module stays as it is; a deployment without it releases the update.',
	),
} as const satisfies Record<string, ExtensionRow>;

/** A member of the Kubernetes extension. */
export type ExtensionName = keyof typeof extensionTable;

/** The names of the table, in its order. */
export const extensionNames = Object.keys(extensionTable) as ExtensionName[];

function row(shape: OptionShape, preview: boolean, target: string, note: string): ExtensionRow {
	return { shape, preview, target, note };
}
