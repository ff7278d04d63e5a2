import { isPodFinished, keyOf, type Pod } from '../workloads/pod.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Reconciler } from './controller.ts';
import type { KindCache } from './kind-cache.ts';
import { controllerOf } from './ownership.ts';
import type { ClusterNode } from './scheduling.ts';

/** Finished pods that nobody owns are kept up to this number. */
const keptFinishedPods = 1000;

/** Removes pods that nobody will: those on nodes that are gone, and old finished ones. */
export class PodCollector implements Reconciler {
	readonly name = 'pod-collector';
	readonly #state: ClusterState;
	readonly #pods: KindCache<Pod>;
	readonly #nodes: KindCache<ClusterNode>;

	constructor(state: ClusterState) {
		this.#state = state;
		this.#pods = state.cache<Pod>('v1', 'Pod');
		this.#nodes = state.cache<ClusterNode>('v1', 'Node');
	}

	watch(enqueue: (key: string) => void): void {
		this.#nodes.onChange((current) => {
			if (current === undefined) enqueue('pods');
		});
		this.#pods.onChange((current) => {
			if (current === undefined) return;
			const ending = current.metadata.deletionTimestamp !== undefined;
			if (ending || isPodFinished(current)) enqueue('pods');
		});
	}

	async reconcile(): Promise<undefined> {
		const pods = this.#pods.list();
		for (const pod of pods) {
			if (this.#isLost(pod)) await this.#state.delete(pod, { gracePeriodSeconds: 0 });
		}
		const finished = pods
			.filter((pod) => isPodFinished(pod) && controllerOf(pod)?.kind !== 'Job')
			.sort(
				(one, other) => age(one).localeCompare(age(other)) || (keyOf(one) < keyOf(other) ? -1 : 1),
			);
		for (const pod of finished.slice(0, Math.max(0, finished.length - keptFinishedPods))) {
			await this.#state.delete(pod, { gracePeriodSeconds: 0 });
		}
	}

	/** On a node that does not exist, or deleted before it was on any. */
	#isLost(pod: Pod): boolean {
		const node = pod.spec.nodeName ?? '';
		if (node === '') return pod.metadata.deletionTimestamp !== undefined;
		return this.#nodes.get(`/${node}`) === undefined;
	}
}

function age(pod: Pod): string {
	return pod.metadata.creationTimestamp ?? '';
}
