import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../../runtime/edge-error.ts';
import type { EventRecorder } from '../event-recorder.ts';
import type { ReplicaSet, ReplicaSetStatus } from '../workloads/deployment.ts';
import { matchesSelector } from '../workloads/label-selector.ts';
import { conditionOf, isPodFinished, isPodReady, keyOf, type Pod } from '../workloads/pod.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Reconciler } from './controller.ts';
import type { KindCache } from './kind-cache.ts';
import { controllerOf, controllerReference, isControlledBy, ownerKey } from './ownership.ts';
import { podFromTemplate } from './pod-factory.ts';

/** Keeps as many pods of each ReplicaSet as it wants. */
export class ReplicaSetReconciler implements Reconciler {
	readonly name = 'replicaset';
	readonly #state: ClusterState;
	readonly #events: EventRecorder;
	readonly #sets: KindCache<ReplicaSet>;
	readonly #pods: KindCache<Pod>;

	constructor(state: ClusterState, events: EventRecorder) {
		this.#state = state;
		this.#events = events;
		this.#sets = state.cache<ReplicaSet>('apps/v1', 'ReplicaSet');
		this.#pods = state.cache<Pod>('v1', 'Pod');
	}

	watch(enqueue: (key: string) => void): void {
		this.#sets.onChange((current) => {
			if (current !== undefined) enqueue(keyOf(current));
		});
		this.#pods.onChange((current, previous) => {
			const pod = (current ?? previous) as Pod;
			const key = ownerKey(pod, 'ReplicaSet');
			if (key !== undefined) enqueue(key);
			else if (controllerOf(pod) === undefined) this.#enqueueMatching(pod, enqueue);
		});
	}

	async reconcile(key: string): Promise<number | undefined> {
		const set = this.#sets.get(key);
		if (set === undefined) return undefined;
		if (set.metadata.deletionTimestamp === undefined) {
			await this.#adopt(set);
			await this.#size(set);
		}
		return this.#report(key);
	}

	#enqueueMatching(pod: Pod, enqueue: (key: string) => void): void {
		for (const set of this.#sets.list(pod.metadata.namespace)) {
			if (matchesSelector(set.spec.selector, pod.metadata.labels)) enqueue(keyOf(set));
		}
	}

	/** Takes over pods that fit and belong to nobody, such as those an orphaned ReplicaSet left. */
	async #adopt(set: ReplicaSet): Promise<void> {
		for (const pod of this.#pods.list(set.metadata.namespace)) {
			const free = controllerOf(pod) === undefined && !isEnding(pod);
			if (!free || !matchesSelector(set.spec.selector, pod.metadata.labels)) continue;
			const ownerReferences = [{ ...controllerReference(set) }];
			await this.#state.patch(pod, { metadata: { ownerReferences } });
		}
	}

	async #size(set: ReplicaSet): Promise<void> {
		const pods = this.#activePods(set);
		const missing = (set.spec.replicas ?? 1) - pods.length;
		if (missing > 0) {
			await Promise.all(Array.from({ length: missing }, () => this.#create(set)));
		}
		const surplus = pods.toSorted(leastUsefulFirst).slice(0, Math.max(0, -missing));
		for (const pod of surplus) {
			await this.#state.delete(pod);
			const message = `Deleted pod: ${pod.metadata.name}`;
			this.#events.record(set, 'Normal', 'SuccessfulDelete', message);
		}
	}

	async #create(set: ReplicaSet): Promise<void> {
		try {
			const pod = await this.#state.create(podFromTemplate(set, set.spec.template));
			const message = `Created pod: ${pod.metadata.name}`;
			this.#events.record(set, 'Normal', 'SuccessfulCreate', message);
		} catch (error) {
			const message = `Error creating: ${messageOf(error)}`;
			this.#events.record(set, 'Warning', 'FailedCreate', message);
			throw error;
		}
	}

	#activePods(set: ReplicaSet): Pod[] {
		return this.#pods
			.list(set.metadata.namespace)
			.filter((pod) => isControlledBy(pod, set) && !isPodFinished(pod) && !isEnding(pod));
	}

	async #report(key: string): Promise<number | undefined> {
		const set = this.#sets.get(key);
		if (set === undefined) return undefined;
		const pods = this.#activePods(set);
		const now = this.#state.clock.now();
		const waits = pods.map((pod) => untilAvailable(pod, set.spec.minReadySeconds ?? 0, now));
		const status: ReplicaSetStatus = {
			observedGeneration: set.metadata.generation ?? 1,
			replicas: pods.length,
			fullyLabeledReplicas: pods.length,
			readyReplicas: pods.filter(isPodReady).length,
			availableReplicas: waits.filter((wait) => wait === 0).length,
		};
		if (!isDeepStrictEqual(status, set.status)) {
			await this.#state.patch(set, { status }, 'status');
		}
		const pending = waits.filter((wait) => wait !== undefined && wait > 0) as number[];
		return pending.length === 0 ? undefined : Math.min(...pending);
	}
}

/**
 * Milliseconds until a ready pod counts as available, 0 when it does.
 *
 * @returns `undefined` for a pod that is not ready.
 */
export function untilAvailable(pod: Pod, minReadySeconds: number, now: number): number | undefined {
	if (!isPodReady(pod)) return undefined;
	if (minReadySeconds === 0) return 0;
	const since = conditionOf(pod.status?.conditions, 'Ready')?.lastTransitionTime;
	if (since === undefined) return minReadySeconds * 1000;
	return Math.max(0, Date.parse(since) + minReadySeconds * 1000 - now);
}

/** The order in which surplus pods go: those that serve least, then the youngest. */
export function leastUsefulFirst(one: Pod, other: Pod): number {
	return (
		Number(one.spec.nodeName !== undefined) - Number(other.spec.nodeName !== undefined) ||
		phaseRank(one) - phaseRank(other) ||
		Number(isPodReady(one)) - Number(isPodReady(other)) ||
		restartsOf(other) - restartsOf(one) ||
		(other.metadata.creationTimestamp ?? '').localeCompare(one.metadata.creationTimestamp ?? '')
	);
}

function phaseRank(pod: Pod): number {
	return pod.status?.phase === 'Running' ? 2 : pod.status?.phase === 'Unknown' ? 1 : 0;
}

function restartsOf(pod: Pod): number {
	const statuses = pod.status?.containerStatuses ?? [];
	return Math.max(0, ...statuses.map((status) => status.restartCount));
}

function isEnding(pod: Pod): boolean {
	return pod.metadata.deletionTimestamp !== undefined;
}
