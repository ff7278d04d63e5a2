import test from 'ava';
import fc from 'fast-check';
import type { KubernetesObject } from '../../../src/cluster/kubernetes-object.ts';
import { referenceOf } from '../../../src/cluster/kubernetes-object.ts';
import { fieldManager } from '../../../src/edge-agent/apply.ts';
import { desiredObjects } from '../../../src/edge-agent/plan/desired-object.ts';
import { heldModules } from '../../../src/edge-agent/plan/held-modules.ts';
import { makePlan, type Plan, type PlanInput } from '../../../src/edge-agent/plan/plan.ts';
import { holdAnnotation } from '../../../src/edge-agent/translation/translation.ts';
import { desiredState, namespace, type TestModule } from '../../support/desired-state.ts';
import { MemoryCluster } from '../../support/memory-cluster.ts';

const scope = { namespace, device: 'device' };

function objectsOf(modules: readonly TestModule[]) {
	return desiredObjects(desiredState(1, modules).translation, scope);
}

function plan(
	modules: readonly TestModule[],
	actual: readonly KubernetesObject[],
	rest: Partial<PlanInput> = {},
): Plan {
	return makePlan({ scope, desired: objectsOf(modules), actual, ...rest });
}

/** The objects of some modules as they are after they were applied. */
function applied(modules: readonly TestModule[]): KubernetesObject[] {
	return objectsOf(modules).map(({ object }) => structuredClone(object));
}

function ready(object: KubernetesObject): KubernetesObject {
	const status = { observedGeneration: 1, updatedReplicas: 1, availableReplicas: 1 };
	return object.kind === 'Deployment' ? { ...object, status } : object;
}

function claim(spec: Record<string, unknown>, annotations: Record<string, string> = {}) {
	const metadata = { name: 'data', namespace, annotations };
	const object = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec };
	const translation = { objects: [object as KubernetesObject], problems: [], modules: [] };
	return desiredObjects(translation, scope);
}

/** `create Deployment a`, stage by stage. */
function described({ stages }: Plan): string[][] {
	return stages.map((stage) =>
		stage.map((step) => {
			const { kind, metadata } = step.kind === 'delete' ? step.live : step.desired.object;
			return `${step.kind} ${kind} ${metadata.name}`;
		}),
	);
}

test('creates everything where there is nothing, workloads last', (t) => {
	t.deepEqual(described(plan([{ name: 'a' }], [])), [
		['create ServiceAccount a', 'create Service a'],
		['create Deployment a'],
	]);
});

test('is empty where everything is as declared', (t) => {
	const modules = [{ name: 'a' }, { name: 'b' }];
	t.deepEqual(described(plan(modules, applied(modules))), []);
});

test('updates what is declared differently, and only that', (t) => {
	const live = applied([{ name: 'a' }, { name: 'b' }]);
	const result = plan([{ name: 'a' }, { name: 'b', image: 'example/image:2' }], live);
	t.deepEqual(described(result), [['update Deployment b']]);
});

test('notices a field that is no longer declared although nothing declared differs', (t) => {
	const live = applied([{ name: 'a', env: { OLD: '1' } }]);
	t.deepEqual(described(plan([{ name: 'a' }], live)), [['update Deployment a']]);
});

test('repairs what somebody changed and names the fields', (t) => {
	const live = applied([{ name: 'a' }]);
	for (const object of live)
		if (object.kind === 'Deployment') Object.assign(object.spec ?? {}, { replicas: 5 });
	const { stages } = plan([{ name: 'a' }], live);
	t.like(stages[0]?.[0], { kind: 'repair', drift: ['spec.replicas'] });
});

test('does not repair what the server is known to write differently', (t) => {
	const live = applied([{ name: 'a' }]);
	for (const object of live)
		if (object.kind === 'Deployment') Object.assign(object.spec ?? {}, { replicas: 5 });
	const rewritten = new Map([['apps/v1/Deployment/a', new Set(['spec.replicas'])]]);
	t.deepEqual(described(plan([{ name: 'a' }], live, { rewritten })), []);
});

