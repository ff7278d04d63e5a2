import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';

/** The members of a pod's status that tell how a module is. Times are RFC 3339. */
export interface PodView extends KubernetesObject {
	status?: {
		phase?: string;
		reason?: string;
		message?: string;
		conditions?: ConditionView[];
		initContainerStatuses?: ContainerStatusView[];
		containerStatuses?: ContainerStatusView[];
	};
}

/** A condition of a pod, a Deployment or a Job. */
export type ConditionView = {
	type: string;
	status: string;
	reason?: string;
	message?: string;
	lastTransitionTime?: string;
};

/** The state of one container. */
export type ContainerStatusView = {
	name: string;
	imageID?: string;
	ready?: boolean;
	started?: boolean;
	restartCount?: number;
	state?: ContainerStateView;
	lastState?: ContainerStateView;
};

/** One of three is present. */
export type ContainerStateView = {
	waiting?: { reason?: string; message?: string };
	running?: { startedAt?: string };
	terminated?: TerminationView;
};

/** How a container ended. */
export type TerminationView = {
	exitCode: number;
	reason?: string;
	message?: string;
	startedAt?: string;
	finishedAt?: string;
};

/** The condition of a type, if it is there. */
export function conditionOf(
	conditions: readonly ConditionView[] | undefined,
	type: string,
): ConditionView | undefined {
	return conditions?.find((condition) => condition.type === type);
}
