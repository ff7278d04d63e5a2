import type { EventRecorder } from '../event-recorder.ts';
import { timestamp } from '../event-recorder.ts';
import { type Condition, conditionOf, keyOf, type Pod } from '../workloads/pod.ts';
import type { VolumeClaim } from '../workloads/volume-claim.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Reconciler } from './controller.ts';
import type { KindCache } from './kind-cache.ts';
import { type ClusterNode, unfitness, unschedulableMessage } from './scheduling.ts';

/** Binds pods to nodes that fit them. */
export class Scheduler implements Reconciler {
	readonly name = 'scheduler';
	readonly #state: ClusterState;
	readonly #events: EventRecorder;
	readonly #pods: KindCache<Pod>;
	readonly #nodes: KindCache<ClusterNode>;
	readonly #claims: KindCache<VolumeClaim>;

	constructor(state: ClusterState, events: EventRecorder) {
		this.#state = state;
		this.#events = events;
		this.#pods = state.cache<Pod>('v1', 'Pod');
		this.#nodes = state.cache<ClusterNode>('v1', 'Node');
		this.#claims = state.cache<VolumeClaim>('v1', 'PersistentVolumeClaim');
	}

	watch(enqueue: (key: string) => void): void {
		const enqueueWaiting = () => {
			for (const pod of this.#pods.list()) {
				if (isWaiting(pod)) enqueue(keyOf(pod));
			}
		};
		this.#pods.onChange((current) => {
			if (current === undefined) enqueueWaiting();
			else if (isWaiting(current)) enqueue(keyOf(current));
		});
		this.#nodes.onChange((current, previous) => {
			// Heartbeats change the status of a node all the time, but not what fits it.
			if (current?.metadata.generation !== previous?.metadata.generation) enqueueWaiting();
			else if (current?.metadata.labels !== previous?.metadata.labels) enqueueWaiting();
		});
		this.#claims.onChange(enqueueWaiting);
	}

	async reconcile(key: string): Promise<undefined> {
		const pod = this.#pods.get(key);
		if (pod === undefined || !isWaiting(pod)) return;
		const claim = this.#unboundClaim(pod);
		if (claim === undefined) await this.#place(pod);
		else await this.#refuse(pod, claim);
	}

	async #place(pod: Pod): Promise<void> {
		const nodes = this.#nodes.list();
		const pods = this.#pods.list();
		const reasons: string[] = [];
		for (const node of nodes) {
			const unfit = unfitness(pod, node, pods);
			if (unfit.length === 0) {
				await this.#bind(pod, node);
				return;
			}
			reasons.push(...unfit);
		}
		await this.#refuse(pod, unschedulableMessage(nodes.length, reasons));
	}

	#unboundClaim(pod: Pod): string | undefined {
		for (const { persistentVolumeClaim } of pod.spec.volumes ?? []) {
			if (persistentVolumeClaim === undefined) continue;
			const { claimName } = persistentVolumeClaim;
			const claim = this.#claims.get(`${pod.metadata.namespace ?? ''}/${claimName}`);
			if (claim === undefined) return `persistentvolumeclaim "${claimName}" not found`;
			if (claim.status?.phase !== 'Bound') {
				return 'pod has unbound immediate PersistentVolumeClaims';
			}
		}
		return undefined;
	}

	async #bind(pod: Pod, node: ClusterNode): Promise<void> {
		const { name, namespace = '', uid = '', resourceVersion = '' } = pod.metadata;
		// A patch instead of a Binding, which is a door that the client interface does not have.
		const metadata = { uid, resourceVersion };
		await this.#state.patch(pod, { metadata, spec: { nodeName: node.metadata.name } });
		const message = `Successfully assigned ${namespace}/${name} to ${node.metadata.name}`;
		this.#events.record(pod, 'Normal', 'Scheduled', message);
	}

	async #refuse(pod: Pod, message: string): Promise<void> {
		this.#events.record(pod, 'Warning', 'FailedScheduling', message);
		const before = conditionOf(pod.status?.conditions, 'PodScheduled');
		if (before?.status === 'False' && before.message === message) return;
		const time = timestamp(this.#state.clock.now());
		const condition: Condition = {
			type: 'PodScheduled',
			status: 'False',
			reason: 'Unschedulable',
			message,
			lastTransitionTime: before?.status === 'False' ? (before.lastTransitionTime ?? time) : time,
		};
		const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled');
		const status = { phase: 'Pending', conditions: [...others, condition] };
		await this.#state.patch(pod, { status }, 'status');
	}
}

function isWaiting(pod: Pod): boolean {
	const { nodeName, schedulerName = 'default-scheduler', schedulingGates = [] } = pod.spec;
	return (
		(nodeName ?? '') === '' &&
		schedulerName === 'default-scheduler' &&
		schedulingGates.length === 0 &&
		pod.metadata.deletionTimestamp === undefined
	);
}