test('waits until an object that is being deleted is gone', (t) => {
	const live = applied([{ name: 'a' }]);
	for (const { metadata } of live) metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
	t.deepEqual(described(plan([{ name: 'a', image: 'example/image:2' }], live)), []);
	t.deepEqual(described(plan([], live)), []);
});

test('deletes what is no longer desired: workloads first, the rest last', (t) => {
	const live = applied([{ name: 'a' }]);
	t.deepEqual(described(plan([{ name: 'b' }], live)), [
		['delete Deployment a'],
		['create ServiceAccount b', 'create Service b'],
		['create Deployment b'],
		['delete ServiceAccount a', 'delete Service a'],
	]);
});

const untouchable: Record<string, (object: KubernetesObject) => void> = {
	'an object that is managed by somebody else': ({ metadata }) => {
		metadata.labels = { ...metadata.labels, 'app.kubernetes.io/managed-by': 'Helm' };
	},
	'an object of another device': ({ metadata }) => {
		metadata.labels = { ...metadata.labels, 'net.azure-devices.edge.deviceid': 'other' };
	},
	'an object that carries the labels but was not applied by the agent': ({ metadata }) => {
		metadata.annotations = {};
	},
	'an object that somebody else owns': ({ metadata }) => {
		metadata.ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'stranger' }];
	},
};

for (const [what, change] of Object.entries(untouchable)) {
	test(`never deletes ${what}`, (t) => {
		const live = applied([{ name: 'a' }]);
		for (const object of live) change(object);
		t.deepEqual(described(plan([], live)), []);
	});
}

test('deletes what its own owner owns', (t) => {
	const live = applied([{ name: 'a' }]);
	const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'edgeagent', uid: 'own' };
	for (const { metadata } of live) metadata.ownerReferences = [owner];
	t.is(described(plan([], live, { scope: { ...scope, ownerUid: 'own' } })).flat().length, 3);
});

test('keeps what still runs of a refused module, and what modules share, while one is refused', (t) => {
	const live = applied([{ name: 'a' }, { name: 'b' }]);
	const shared = claim({})[0]?.object;
	const secret = { ...structuredClone(shared), kind: 'Secret', spec: {} } as KubernetesObject;
	const result = plan([], [...live, secret], { protectedModules: new Set(['a']) });
	t.deepEqual(described(result).flat().sort(), [
		'delete Deployment b',
		'delete Service b',
		'delete ServiceAccount b',
	]);
});

test('deletes a claim only when told to, and never one that is to be kept', (t) => {
	const own = claim({}).map(({ object }) => object);
	const kept = claim({}, { 'net.azure-devices.edge.keep': 'true' }).map(({ object }) => object);
	t.deepEqual(described(plan([], own)), []);
	t.deepEqual(described(plan([], own, { pruneClaims: true })), [
		['delete PersistentVolumeClaim data'],
	]);
	t.deepEqual(described(plan([], kept, { pruneClaims: true })), []);
});

/** The claim that the only step of a plan applies. */
function appliedClaim({ stages }: Plan): KubernetesObject {
	const [step, ...others] = stages.flat();
	if (step === undefined || step.kind === 'delete' || others.length > 0) throw new Error('no step');
	return step.desired.object;
}

test('lets a claim grow, and never touches what cannot be changed about it', (t) => {
	const size = (storage: string, mode = 'ReadWriteOnce', keep = 'true') =>
		claim(
			{ accessModes: [mode], resources: { requests: { storage } } },
			{ 'net.azure-devices.edge.keep': keep },
		);
	const live = size('1Gi').map(({ object }) => {
		return { ...object, spec: { ...object.spec, storageClassName: 'fast', volumeName: 'pv-1' } };
	});
	const against = (desired: ReturnType<typeof claim>) => makePlan({ scope, desired, actual: live });
	const fixed = { accessModes: ['ReadWriteOnce'], storageClassName: 'fast', volumeName: 'pv-1' };
	const requests = (storage: string) => ({ resources: { requests: { storage } } });
	t.deepEqual(appliedClaim(against(size('2Gi'))).spec, { ...fixed, ...requests('2Gi') });

	const smaller = against(size('500Mi'));
	t.deepEqual(appliedClaim(smaller).spec, { ...fixed, ...requests('1Gi') });
	t.deepEqual(smaller.unchangeable[0]?.drift, ['spec.resources.requests.storage']);

	const other = against(size('4Gi', 'ReadWriteMany', 'false'));
	const { spec, metadata } = appliedClaim(other);
	t.deepEqual(spec, { ...fixed, ...requests('4Gi') });
	t.is(metadata.annotations?.['net.azure-devices.edge.keep'], 'false');
	t.deepEqual(other.unchangeable[0]?.drift, ['spec.accessModes[0]']);

	const after = [{ ...appliedClaim(other) }];
	const desired = size('4Gi', 'ReadWriteMany', 'false');
	t.deepEqual(described(makePlan({ scope, desired, actual: after })), []);
});

