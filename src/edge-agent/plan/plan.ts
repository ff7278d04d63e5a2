import { type KubernetesObject, referenceOf } from '../../cluster/kubernetes-object.ts';
import {
	deviceLabel,
	keepAnnotation,
	managedBy,
	managedByLabel,
	moduleLabel,
} from '../translation/translation.ts';
import { applicableClaim } from './applicable-claim.ts';
import {
	type DesiredObject,
	type DeviceScope,
	declaredHashAnnotation,
	isWorkload,
	objectKey,
} from './desired-object.ts';
import { driftOf } from './drift.ts';
import { isWorkloadReady } from './workload-readiness.ts';

/** One write. */
export type Step =
	| { readonly kind: 'create'; readonly desired: DesiredObject }
	/** The declaration has changed. */
	| { readonly kind: 'update'; readonly desired: DesiredObject; readonly live: KubernetesObject }
	/** Somebody else has changed fields that are declared. */
	| {
			readonly kind: 'repair';
			readonly desired: DesiredObject;
			readonly live: KubernetesObject;
			readonly drift: readonly string[];
	  }
	| { readonly kind: 'delete'; readonly live: KubernetesObject };

/** What is to be written, and what has to wait. */
export interface Plan {
	/** In order; the steps of one stage need not wait for each other. Never an empty stage. */
	readonly stages: readonly (readonly Step[])[];
	/** Startup orders whose workloads are all ready. */
	readonly readyOrders: readonly number[];
	/** The startup order that later workloads wait for, while some do. */
	readonly waitingFor?: number;
	/** Workloads that wait for it, by key. */
	readonly waiting: readonly string[];
	/** Claims that differ in what nobody can change, with the fields: they stay as they are. */
	readonly unchangeable: readonly { readonly desired: DesiredObject; readonly drift: string[] }[];
	/** Modules, as in the manifest, with a change that waits until they are released. */
	readonly held: readonly string[];
}

/** What a plan is made from. */
export interface PlanInput {
	readonly scope: DeviceScope;
	readonly desired: readonly DesiredObject[];
	/** The live objects that carry the agent's labels. */
	readonly actual: readonly KubernetesObject[];
	/** Module label values whose objects stay although nothing desires them: refused modules. */
	readonly protectedModules?: ReadonlySet<string>;
	/** Module label values of modules that nothing is written of. */
	readonly heldModules?: ReadonlySet<string>;
	/** Startup orders that nobody waits for any more: ready before, or overdue. */
	readonly passedOrders?: ReadonlySet<number>;
	/** Claims, by key, that somebody else made: they are used as they are. */
	readonly foreignClaims?: ReadonlySet<string>;
	/** Objects, by key, that the server refuses for good: nobody waits for them. */
	readonly refused?: ReadonlySet<string>;
	/** Fields, by key, that the server writes differently from how they are declared. */
	readonly rewritten?: ReadonlyMap<string, ReadonlySet<string>>;
	/** Whether claims may be deleted; one that is annotated to be kept never is. Default false. */
	readonly pruneClaims?: boolean;
}

/**
 * Compares what should be with what is. Pure; the same for start-up, a new deployment, a watch event
 * and a resync: applying a plan leaves an empty plan.
 */
export function makePlan(input: PlanInput): Plan {
	const live = new Map(input.actual.map((object) => [objectKey(referenceOf(object)), object]));
	const { parts, workloads, stepsByWorkload, unchangeable, held } = compare(input, live);
	const started = startInOrder(workloads, stepsByWorkload, live, input);
	const wanted = new Set(input.desired.map(({ key }) => key));
	const surplus = [...live].filter(([key]) => !wanted.has(key)).map(([, object]) => object);
	const deletable = surplus.filter((object) => mayDelete(object, input));
	const [workloadsGone, partsGone] = [true, false].map((workload) =>
		deletable
			.filter((object) => isWorkload(object) === workload)
			.map((object): Step => ({ kind: 'delete', live: object })),
	);
	const stages = [workloadsGone ?? [], parts, ...started.stages, partsGone ?? []];
	return { ...started, stages: stages.filter((stage) => stage.length > 0), unchangeable, held };
}

interface Comparison extends Pick<Plan, 'unchangeable' | 'held'> {
	/** Steps of everything but workloads. */
	readonly parts: readonly Step[];
	readonly workloads: readonly DesiredObject[];
	readonly stepsByWorkload: ReadonlyMap<string, Step>;
}

/** What each desired object needs. */
function compare(input: PlanInput, live: ReadonlyMap<string, KubernetesObject>): Comparison {
	const unchangeable: { desired: DesiredObject; drift: string[] }[] = [];
	const parts: Step[] = [];
	const workloads: DesiredObject[] = [];
	const stepsByWorkload = new Map<string, Step>();
	const held = new Set<string>();
	for (const desired of input.desired) {
		const isOfWorkload = desired.startupOrder !== undefined;
		if (isOfWorkload) workloads.push(desired);
		const step = stepFor(desired, live.get(desired.key), input, unchangeable);
		if (step === undefined) continue;
		if (isHeld(desired, input)) {
			// What somebody changes by hand meanwhile is no change of the deployment.
			if (step.kind !== 'repair') held.add(desired.module ?? '');
		} else if (isOfWorkload) stepsByWorkload.set(desired.key, step);
		else parts.push(step);
	}
	return { parts, workloads, stepsByWorkload, unchangeable, held: [...held] };
}

