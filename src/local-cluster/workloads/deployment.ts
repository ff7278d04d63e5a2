import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import type { LabelSelector } from './label-selector.ts';
import type { Condition, PodTemplate } from './pod.ts';

/** A Deployment, as its controller reads and reports it. */
export interface Deployment extends KubernetesObject {
	kind: 'Deployment';
	spec: DeploymentSpec;
	status?: DeploymentStatus;
}

export type DeploymentSpec = {
	replicas?: number;
	selector: LabelSelector;
	template: PodTemplate;
	strategy?: {
		type?: 'RollingUpdate' | 'Recreate';
		rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string };
	};
	minReadySeconds?: number;
	revisionHistoryLimit?: number;
	paused?: boolean;
	progressDeadlineSeconds?: number;
};

export type DeploymentStatus = {
	observedGeneration?: number;
	replicas?: number;
	updatedReplicas?: number;
	readyReplicas?: number;
	availableReplicas?: number;
	unavailableReplicas?: number;
	conditions?: Condition[];
	collisionCount?: number;
};

/** A ReplicaSet, as its controller reads and reports it. */
export interface ReplicaSet extends KubernetesObject {
	kind: 'ReplicaSet';
	spec: ReplicaSetSpec;
	status?: ReplicaSetStatus;
}

export type ReplicaSetSpec = {
	replicas?: number;
	selector: LabelSelector;
	template: PodTemplate;
	minReadySeconds?: number;
};

export type ReplicaSetStatus = {
	observedGeneration?: number;
	replicas: number;
	fullyLabeledReplicas?: number;
	readyReplicas?: number;
	availableReplicas?: number;
	conditions?: Condition[];
};
