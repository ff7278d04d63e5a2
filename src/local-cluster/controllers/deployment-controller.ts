import { isDeepStrictEqual } from 'node:util';
import type { EventRecorder } from '../event-recorder.ts';
import type { Deployment, ReplicaSet } from '../workloads/deployment.ts';
import { isPodFinished, keyOf, type Pod } from '../workloads/pod.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Reconciler } from './controller.ts';
import { boundsOf, deploymentStatus, untilProgressDeadline } from './deployment-status.ts';
import type { KindCache } from './kind-cache.ts';
import { statusOf } from './kind-cache.ts';
import { controllerReference, isControlledBy, ownerKey } from './ownership.ts';
import { podTemplateHash, podTemplateHashLabel, sameTemplate } from './pod-template-hash.ts';
import { nextRolloutStep, type Rollout, type RolloutReplicas } from './rollout.ts';

/** The annotation with the number of a rollout, for `kubectl rollout history` and `undo`. */
export const revisionAnnotation = 'deployment.kubernetes.io/revision';

/** Brings Deployments about: makes and sizes ReplicaSets, and reports the rollout. */
export class DeploymentReconciler implements Reconciler {
	readonly name = 'deployment';
	readonly #state: ClusterState;
	readonly #events: EventRecorder;
	readonly #deployments: KindCache<Deployment>;
	readonly #replicaSets: KindCache<ReplicaSet>;
	readonly #pods: KindCache<Pod>;

	constructor(state: ClusterState, events: EventRecorder) {
		this.#state = state;
		this.#events = events;
		this.#deployments = state.cache<Deployment>('apps/v1', 'Deployment');
		this.#replicaSets = state.cache<ReplicaSet>('apps/v1', 'ReplicaSet');
		this.#pods = state.cache<Pod>('v1', 'Pod');
	}

	watch(enqueue: (key: string) => void): void {
		this.#deployments.onChange((current) => {
			if (current !== undefined) enqueue(keyOf(current));
		});
		this.#replicaSets.onChange((current, previous) => {
			const key = ownerKey((current ?? previous) as ReplicaSet, 'Deployment');
			if (key !== undefined) enqueue(key);
		});
		// A Recreate rollout waits for the end of old pods, which no ReplicaSet counts.
		this.#pods.onChange((current, previous) => {
			if (current !== undefined || previous === undefined) return;
			const set = ownerKey(previous, 'ReplicaSet');
			const owner = set === undefined ? undefined : this.#replicaSets.get(set);
			const key = owner === undefined ? undefined : ownerKey(owner, 'Deployment');
			if (key !== undefined) enqueue(key);
		});
	}

	async reconcile(key: string): Promise<number | undefined> {
		const deployment = this.#deployments.get(key);
		if (deployment === undefined || deployment.metadata.deletionTimestamp !== undefined) {
			return undefined;
		}
		const all = this.#owned(deployment);
		const found = findCurrent(deployment, all);
		const current = found && (await this.#revise(deployment, found, all));
		await this.#step(deployment, current, all);
		await this.#cleanUp(deployment, current);
		return this.#report(key);
	}

	#owned(deployment: Deployment): ReplicaSet[] {
		return this.#replicaSets
			.list(deployment.metadata.namespace)
			.filter((set) => isControlledBy(set, deployment))
			.sort(byAge);
	}

	async #step(
		deployment: Deployment,
		current: ReplicaSet | undefined,
		all: readonly ReplicaSet[],
	): Promise<void> {
		const step = nextRolloutStep(this.#rollout(deployment, current, all));
		if (step.create !== undefined) await this.#create(deployment, step.create, all);
		for (const [name, replicas] of step.scale) {
			const set = all.find((candidate) => candidate.metadata.name === name);
			if (set !== undefined) await this.#scale(deployment, set, replicas);
		}
	}

	#rollout(
		deployment: Deployment,
		current: ReplicaSet | undefined,
		all: readonly ReplicaSet[],
	): Rollout {
		const old = all.filter((set) => set !== current && set.metadata.uid !== current?.metadata.uid);
		const oldPods = this.#pods
			.list(deployment.metadata.namespace)
			.filter((pod) => !isPodFinished(pod) && old.some((set) => isControlledBy(pod, set)));
		return {
			strategy: deployment.spec.strategy?.type ?? 'RollingUpdate',
			replicas: deployment.spec.replicas ?? 1,
			...boundsOf(deployment),
			paused: deployment.spec.paused ?? false,
			current: current && replicasOf(current),
			old: old.map(replicasOf),
			oldPodsRunning: oldPods.length,
		};
	}

	async #create(
		deployment: Deployment,
		replicas: number,
		all: readonly ReplicaSet[],
	): Promise<void> {
		const set = newReplicaSet(deployment, replicas, highestRevision(all) + 1);
		try {
			const created = await this.#state.create(set);
			this.#events.record(
				deployment,
				'Normal',
				'ScalingReplicaSet',
				`Scaled up replica set ${created.metadata.name} to ${replicas}`,
			);
		} catch (error) {
			if (statusOf(error) !== 409) throw error;
			await this.#collide(deployment, set);
		}
	}

	/** A ReplicaSet of this name exists: when it is not ours, the next hash must differ. */
	async #collide(deployment: Deployment, set: ReplicaSet): Promise<void> {
		const existing = this.#replicaSets.get(keyOf(set));
		if (existing === undefined || isControlledBy(existing, deployment)) return;
		const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
		await this.#state.patch(deployment, { status: { collisionCount } }, 'status');
	}

	async #scale(deployment: Deployment, set: ReplicaSet, replicas: number): Promise<void> {
		const before = set.spec.replicas ?? 1;
		const { name, resourceVersion = '' } = set.metadata;
		await this.#state.patch(set, { metadata: { resourceVersion }, spec: { replicas } });
		const direction = replicas > before ? 'up' : 'down';
		this.#events.record(
			deployment,
			'Normal',
			'ScalingReplicaSet',
			`Scaled ${direction} replica set ${name} from ${before} to ${replicas}`,
		);
	}

	/** Gives the current ReplicaSet the highest revision: after an undo it is an older one. */
	async #revise(
		deployment: Deployment,
		current: ReplicaSet,
		all: readonly ReplicaSet[],
	): Promise<ReplicaSet> {
		const others = all.filter((set) => set !== current);
		const revision = Math.max(revisionOf(current), highestRevision(others) + 1);
		if (deployment.metadata.annotations?.[revisionAnnotation] !== String(revision)) {
			await this.#state.patch(deployment, annotate(revision));
		}
		if (revision === revisionOf(current)) return current;
		return this.#state.patch(current, annotate(revision));
	}

	/** Deletes ReplicaSets without pods that are older than the history that is kept. */
	async #cleanUp(deployment: Deployment, current: ReplicaSet | undefined): Promise<void> {
		const limit = deployment.spec.revisionHistoryLimit ?? 10;
		const idle = this.#owned(deployment)
			.filter((set) => set.metadata.uid !== current?.metadata.uid)
			.filter((set) => set.spec.replicas === 0 && set.status?.replicas === 0)
			.sort((one, other) => revisionOf(one) - revisionOf(other));
		for (const set of idle.slice(0, Math.max(0, idle.length - limit))) {
			await this.#state.delete(set, { propagation: 'Background' });
		}
	}

	async #report(key: string): Promise<number | undefined> {
		const deployment = this.#deployments.get(key);
		if (deployment === undefined) return undefined;
		const now = this.#state.clock.now();
		const all = this.#owned(deployment);
		const current = findCurrent(deployment, all);
		const status = deploymentStatus({ deployment, current, all, now });
		const reported = isDeepStrictEqual(status, deployment.status)
			? deployment
			: await this.#state.patch(deployment, { status }, 'status');
		return untilProgressDeadline(reported, now);
	}
}