function isHeld({ object }: DesiredObject, { heldModules }: PlanInput): boolean {
	return heldModules?.has(object.metadata.labels?.[moduleLabel] ?? '') ?? false;
}

function stepFor(
	desired: DesiredObject,
	live: KubernetesObject | undefined,
	input: PlanInput,
	unchangeable: { desired: DesiredObject; drift: string[] }[],
): Step | undefined {
	if (live === undefined) {
		return input.foreignClaims?.has(desired.key) ? undefined : { kind: 'create', desired };
	}
	// What is going away must be gone before its successor can come.
	if (live.metadata.deletionTimestamp !== undefined) return undefined;
	const rewritten = input.rewritten?.get(desired.key);
	const wanted = isClaim(desired) ? asApplicable(desired, live, unchangeable) : desired;
	const drift = driftOf(wanted.object, live).filter((path) => !rewritten?.has(path));
	if (live.metadata.annotations?.[declaredHashAnnotation] !== desired.hash) {
		return { kind: 'update', desired: wanted, live };
	}
	return drift.length === 0 ? undefined : { kind: 'repair', desired: wanted, live, drift };
}

function isClaim({ reference }: DesiredObject): boolean {
	return reference.kind === 'PersistentVolumeClaim';
}

/** A claim as it may be applied; what differs and cannot change is told. */
function asApplicable(
	desired: DesiredObject,
	live: KubernetesObject,
	unchangeable: { desired: DesiredObject; drift: string[] }[],
): DesiredObject {
	const object = applicableClaim(desired.object, live);
	const applicable = new Set(driftOf(object, live));
	const drift = driftOf(desired.object, live).filter((path) => !applicable.has(path));
	if (drift.length > 0) unchangeable.push({ desired, drift });
	return { ...desired, object };
}

type Start = Pick<Plan, 'stages' | 'readyOrders' | 'waitingFor' | 'waiting'>;

/**
 * Workloads of one startup order at a time: a later one is created or changed when all earlier ones
 * are ready, or nobody waits for them any more. Repairs wait for nothing.
 */
function startInOrder(
	workloads: readonly DesiredObject[],
	steps: ReadonlyMap<string, Step>,
	actual: ReadonlyMap<string, KubernetesObject>,
	input: PlanInput,
): Start {
	const stages: Step[][] = [];
	const readyOrders: number[] = [];
	const waiting: string[] = [];
	let waitingFor: number | undefined;
	for (const [order, group] of groupByOrder(workloads)) {
		const due = group.flatMap(({ key }) => steps.get(key) ?? []);
		const now = due.filter((step) => waitingFor === undefined || step.kind === 'repair');
		stages.push(now);
		waiting.push(...keysOf(due.filter((step) => !now.includes(step))));
		const ready = group.every(
			(workload) => isHeld(workload, input) || isReady(workload.key, steps, actual, input),
		);
		if (ready) readyOrders.push(order);
		else if (!input.passedOrders?.has(order)) waitingFor ??= order;
	}
	const awaited = waitingFor === undefined || waiting.length === 0 ? {} : { waitingFor };
	return { stages, readyOrders, waiting, ...awaited };
}

function keysOf(steps: readonly Step[]): string[] {
	return steps.flatMap((step) => (step.kind === 'delete' ? [] : [step.desired.key]));
}

function isReady(
	key: string,
	steps: ReadonlyMap<string, Step>,
	actual: ReadonlyMap<string, KubernetesObject>,
	input: PlanInput,
): boolean {
	if (input.refused?.has(key)) return true;
	const live = actual.get(key);
	if (live === undefined || live.metadata.deletionTimestamp !== undefined) return false;
	return !steps.has(key) && isWorkloadReady(live);
}

function groupByOrder(workloads: readonly DesiredObject[]): [number, DesiredObject[]][] {
	const groups = Map.groupBy(workloads, ({ startupOrder = 0 }) => startupOrder);
	return [...groups].sort(([a], [b]) => a - b);
}

/**
 * Only what the agent itself has applied for this device, is not owned by anybody else and holds
 * nobody's data.
 */
function mayDelete(object: KubernetesObject, input: PlanInput): boolean {
	const { scope, protectedModules = new Set(), heldModules = new Set() } = input;
	const {
		labels = {},
		annotations = {},
		deletionTimestamp,
		ownerReferences = [],
	} = object.metadata;
	if (deletionTimestamp !== undefined) return false;
	if (labels[managedByLabel] !== managedBy || labels[deviceLabel] !== scope.device) return false;
	if (annotations[declaredHashAnnotation] === undefined) return false;
	if (ownerReferences.some(({ uid }) => uid !== scope.ownerUid)) return false;
	if (object.kind === 'PersistentVolumeClaim') {
		if (input.pruneClaims !== true || annotations[keepAnnotation] === 'true') return false;
	}
	if (protectedModules.size === 0 && heldModules.size === 0) return true;
	// What no single module owns may be needed by what still runs of a refused or held one.
	const module = labels[moduleLabel];
	return module !== undefined && !protectedModules.has(module) && !heldModules.has(module);
}
