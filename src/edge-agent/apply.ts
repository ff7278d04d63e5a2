import type { ClusterClient } from '../cluster/cluster-client.ts';
import { ClusterError } from '../cluster/cluster-error.ts';
import {
	describeReference,
	type KubernetesObject,
	type ObjectReference,
	referenceOf,
} from '../cluster/kubernetes-object.ts';
import { Backoff } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import { EdgeError, messageOf } from '../runtime/edge-error.ts';
import type { Logger } from '../runtime/logger.ts';
import type { EventRecorder } from './event-recorder.ts';
import type { AgentMetrics } from './metrics/agent-metrics.ts';
import { type DesiredObject, type DeviceScope, objectKey } from './plan/desired-object.ts';
import { driftOf } from './plan/drift.ts';
import type { Plan, Step } from './plan/plan.ts';
import { deviceLabel, managedBy, managedByLabel } from './translation/translation.ts';

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

/** A write that did not succeed. It is tried again at `retryAt`. */
export interface ApplyFailure {
	readonly reference: ObjectReference;
	readonly module?: string;
	readonly message: string;
	/** Trying again is pointless until the deployment or the cluster changes. */
	readonly terminal: boolean;
	/** By the monotonic clock, in milliseconds. */
	readonly retryAt: number;
}

/** What the agent writes under, for server-side apply. */
export const fieldManager = 'edge-agent';

/** Writes under way at a time. */
const concurrency = 8;
/** A write that is refused for good is tried so much later, in case the cluster has changed. Milliseconds. */
const terminalRetry = 600_000;
/** Without a repair for this long, an object counts as left in peace. Milliseconds. */
const quiet = 600_000;

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

interface Attempts {
	readonly hash: string;
	readonly backoff: Backoff;
	failure: ApplyFailure;
}

interface Repairs {
	readonly backoff: Backoff;
	at: number;
	notBefore: number;
}

/**
 * Carries out plans. Each object fails on its own: with back-off and jitter where trying again can
 * help, rarely where it cannot; nothing else waits for it.
 */
export class Applier {
	readonly #settings: ApplierSettings;
	readonly #failed = new Map<string, Attempts>();
	readonly #repaired = new Map<string, Repairs>();
	readonly #rewritten = new Map<string, ReadonlySet<string>>();
	readonly #foreignClaims = new Set<string>();

	constructor(settings: ApplierSettings) {
		this.#settings = settings;
	}

	/** Failures that have not been overcome. */
	get failures(): ApplyFailure[] {
		return [...this.#failed.values()].map(({ failure }) => failure);
	}

	/** Fields, by object key, that the server writes differently from how they are declared. */
	get rewritten(): ReadonlyMap<string, ReadonlySet<string>> {
		return this.#rewritten;
	}

	/** Keys of objects that the server refuses for good. */
	get refused(): ReadonlySet<string> {
		const refused = new Set<string>();
		for (const [key, { failure }] of this.#failed) if (failure.terminal) refused.add(key);
		return refused;
	}

	/** Keys of claims that somebody else made, and that are used as they are. */
	get foreignClaims(): ReadonlySet<string> {
		return this.#foreignClaims;
	}

	/** When the next write is due, by the monotonic clock; undefined: none waits. */
	get nextRetry(): number | undefined {
		const now = this.#settings.clock.monotonic();
		const times = [...this.#failed.values()].map(({ failure }) => failure.retryAt);
		for (const { notBefore } of this.#repaired.values()) {
			if (notBefore > now) times.push(notBefore);
		}
		return times.length === 0 ? undefined : Math.min(...times);
	}

	/** Forgets what it knows of objects that are no longer desired. */
	retain(desired: readonly DesiredObject[]): void {
		const keys = new Set(desired.map(({ key }) => key));
		for (const known of [this.#rewritten, this.#repaired, this.#foreignClaims]) {
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
		const needed = new Set([...stages.flat().map(keyOf), ...waiting]);
		for (const key of this.#failed.keys()) if (!needed.has(key)) this.#failed.delete(key);
		for (const stage of stages) {
			const due = stage.filter((step) => this.#isDue(step));
			await inParallel(due, async (step) => {
				if (signal.aborted) return;
				if (await this.#attempt(step, signal)) written = true;
			});
		}
		return written;
	}

	#isDue(step: Step): boolean {
		const now = this.#settings.clock.monotonic();
		const key = keyOf(step);
		const attempts = this.#failed.get(key);
		if (attempts !== undefined && attempts.hash === hashOf(step)) {
			return attempts.failure.retryAt <= now;
		}
		return step.kind !== 'repair' || (this.#repaired.get(key)?.notBefore ?? 0) <= now;
	}

	async #attempt(step: Step, signal: AbortSignal): Promise<boolean> {
		const { clock, metrics } = this.#settings;
		const began = clock.monotonic();
		const count = (succeeded: boolean) =>
			metrics.written(step.kind, kindOf(step), (clock.monotonic() - began) / 1000, succeeded);
		try {
			await this.#carryOut(step, signal);
			this.#failed.delete(keyOf(step));
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

	/** The first repair is made at once; whoever keeps changing an object is answered ever more slowly. */
	#tellRepair(desired: DesiredObject, live: KubernetesObject, drift: readonly string[]): void {
		const now = this.#settings.clock.monotonic();
		const known = this.#repaired.get(desired.key);
		const backoff = known?.backoff ?? new Backoff({ initial: 2000, max: 300_000 });
		if (known !== undefined && now - known.at > quiet) backoff.reset();
		this.#repaired.set(desired.key, { backoff, at: now, notBefore: now + backoff.next() });
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
		const key = keyOf(step);
		const hash = hashOf(step);
		const previous = this.#failed.get(key);
		const backoff =
			previous?.hash === hash ? previous.backoff : new Backoff({ initial: 1000, max: 60_000 });
		const terminal =
			error instanceof ClusterError
				? error.terminal
				: error instanceof EdgeError && error.code === 'EDGE_OBJECT_FOREIGN';
		const hint = error instanceof ClusterError ? (error.retryAfter ?? 0) : 0;
		const delay = terminal ? terminalRetry : Math.max(hint, backoff.next());
		const reference = step.kind === 'delete' ? referenceOf(step.live) : step.desired.reference;
		const module = step.kind === 'delete' ? undefined : step.desired.module;
		const message = messageOf(error);
		const failure = { reference, message, terminal, retryAt: clock.monotonic() + delay };
		this.#failed.set(key, {
			hash,
			backoff,
			failure: module === undefined ? failure : { ...failure, module },
		});
		const object = describeReference(reference);
		logger.warn('a write failed', { object, step: step.kind, error: message, retryInMs: delay });
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

function keyOf(step: Step): string {
	return step.kind === 'delete' ? objectKey(referenceOf(step.live)) : step.desired.key;
}

function kindOf(step: Step): string {
	return step.kind === 'delete' ? step.live.kind : step.desired.reference.kind;
}

/** Of a deletion: empty, as nothing is declared. */
function hashOf(step: Step): string {
	return step.kind === 'delete' ? '' : step.desired.hash;
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
