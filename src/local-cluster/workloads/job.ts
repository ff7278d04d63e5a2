import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import type { LabelSelector } from './label-selector.ts';
import type { Condition, PodTemplate } from './pod.ts';

/** A Job, as its controller reads and reports it. */
export interface Job extends KubernetesObject {
	kind: 'Job';
	spec: JobSpec;
	status?: JobStatus;
}

export type JobSpec = {
	parallelism?: number;
	completions?: number;
	backoffLimit?: number;
	activeDeadlineSeconds?: number;
	ttlSecondsAfterFinished?: number;
	suspend?: boolean;
	selector?: LabelSelector;
	template: PodTemplate;
};

export type JobStatus = {
	active?: number;
	ready?: number;
	succeeded?: number;
	failed?: number;
	startTime?: string;
	completionTime?: string;
	conditions?: Condition[];
};
