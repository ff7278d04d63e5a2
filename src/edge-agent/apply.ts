import type { ClusterClient } from '../cluster/cluster-client.ts';
import { ClusterError } from '../cluster/cluster-error.ts';
import {
	describeReference,
	type KubernetesObject,
	type ObjectReference,
	referenceOf,
} from '../cluster/kubernetes-object.ts';
import type { Clock } from '../runtime/clock.ts';
import { EdgeError } from '../runtime/edge-error.ts';
import type { Logger } from '../runtime/logger.ts';
import type { EventRecorder } from './event-recorder.ts';
import type { AgentMetrics } from './metrics/agent-metrics.ts';
import type { DesiredObject, DeviceScope } from './plan/desired-object.ts';
import { driftOf } from './plan/drift.ts';
import type { Plan, Step } from './plan/plan.ts';
import { deviceLabel, managedBy, managedByLabel } from './translation/translation.ts';
import { type ApplyFailure, keyOf, WritePace } from './write-pace.ts';

/** Where own writes are entered at once, so that the next plan knows of them. */
export interface WriteObserver {
	observe(object: KubernetesObject): void;
	observeDeletion(object: KubernetesObject): void;
}

/** What an applier needs. */
export interface ApplierSettings {
	readonly client: ClusterClient;
	readonly clock: Clock;
	readonly logger: Logger;
	readonly events: EventRecorder;
	readonly scope: DeviceScope;
	readonly observer: WriteObserver;
	readonly metrics: Pick<AgentMetrics, 'written'>;
	/** Told when the API server takes nothing new, as the namespace is being deleted. */
	readonly onNamespaceEnds: () => void;
}

/** What the agent writes under, for server-side apply. */
export const fieldManager = 'edge-agent';

/** Writes under way at a time. */
const concurrency = 8;
/** Kinds that may be deleted and made anew when a field cannot be changed: they hold nobody's data. */
const replaceable = new Set([
	'Deployment',
	'Job',
	'Service',
	'Secret',
	'ConfigMap',
	'RoleBinding',
	'PodDisruptionBudget',
]);

/** Carries out plans. Each object fails on its own, and is tried again on its own. */
export class Applier {
	readonly #settings: ApplierSettings;
	readonly #pace: WritePace;
	readonly #rewritten = new Map<string, ReadonlySet<string>>();
	readonly #foreignClaims = new Set<string>();

	constructor(settings: ApplierSettings) {
		this.#settings = settings;
		this.#pace = new WritePace(settings.clock);
	}

	/** Failures that have not been overcome. */
	get failures(): ApplyFailure[] {
		return this.#pace.failures;
	}

	/** Fields, by object key, that the server writes differently from how they are declared. */
	get rewritten(): ReadonlyMap<string, ReadonlySet<string>> {
		return this.#rewritten;
	}

	/** Keys of objects that the server refuses for good. */
	get refused(): ReadonlySet<string> {
		return this.#pace.refused;
	}

	/** Keys of claims that somebody else made, and that are used as they are. */
	get foreignClaims(): ReadonlySet<string> {
		return this.#foreignClaims;
	}

	/** When the next write is due, by the monotonic clock; undefined: none waits. */
	get nextRetry(): number | undefined {
		return this.#pace.nextWrite;
	}

	/** Forgets what it knows of objects that are no longer desired. */
	retain(desired: readonly DesiredObject[]): void {
		const keys = new Set(desired.map(({ key }) => key));
		this.#pace.retainRepairs(keys);
		for (const known of [this.#rewritten, this.#foreignClaims]) {
			for (const key of known.keys()) if (!keys.has(key)) known.delete(key);
		}
	}

	/** Looks again, with the next plan, at claims that others made. */
	forgetForeignClaims(): void {
		this.#foreignClaims.clear();
	}

	/** Carries out a plan, stage by stage. @returns whether anything was written. */
	async run({ stages, waiting }: Plan, signal: AbortSignal): Promise<boolean> {
		let written = false;
		this.#pace.retainFailures(new Set([...stages.flat().map(keyOf), ...waiting]));
		for (const stage of stages) {
			const due = stage.filter((step) => this.#pace.isDue(step));
			await inParallel(due, async (step) => {
				if (signal.aborted) return;
				if (await this.#attempt(step, signal)) written = true;
			});
		}
		return written;
	}

	async #attempt(step: Step, signal: AbortSignal): Promise<boolean> {
		const { clock, metrics } = this.#settings;
		const began = clock.monotonic();
		const count = (succeeded: boolean) =>
			metrics.written(step.kind, kindOf(step), (clock.monotonic() - began) / 1000, succeeded);
		try {
			await this.#carryOut(step, signal);
			this.#pace.succeeded(step);
			count(true);
			return true;
		} catch (error) {
			if (signal.aborted) return false;
			count(false);
			if (error instanceof ClusterError && error.namespaceEnds) {
				this.#settings.onNamespaceEnds();
			} else {
				this.#fail(step, error);
			}
			return false;
		}
	}

	async #carryOut(step: Step, signal: AbortSignal): Promise<void> {
		switch (step.kind) {
			case 'create':
				return this.#create(step.desired, signal);
			case 'update':
				return this.#update(step.desired, step.live, signal);
			case 'repair':
				await this.#update(step.desired, step.live, signal);
				this.#tellRepair(step.desired, step.live, step.drift);
				return;
			case 'delete':
				return this.#delete(step.live, signal);
		}
	}

	/** Does not touch what somebody else has made under the same name. */
	async #create(desired: DesiredObject, signal: AbortSignal): Promise<void> {
		const existing = await this.#settings.client.get(desired.reference, signal);
		if (existing !== undefined && !this.#isOurs(existing)) {
			if (existing.kind !== 'PersistentVolumeClaim') throw foreignObject(desired.reference);
			this.#foreignClaims.add(desired.key);
			return;
		}
		await this.#apply(desired, signal);
	}

