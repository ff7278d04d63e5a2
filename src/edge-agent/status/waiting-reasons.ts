import type { RuntimeStatus } from './module-status.ts';

/** What a reason for which a container waits means to the person who deployed it. */
export interface WaitingReason {
	readonly runtimeStatus: RuntimeStatus;
	/** One sentence; the kubelet's own message follows where `detail` is set. */
	readonly sentence: string;
	readonly detail: boolean;
}

/** Source: kubelet, `pkg/kubelet/images/types.go`, `pkg/kubelet/container/sync_result.go`, `kubelet_pods.go`. */
export const waitingReasons: Readonly<Record<string, WaitingReason>> = {
	ContainerCreating: {
		runtimeStatus: 'unknown',
		sentence: 'Starting: the image is pulled and the container created.',
		detail: true,
	},
	PodInitializing: {
		runtimeStatus: 'unknown',
		sentence: 'Starting: containers that prepare the module have not finished.',
		detail: false,
	},
	CrashLoopBackOff: {
		runtimeStatus: 'backoff',
		sentence: 'It keeps ending and is started again after a pause.',
		detail: false,
	},
	ImagePullBackOff: {
		runtimeStatus: 'backoff',
		sentence: 'The image cannot be pulled; it is tried again after a pause.',
		detail: true,
	},
	ErrImagePull: {
		runtimeStatus: 'backoff',
		sentence: 'The image cannot be pulled; it is tried again after a pause.',
		detail: true,
	},
	RegistryUnavailable: {
		runtimeStatus: 'backoff',
		sentence: 'The registry of the image cannot be reached; it is tried again after a pause.',
		detail: true,
	},
	SignatureValidationFailed: {
		runtimeStatus: 'failed',
		sentence: 'The signature of the image is not valid.',
		detail: true,
	},
	ImageInspectError: {
		runtimeStatus: 'backoff',
		sentence: 'The image on the node is damaged or cannot be read.',
		detail: true,
	},
	ErrImageNeverPull: {
		runtimeStatus: 'failed',
		sentence: 'The image is not on the node, and the deployment forbids to pull it.',
		detail: true,
	},
	InvalidImageName: {
		runtimeStatus: 'failed',
		sentence: 'The name of the image is not valid.',
		detail: true,
	},
	CreateContainerConfigError: {
		runtimeStatus: 'backoff',
		sentence:
			'The container cannot be configured; something that it refers to is missing or wrong.',
		detail: true,
	},
	CreateContainerError: {
		runtimeStatus: 'backoff',
		sentence: 'The container cannot be created.',
		detail: true,
	},
	RunContainerError: {
		runtimeStatus: 'backoff',
		sentence: 'The container cannot be started.',
		detail: true,
	},
	PreStartHookError: {
		runtimeStatus: 'backoff',
		sentence: 'A hook that runs before the container failed.',
		detail: true,
	},
	PostStartHookError: {
		runtimeStatus: 'backoff',
		sentence: 'The hook that runs after the start failed.',
		detail: true,
	},
};