test('does not create a claim that somebody else has made', (t) => {
	const foreignClaims = new Set(['v1/PersistentVolumeClaim/data']);
	t.deepEqual(described(makePlan({ scope, desired: claim({}), actual: [], foreignClaims })), []);
});

test('starts modules of one startup order after those before it are ready', (t) => {
	const modules = [
		{ name: 'late', startupOrder: 2 },
		{ name: 'first', startupOrder: 1 },
	];
	const nothing = plan(modules, []);
	t.deepEqual(described(nothing).slice(1), [['create Deployment first']]);
	t.is(nothing.waitingFor, 1);
	t.deepEqual(nothing.waiting, ['apps/v1/Deployment/late']);

	const begun = applied(modules).filter(
		({ kind, metadata }) => kind !== 'Deployment' || metadata.name === 'first',
	);
	t.deepEqual(described(plan(modules, begun)), []);
	const done = plan(modules, begun.map(ready));
	t.deepEqual(described(done), [['create Deployment late']]);
	t.deepEqual(done.readyOrders, [1]);
	t.is(done.waitingFor, undefined);
});

test('waits neither for an order that is overdue nor for what the server refuses for good', (t) => {
	const modules = [
		{ name: 'late', startupOrder: 2 },
		{ name: 'first', startupOrder: 1 },
	];
	const begun = applied(modules).filter(
		({ kind, metadata }) => kind !== 'Deployment' || metadata.name === 'first',
	);
	t.deepEqual(described(plan(modules, begun, { passedOrders: new Set([1]) })), [
		['create Deployment late'],
	]);
	const refused = new Set(['apps/v1/Deployment/first']);
	t.deepEqual(described(plan(modules, begun, { refused })), [['create Deployment late']]);
});

test('repairs a module although earlier ones are not ready', (t) => {
	const modules = [
		{ name: 'late', startupOrder: 2 },
		{ name: 'first', startupOrder: 1 },
	];
	const live = applied(modules);
	for (const object of live) {
		if (object.metadata.name === 'late') object.metadata.labels = { ...object.metadata.labels };
		if (object.kind === 'Deployment' && object.metadata.name === 'late') {
			Object.assign(object.spec ?? {}, { replicas: 0 });
		}
	}
	t.deepEqual(described(plan(modules, live)), [['repair Deployment late']]);
});

test('a Job lets later modules start when its pod is ready or it has ended', (t) => {
	const modules: TestModule[] = [
		{ name: 'late', startupOrder: 2 },
		{ name: 'first', startupOrder: 1, kind: 'Job' },
	];
	const begun = applied(modules).filter(({ kind }) => kind !== 'Deployment');
	const withStatus = (status: NonNullable<KubernetesObject['status']>) =>
		begun.map((object) => (object.kind === 'Job' ? { ...object, status } : object));
	const steps = (status: NonNullable<KubernetesObject['status']>) =>
		described(plan(modules, withStatus(status))).length;
	t.is(steps({ active: 1, ready: 0 }), 0);
	t.is(steps({ active: 1, ready: 1 }), 1);
	t.is(steps({ conditions: [{ type: 'Complete', status: 'True' }] }), 1);
	t.is(steps({ conditions: [{ type: 'Failed', status: 'True' }] }), 1);
});