	async #update(
		desired: DesiredObject,
		live: KubernetesObject,
		signal: AbortSignal,
	): Promise<void> {
		try {
			await this.#apply(desired, signal);
		} catch (error) {
			if (!isImmutable(error) || !replaceable.has(desired.reference.kind)) throw error;
			this.#log('replaced, as it cannot be changed', desired.reference);
			await this.#delete(live, signal);
		}
	}

	async #apply(desired: DesiredObject, signal: AbortSignal): Promise<void> {
		const live = await this.#settings.client.apply(desired.object, { fieldManager }, signal);
		this.#settings.observer.observe(live);
		const rewritten = driftOf(desired.object, live);
		if (rewritten.length === 0) this.#rewritten.delete(desired.key);
		else this.#rewritten.set(desired.key, new Set(rewritten));
		this.#log('applied', desired.reference);
	}

	async #delete(live: KubernetesObject, signal: AbortSignal): Promise<void> {
		const { uid } = live.metadata;
		const options = uid === undefined ? {} : { uid };
		await this.#settings.client.delete(referenceOf(live), options, signal);
		this.#settings.observer.observeDeletion(live);
		this.#log('deleted', referenceOf(live));
	}

	#tellRepair(desired: DesiredObject, live: KubernetesObject, drift: readonly string[]): void {
		const { uid } = live.metadata;
		this.#settings.events.record({
			type: 'Warning',
			reason: 'DriftRepaired',
			note: `Restored what the deployment declares: ${drift.join(', ')}.`,
			regarding: { ...desired.reference, ...(uid === undefined ? {} : { uid }) },
		});
	}

	#fail(step: Step, error: unknown): void {
		const { clock, logger, events } = this.#settings;
		const { reference, message, retryAt } = this.#pace.failed(step, error);
		const object = describeReference(reference);
		const retryInMs = retryAt - clock.monotonic();
		logger.warn('a write failed', { object, step: step.kind, error: message, retryInMs });
		events.record({
			type: 'Warning',
			reason: 'ApplyFailed',
			note: `The ${step.kind} of ${object} failed: ${message}`,
			regarding: reference,
		});
	}

	#isOurs({ metadata }: KubernetesObject): boolean {
		const { labels = {} } = metadata;
		return (
			labels[managedByLabel] === managedBy && labels[deviceLabel] === this.#settings.scope.device
		);
	}

	#log(what: string, reference: ObjectReference): void {
		this.#settings.logger.info(what, { object: describeReference(reference) });
	}
}

function kindOf(step: Step): string {
	return step.kind === 'delete' ? step.live.kind : step.desired.reference.kind;
}

function isImmutable(error: unknown): boolean {
	if (!(error instanceof ClusterError) || error.status !== 422 || error.byPolicy) return false;
	return /immutable|may not (be )?change/i.test(error.message);
}

function foreignObject(reference: ObjectReference): EdgeError {
	const object = describeReference(reference);
	return new EdgeError(
		'EDGE_OBJECT_FOREIGN',
		`${object} exists and was not made by this edge agent.`,
		{ where: object },
	);
}

async function inParallel<Item>(
	items: readonly Item[],
	work: (item: Item) => Promise<void>,
): Promise<void> {
	const queue = items.values();
	const worker = async () => {
		for (const item of queue) await work(item);
	};
	await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker));
}
