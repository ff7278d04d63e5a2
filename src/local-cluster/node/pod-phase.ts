import { quantityValue } from '../../cluster/quantity.ts';
import type { ContainerStatus, Pod, PodPhase, QosClass, RestartPolicy } from '../workloads/pod.ts';

/** The containers of a pod as they are, from which its phase and conditions follow. */
export interface PodView {
	readonly pod: Pod;
	/** Of `spec.initContainers`, in order; sidecars included. */
	readonly init: readonly ContainerStatus[];
	readonly main: readonly ContainerStatus[];
	/** All init containers that are not sidecars have ended well, all sidecars have started. */
	readonly initialized: boolean;
	/** The pod has come to its end and nothing of it will be started again. */
	readonly ended?: { readonly reason?: string; readonly message?: string };
}

/** The phase of a pod (Kubernetes documentation, "Pod phase"). */
export function podPhase({ pod, init, main, initialized, ended }: PodView): PodPhase {
	const policy = pod.spec.restartPolicy ?? 'Always';
	if (ended?.reason !== undefined) return 'Failed';
	if (!initialized) {
		const failed = init.some((status, index) => {
			const sidecar = pod.spec.initContainers?.[index]?.restartPolicy === 'Always';
			return !sidecar && policy === 'Never' && (status.state.terminated?.exitCode ?? 0) !== 0;
		});
		return failed ? 'Failed' : 'Pending';
	}
	const waiting = main.some(({ state, lastState }) => {
		return state.waiting !== undefined && lastState.terminated === undefined;
	});
	const running = main.some(({ state }) => state.running !== undefined);
	if (waiting && !running) return 'Pending';
	if (running || !isOver(main, policy)) return 'Running';
	return main.every(({ state }) => state.terminated?.exitCode === 0) ? 'Succeeded' : 'Failed';
}

/** Whether no container will be started again. */
function isOver(main: readonly ContainerStatus[], policy: RestartPolicy): boolean {
	return main.every(({ state }) => {
		if (state.terminated === undefined || policy === 'Always') return false;
		return policy === 'Never' || state.terminated.exitCode === 0;
	});
}

/** How reliably a pod's resources are set aside (Kubernetes documentation, "QoS classes"). */
export function qosClass(pod: Pod): QosClass {
	const resources = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].map(
		(container) => container.resources ?? {},
	);
	const names = ['cpu', 'memory'];
	const some = resources.some(({ requests = {}, limits = {} }) =>
		names.some((name) => requests[name] !== undefined || limits[name] !== undefined),
	);
	if (!some) return 'BestEffort';
	const guaranteed = resources.every(({ requests = {}, limits = {} }) =>
		names.every((name) => {
			const limit = limits[name];
			if (limit === undefined) return false;
			return quantityValue(requests[name] ?? limit) === quantityValue(limit);
		}),
	);
	return guaranteed ? 'Guaranteed' : 'Burstable';
}