const testModule = fc.record({
	name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
	image: fc.constantFrom('example/image:1', 'example/image:2'),
	replicas: fc.integer({ min: 0, max: 3 }),
	status: fc.constantFrom('running' as const, 'stopped' as const),
	env: fc.dictionary(fc.constantFrom('A', 'B', 'C'), fc.constantFrom('', '1', '2')),
	startupOrder: fc.constantFrom(1, 2, 3),
});
const deployment = fc.uniqueArray(testModule, { selector: ({ name }) => name });
const vandalism = fc.array(
	fc.record({ victim: fc.nat(), replicas: fc.nat(9), remove: fc.boolean() }),
	{ maxLength: 3 },
);

test('applying plans leaves an empty plan, whatever was there and whatever others do meanwhile', async (t) => {
	await fc.assert(
		fc.asyncProperty(deployment, deployment, vandalism, async (before, after, damage) => {
			const cluster = new MemoryCluster();
			await converge(cluster, before);
			for (const { victim, replicas, remove } of damage) {
				const all = cluster.all('Deployment');
				const target = all[victim % Math.max(1, all.length)];
				if (target === undefined) continue;
				if (remove) await cluster.delete(referenceOf(target));
				else await cluster.patch(referenceOf(target), { spec: { replicas } });
			}
			await converge(cluster, after);
			const names = cluster.all('Deployment').map(({ metadata }) => metadata.name);
			t.deepEqual(names.sort(), after.map(({ name }) => name).sort());
			const written = cluster.writes.length;
			t.deepEqual(described(await next(cluster, after)), []);
			t.is(cluster.writes.length, written);
		}),
		{ numRuns: 150 },
	);
});

async function next(cluster: MemoryCluster, modules: readonly TestModule[]): Promise<Plan> {
	const kinds = ['ServiceAccount', 'Service', 'Deployment'];
	return plan(
		modules,
		kinds.flatMap((kind) => cluster.all(kind)),
	);
}

/** Carries out plans until one is empty; every workload is ready as soon as it is there. */
async function converge(cluster: MemoryCluster, modules: readonly TestModule[]): Promise<void> {
	for (let round = 0; round < 10; round += 1) {
		const { stages, waiting } = await next(cluster, modules);
		if (stages.length === 0 && waiting.length === 0) return;
		for (const step of stages.flat()) {
			if (step.kind === 'delete') await cluster.delete(referenceOf(step.live));
			else await cluster.apply(step.desired.object, { fieldManager });
		}
		for (const object of cluster.all('Deployment')) {
			const count = Number(object.spec?.['replicas']);
			const observedGeneration = object.metadata.generation ?? 0;
			const status = { observedGeneration, updatedReplicas: count, availableReplicas: count };
			cluster.setStatus(referenceOf(object), status);
		}
	}
	throw new Error('The plan does not converge.');
}

test('nothing of a held module is written or deleted, and nobody waits for it', (t) => {
	const before = [{ name: 'job', kind: 'Job', startupOrder: 1 }, { name: 'b' }] as const;
	const live = applied(before).map(ready);
	const old = live.filter(({ metadata }) => metadata.name.startsWith('job'));
	for (const object of old) {
		if (object.kind === 'Job') object.metadata.name = 'job-old';
	}
	const changed = [
		{ name: 'job', kind: 'Job', startupOrder: 1, image: 'job:2' },
		{ name: 'b', image: 'b:2' },
	] as const;
	const free = plan(changed, live);
	t.true(described(free).flat().includes('delete Job job-old'));
	const held = plan(changed, live, { heldModules: new Set(['job']) });
	t.deepEqual(described(held), [['update Deployment b']]);
	t.deepEqual(held.held, ['job']);
});

test('a module is held by its manifest or by an annotation, once it runs', (t) => {
	const { translation } = desiredState(1, [{ name: 'a' }, { name: 'b' }, { name: 'c' }]);
	const modules = translation.modules.map((module) => ({ ...module, held: module.name === 'a' }));
	const live = applied([{ name: 'a' }, { name: 'b' }]);
	t.deepEqual([...heldModules({ modules }, [])], []);
	t.deepEqual([...heldModules({ modules }, live)], ['a']);
	for (const { kind, metadata } of live) {
		if (kind === 'Deployment') {
			metadata.annotations = { ...metadata.annotations, [holdAnnotation]: 'true' };
		}
	}
	t.deepEqual([...heldModules({ modules }, live)], ['a', 'b']);
});