function findCurrent(deployment: Deployment, all: readonly ReplicaSet[]): ReplicaSet | undefined {
	return all.find((set) => sameTemplate(set.spec.template, deployment.spec.template));
}

function newReplicaSet(deployment: Deployment, replicas: number, revision: number): ReplicaSet {
	const { template, selector, minReadySeconds } = deployment.spec;
	const { name, namespace = '' } = deployment.metadata;
	const hash = podTemplateHash(template, deployment.status?.collisionCount);
	const labels = { ...template.metadata?.labels, [podTemplateHashLabel]: hash };
	const matchLabels = { ...selector.matchLabels, [podTemplateHashLabel]: hash };
	return {
		apiVersion: 'apps/v1',
		kind: 'ReplicaSet',
		metadata: {
			name: `${name}-${hash}`,
			namespace,
			labels,
			annotations: { [revisionAnnotation]: String(revision) },
			ownerReferences: [controllerReference(deployment)],
		},
		spec: {
			replicas,
			selector: { ...selector, matchLabels },
			template: { ...template, metadata: { ...template.metadata, labels } },
			...(minReadySeconds === undefined ? {} : { minReadySeconds }),
		},
	};
}

function replicasOf(set: ReplicaSet): RolloutReplicas {
	return {
		name: set.metadata.name,
		wanted: set.spec.replicas ?? 1,
		existing: set.status?.replicas ?? 0,
		available: set.status?.availableReplicas ?? 0,
	};
}

function annotate(revision: number) {
	return { metadata: { annotations: { [revisionAnnotation]: String(revision) } } };
}

function revisionOf(set: ReplicaSet): number {
	return Number(set.metadata.annotations?.[revisionAnnotation] ?? 0);
}

function highestRevision(sets: readonly ReplicaSet[]): number {
	return Math.max(0, ...sets.map(revisionOf));
}

function byAge(one: ReplicaSet, other: ReplicaSet): number {
	const [first = '', second = ''] = [one, other].map((set) => set.metadata.creationTimestamp);
	return first.localeCompare(second) || revisionOf(one) - revisionOf(other);
}
