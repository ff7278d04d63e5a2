/** One ReplicaSet of a Deployment, as far as a rollout decides by it. */
export interface RolloutReplicas {
	readonly name: string;
	/** `spec.replicas`. */
	readonly wanted: number;
	/** Pods that exist and do not end. */
	readonly existing: number;
	/** Pods that have been ready for `minReadySeconds`. */
	readonly available: number;
}

/** The state of a rollout. */
export interface Rollout {
	readonly strategy: 'RollingUpdate' | 'Recreate';
	/** `spec.replicas` of the Deployment. */
	readonly replicas: number;
	/** Absolute numbers, see `resolveBounds`. */
	readonly maxSurge: number;
	readonly maxUnavailable: number;
	readonly paused: boolean;
	/** The ReplicaSet with the Deployment's template, when there is one. */
	readonly current: RolloutReplicas | undefined;
	/** The others, oldest first. */
	readonly old: readonly RolloutReplicas[];
	/** Pods of old ReplicaSets that still run, also those that are ending. */
	readonly oldPodsRunning: number;
}

/** What to do now: new sizes by ReplicaSet name, or a ReplicaSet to make with a size. */
export interface RolloutStep {
	readonly scale: ReadonlyMap<string, number>;
	/** The size of the ReplicaSet to make for the Deployment's template. */
	readonly create?: number;
}

const nothing: RolloutStep = { scale: new Map() };

/**
 * Turns `maxSurge` and `maxUnavailable` into pods: percentages of the replicas, surge rounded up,
 * unavailable rounded down, and never both zero.
 */
export function resolveBounds(
	replicas: number,
	maxSurge: number | string = '25%',
	maxUnavailable: number | string = '25%',
): { maxSurge: number; maxUnavailable: number } {
	const surge = resolve(replicas, maxSurge, Math.ceil);
	const unavailable = resolve(replicas, maxUnavailable, Math.floor);
	if (surge === 0 && unavailable === 0) return { maxSurge: 0, maxUnavailable: 1 };
	return { maxSurge: surge, maxUnavailable: Math.min(unavailable, replicas) };
}

/**
 * Decides the next step of a rollout, by the rules of the Deployment controller of Kubernetes:
 * first the new ReplicaSet grows as far as the surge allows, then old pods go as far as the
 * available ones allow, broken ones first.
 */
export function nextRolloutStep(rollout: Rollout): RolloutStep {
	if (rollout.paused) return scalePaused(rollout);
	return rollout.strategy === 'Recreate' ? recreate(rollout) : rollingUpdate(rollout);
}

function rollingUpdate(rollout: Rollout): RolloutStep {
	const { current, old, replicas } = rollout;
	const grown = grownSize(rollout);
	if (current === undefined) return { scale: new Map(), create: grown };
	if (grown !== current.wanted) return { scale: new Map([[current.name, grown]]) };
	const all = sum([...old, current], (set) => set.wanted);
	const minimum = replicas - rollout.maxUnavailable;
	const broken = Math.max(0, current.wanted - current.available);
	const removable = all - minimum - broken;
	if (removable <= 0) return nothing;
	return { scale: shrunkOld(rollout, removable, minimum) };
}

/** How large the new ReplicaSet may be now. */
function grownSize({ current, old, replicas, maxSurge }: Rollout): number {
	const wanted = current?.wanted ?? 0;
	if (wanted >= replicas) return replicas;
	const total = wanted + sum(old, (set) => set.wanted);
	const room = Math.max(0, replicas + maxSurge - total);
	return wanted + Math.min(room, replicas - wanted);
}

function shrunkOld(rollout: Rollout, removable: number, minimum: number): Map<string, number> {
	const sizes = new Map(rollout.old.map((set) => [set.name, set.wanted]));
	let left = removable;
	const shrink = (name: string, by: number) => {
		sizes.set(name, (sizes.get(name) ?? 0) - by);
		left -= by;
	};
	// Pods that are not available serve nobody: taking them away costs nothing.
	for (const { name, wanted, available } of rollout.old) {
		shrink(name, Math.max(0, Math.min(left, wanted - Math.min(available, wanted))));
	}
	const available = sum([...rollout.old, ...(rollout.current ? [rollout.current] : [])], (set) =>
		Math.min(set.available, set.wanted),
	);
	let spare = Math.min(left, available - minimum);
	for (const { name } of rollout.old) {
		const by = Math.max(0, Math.min(spare, sizes.get(name) ?? 0));
		shrink(name, by);
		spare -= by;
	}
	return changedSizes(rollout.old, sizes);
}

function recreate({ current, old, oldPodsRunning, replicas }: Rollout): RolloutStep {
	const alive = old.filter((set) => set.wanted > 0);
	if (alive.length > 0) return { scale: new Map(alive.map((set) => [set.name, 0])) };
	if (oldPodsRunning > 0) return nothing;
	if (current === undefined) return { scale: new Map(), create: replicas };
	if (current.wanted === replicas) return nothing;
	return { scale: new Map([[current.name, replicas]]) };
}

/** A paused Deployment keeps its templates where they are, but still follows `spec.replicas`. */
function scalePaused({ current, old, replicas }: Rollout): RolloutStep {
	const sets = current === undefined ? old : [...old, current];
	const active = sets.filter((set) => set.wanted > 0);
	const only = active.length === 0 ? current : active.length === 1 ? active[0] : undefined;
	if (only === undefined || only.wanted === replicas) return nothing;
	return { scale: new Map([[only.name, replicas]]) };
}

function changedSizes(
	sets: readonly RolloutReplicas[],
	sizes: ReadonlyMap<string, number>,
): Map<string, number> {
	const changed = sets.filter((set) => sizes.get(set.name) !== set.wanted);
	return new Map(changed.map((set) => [set.name, sizes.get(set.name) ?? set.wanted]));
}

function resolve(replicas: number, bound: number | string, round: (n: number) => number): number {
	if (typeof bound === 'number') return bound;
	const value = Number.parseInt(bound, 10);
	return bound.endsWith('%') ? round((replicas * value) / 100) : value;
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
	return items.reduce((total, item) => total + value(item), 0);
}
