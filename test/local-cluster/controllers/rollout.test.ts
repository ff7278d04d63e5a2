import test from 'ava';
import fc from 'fast-check';
import {
	nextRolloutStep,
	type Rollout,
	type RolloutReplicas,
	resolveBounds,
} from '../../../src/local-cluster/controllers/rollout.ts';

const set = (name: string, wanted: number, available = wanted): RolloutReplicas => ({
	name,
	wanted,
	existing: wanted,
	available,
});

const rollout = (changes: Partial<Rollout>): Rollout => ({
	strategy: 'RollingUpdate',
	replicas: 3,
	maxSurge: 1,
	maxUnavailable: 0,
	paused: false,
	current: undefined,
	old: [],
	oldPodsRunning: 0,
	...changes,
});

const stepTable: [string, Partial<Rollout>, Record<string, number>, number?][] = [
	['a first ReplicaSet gets all replicas at once', {}, {}, 3],
	['a new template begins with the surge', { old: [set('old', 3)] }, {}, 1],
	[
		'an old pod goes for each new one that is available',
		{ current: set('new', 1), old: [set('old', 3)] },
		{ old: 2 },
	],
	[
		'nothing goes while the new pod is not available',
		{ current: set('new', 1, 0), old: [set('old', 3)] },
		{},
	],
	[
		'old pods that are broken go first',
		{ current: set('new', 1), old: [set('broken', 1, 0), set('old', 2)] },
		{ broken: 0 },
	],
	[
		'with unavailable ones allowed old pods go before new ones are there',
		{ maxUnavailable: 1, maxSurge: 0, current: set('new', 0), old: [set('old', 3)] },
		{ old: 2 },
	],
	['the new ReplicaSet follows spec.replicas down', { current: set('new', 5) }, { new: 3 }],
	['a complete rollout rests', { current: set('new', 3), old: [set('old', 0)] }, {}],
	['zero replicas take everything away', { replicas: 0, current: set('new', 2) }, { new: 0 }],
	[
		'Recreate takes the old away first',
		{ strategy: 'Recreate', old: [set('old', 3)], oldPodsRunning: 3 },
		{ old: 0 },
	],
	[
		'Recreate waits until the old pods have ended',
		{ strategy: 'Recreate', old: [set('old', 0)], oldPodsRunning: 1 },
		{},
	],
	['Recreate then makes the new', { strategy: 'Recreate', old: [set('old', 0)] }, {}, 3],
	['a paused Deployment does not roll out', { paused: true, old: [set('old', 3)] }, {}],
	[
		'a paused Deployment still scales what it has',
		{ paused: true, replicas: 5, old: [set('old', 3)] },
		{ old: 5 },
	],
];

for (const [title, changes, scale, create] of stepTable) {
	test(title, (t) => {
		const step = nextRolloutStep(rollout(changes));
		t.deepEqual(Object.fromEntries(step.scale), scale);
		t.is(step.create, create);
	});
}

const boundTable: [
	number,
	string | number | undefined,
	string | number | undefined,
	number,
	number,
][] = [
	[4, '25%', '25%', 1, 1],
	[1, undefined, undefined, 1, 0],
	[10, '25%', '25%', 3, 2],
	[3, 0, 0, 0, 1],
	[3, 2, '50%', 2, 1],
	[2, 0, 5, 0, 2],
];

test('maxSurge rounds up, maxUnavailable down, and both are never zero', (t) => {
	for (const [replicas, surge, unavailable, maxSurge, maxUnavailable] of boundTable) {
		t.deepEqual(resolveBounds(replicas, surge, unavailable), { maxSurge, maxUnavailable });
	}
});

interface SimulatedSet {
	readonly name: string;
	wanted: number;
	available: number;
}

/** ReplicaSets whose pods become available after a while. */
class Simulation {
	readonly bounds: { maxSurge: number; maxUnavailable: number };
	readonly sets: SimulatedSet[];
	readonly #replicas: number;

	constructor(replicas: number, surge: number, unavailable: number, olds: readonly number[]) {
		this.#replicas = replicas;
		this.bounds = resolveBounds(replicas, surge, unavailable);
		this.sets = olds.map((wanted, index) => ({ name: `${index}`, wanted, available: wanted }));
	}

	get current(): SimulatedSet | undefined {
		return this.sets.find(({ name }) => name === 'new');
	}

	total(member: 'wanted' | 'available'): number {
		return this.sets.reduce((sum, one) => sum + one[member], 0);
	}

	/** Does what the next step says, and then lets some new pods become available. */
	step(becomeAvailable: number): void {
		const state = this.sets.map((one) => ({ ...one, existing: one.wanted }));
		const step = nextRolloutStep(
			rollout({
				replicas: this.#replicas,
				...this.bounds,
				current: state.find(({ name }) => name === 'new'),
				old: state.filter(({ name }) => name !== 'new'),
			}),
		);
		if (step.create !== undefined) {
			this.sets.push({ name: 'new', wanted: step.create, available: 0 });
		}
		for (const one of this.sets) {
			one.wanted = step.scale.get(one.name) ?? one.wanted;
			one.available = Math.min(one.available, one.wanted);
		}
		this.check();
		const { current } = this;
		if (current === undefined) return;
		current.available = Math.min(current.wanted, current.available + becomeAvailable);
	}

	#limits = { wanted: Number.POSITIVE_INFINITY, available: 0 };

	/** Never more pods than the surge allows, never fewer available ones than promised. */
	check(): void {
		const { wanted, available } = this.#limits;
		const most = Math.max(wanted, this.#replicas + this.bounds.maxSurge);
		const least = Math.min(available, this.#replicas - this.bounds.maxUnavailable);
		if (this.total('wanted') > most) throw new Error(`more pods than ${most}`);
		if (this.total('available') < least) throw new Error(`fewer pods than ${least}`);
		this.#limits = { wanted: this.total('wanted'), available: this.total('available') };
	}
}

test('a rolling update converges and keeps its promises on the way', (t) => {
	const size = fc.integer({ min: 0, max: 12 });
	const bound = fc.integer({ min: 0, max: 4 });
	const olds = fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 3 });
	const readiness = fc.array(fc.nat({ max: 3 }), { minLength: 20, maxLength: 20 });
	const property = fc.property(
		size,
		bound,
		bound,
		olds,
		readiness,
		(replicas, surge, gap, old, ready) => {
			const simulation = new Simulation(replicas, surge, gap, old);
			simulation.check();
			for (let turn = 0; turn < 200; turn += 1) simulation.step(ready[turn] ?? 1);
			const [current, ...others] = simulation.sets.toSorted((one) => (one.name === 'new' ? -1 : 1));
			return (
				current?.wanted === replicas &&
				current.available === replicas &&
				others.every(({ wanted }) => wanted === 0)
			);
		},
	);
	t.notThrows(() => fc.assert(property, { numRuns: 500 }));
});
