import type { ClusterClient } from '../cluster/cluster-client.ts';
import type { ObjectReference, OwnerReference } from '../cluster/kubernetes-object.ts';
import { ObjectCache } from '../cluster/object-cache.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import { messageOf } from '../runtime/edge-error.ts';
import type { Lifecycle } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/logger.ts';
import { RetryingTask } from '../runtime/retrying-task.ts';
import type { AgentStatus, DesiredState } from './agent-status.ts';
import { Applier } from './apply.ts';
import { DeploymentNews } from './deployment-news.ts';
import { EventRecorder } from './event-recorder.ts';
import { ManagedObjects } from './managed-objects.ts';
import { type AgentMetrics, noMetrics } from './metrics/agent-metrics.ts';
import {
	type DesiredObject,
	type DeviceScope,
	desiredObjects,
	managedSelector,
} from './plan/desired-object.ts';
import { heldModules } from './plan/held-modules.ts';
import { makePlan, type Plan } from './plan/plan.ts';
import { StartupOrder } from './startup-order.ts';
import { agentStatusOf } from './status/agent-status-of.ts';
import { unhealthyAt } from './status/pod-status.ts';
import type { PodView } from './status/pod-view.ts';
import { labelValue } from './translation/object-name.ts';
import { deviceLabel, moduleLabel } from './translation/translation.ts';
import type { Uninstallation } from './uninstallation.ts';

/** What a reconciler needs; times in milliseconds. */
export interface ReconcilerSettings {
	readonly client: ClusterClient;
	/** Namespace of the edge device: nothing outside is read or written. */
	readonly namespace: string;
	readonly deviceId: string;
	/** Owner of every object but claims, as the translation declares it. */
	readonly owner?: OwnerReference;
	readonly clock: Clock;
	readonly logger: Logger;
	/** Whether claims that nothing desires may be deleted. Default false. */
	readonly pruneClaims?: boolean;
	/** Everything is compared anew at least so often. Default 10 minutes. */
	readonly resync?: number;
	/** How long modules wait for those that start before them. Default 2 minutes. */
	readonly startupDeadline?: number;
	/** Default: nothing is counted. */
	readonly metrics?: AgentMetrics;
	/** Once it begins, nothing is written. Default: it never does. */
	readonly uninstallation?: Pick<Uninstallation, 'signal' | 'noteNamespaceEnds'>;
}

/** Changes within this time are answered by one pass. */
const coalesced = 100;
/** While the cluster cannot be read, the reason is looked up so often. */
const unreadable = 5000;

const notStarted: AgentStatus = {
	code: 406,
	description: 'No deployment is known yet.',
	modules: new Map(),
	problems: [],
	failedRollouts: [],
	held: [],
	settled: false,
};

/**
 * Keeps the cluster as the deployment wants it. Level-triggered: start, a new deployment, a change in
 * the cluster, a retry and a resync all do the same — compare everything that should be with
 * everything that is, and write the difference. It needs neither IoT Hub nor a network beyond the
 * API server, and never gives up.
 */
export class Reconciler implements Lifecycle {
	/** Pods of the device's modules, kept up to date. */
	readonly pods: ObjectCache;
	readonly #settings: ReconcilerSettings;
	readonly #scope: DeviceScope;
	readonly #objects: ManagedObjects;
	readonly #events: EventRecorder;
	readonly #news: DeploymentNews;
	readonly #applier: Applier;
	readonly #task: RetryingTask;
	readonly #order: StartupOrder;
	readonly #listeners = new Set<(status: AgentStatus) => void>();
	readonly #timers: Timer[] = [];
	#alarm: Timer | undefined;
	#startedAt = '';
	#state: DesiredState | undefined;
	#desired: readonly DesiredObject[] = [];
	#attempted: DesiredState | undefined;
	#plan: Plan | undefined;
	#status = notStarted;
	#published = '';
	/** When the oldest pass was asked for that has not succeeded; the same of the one under way. */
	#wantedSince: number | undefined;
	#passWantedSince: number | undefined;

	constructor(settings: ReconcilerSettings) {
		const { client, namespace, clock, logger, deviceId, owner } = settings;
		const resync = settings.resync ?? 600_000;
		const device = labelValue(deviceId);
		this.#settings = settings;
		this.#scope = { namespace, device, ...(owner === undefined ? {} : { ownerUid: owner.uid }) };
		const labelSelector = managedSelector(this.#scope);
		const common = { client, clock, logger, resync };
		this.#objects = new ManagedObjects({ ...common, namespace, labelSelector });
		const podSelector = `${deviceLabel}=${device}`;
		const podQuery = { apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: podSelector };
		this.pods = new ObjectCache({ ...common, query: podQuery });
		this.#events = new EventRecorder({ client, namespace, clock, logger });
		this.#news = new DeploymentNews(this.#events, namespace);
		this.#applier = new Applier({
			...common,
			events: this.#events,
			scope: this.#scope,
			observer: this.#objects,
			metrics: settings.metrics ?? noMetrics,
			onNamespaceEnds: () => settings.uninstallation?.noteNamespaceEnds(),
		});
		this.#order = new StartupOrder(settings.startupDeadline ?? 120_000);
		this.#task = new RetryingTask({
			action: (signal) => this.#countedPass(signal),
			onFailure: (error) => logger.error('reconciling failed', { error: messageOf(error) }),
			backoff: { initial: 1000, max: 60_000 },
			minInterval: coalesced,
			clock,
		});
	}

	/** Begins to follow the cluster. Does not wait for it: it may be away for long. */
	async start(): Promise<void> {
		const { clock, resync = 600_000, uninstallation } = this.#settings;
		uninstallation?.signal.addEventListener('abort', () => void this.#task.stop());
		this.#startedAt = new Date(clock.now()).toISOString();
		this.#objects.onChange(() => this.trigger());
		this.pods.onChange(() => this.trigger());
		this.#timers.push(clock.every(resync, () => this.#resync()));
		await this.#objects.start();
		await this.pods.start();
		// Kinds without objects are synced without a change.
		Promise.all([this.#objects.whenSynced(), this.pods.whenSynced()]).then(
			() => this.trigger(),
			() => {},
		);
	}

	/** Stops following and writing. What runs keeps running. */
	async stop(): Promise<void> {
		for (const timer of this.#timers.splice(0)) timer[Symbol.dispose]();
		await this.#task.stop();
		this.#alarm?.[Symbol.dispose]();
		await Promise.all([this.#objects.stop(), this.pods.stop(), this.#events.flush()]);
	}

	/** What the cluster should look like from now on. */
	setDesired(state: DesiredState): void {
		const desired = desiredObjects(state.translation, this.#scope);
		if (hashesOf(desired) !== hashesOf(this.#desired)) this.#order.reset();
		this.#state = state;
		this.#desired = desired;
		this.#applier.retain(desired);
		this.#news.refusals(state);
		this.#publish();
		this.trigger();
	}

	/** Asks for a pass soon. */
	trigger(): void {
		if (this.#settings.uninstallation?.signal.aborted === true) return;
		this.#wantedSince ??= this.#settings.clock.monotonic();
		this.#task.trigger();
	}

	/** How the cluster is, compared with what is desired. */
	status(): AgentStatus {
		return this.#status;
	}

	/** Calls `listener` whenever the status has changed. @returns a function that ends it. */
	onStatus(listener: (status: AgentStatus) => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	/** Milliseconds since the API server was last heard: grows while it is away. */
	get staleness(): number {
		return Math.max(this.#objects.staleness, this.pods.staleness);
	}

	/** Milliseconds since a watch last heard or tried anything: grows only when one is stuck. */
	get idleness(): number {
		return Math.max(this.#objects.idleness, this.pods.idleness);
	}

	/** Milliseconds that a wanted pass has been outstanding; 0 while none is. */
	get lag(): number {
		const since = this.#passWantedSince ?? this.#wantedSince;
		return since === undefined ? 0 : this.#settings.clock.monotonic() - since;
	}

	/** Writes that have failed and are tried again. */
	get failedWrites(): number {
		return this.#applier.failures.length;
	}

	/** Resolves when no pass is wanted or under way and every Event is written. */
	async idle(): Promise<void> {
		await this.#task.idle();
		await this.#events.flush();
	}

	async #countedPass(signal: AbortSignal): Promise<void> {
		const { clock, metrics = noMetrics } = this.#settings;
		const began = clock.monotonic();
		this.#passWantedSince ??= this.#wantedSince;
		this.#wantedSince = undefined;
		let succeeded = false;
		try {
			await this.#pass(signal);
			this.#passWantedSince = undefined;
			succeeded = true;
		} finally {
			metrics.reconciled((clock.monotonic() - began) / 1000, succeeded);
		}
	}

	async #pass(signal: AbortSignal): Promise<void> {
		const state = this.#state;
		if (state === undefined) return;
		if (!this.#objects.synced) {
			this.#alarmAt(this.#settings.clock.monotonic() + unreadable);
			this.#publish();
			return;
		}
		const actual = this.#objects.all();
		const plan = makePlan({
			scope: this.#scope,
			desired: this.#desired,
			actual,
			protectedModules: refusedModules(state),
			heldModules: heldModules(state.translation, actual),
			passedOrders: this.#order.passed,
			foreignClaims: this.#applier.foreignClaims,
			refused: this.#applier.refused,
			rewritten: this.#applier.rewritten,
			pruneClaims: this.#settings.pruneClaims ?? false,
		});
		this.#plan = plan;
		this.#noteOrder(plan);
		this.#news.unchangeable(plan);
		this.#news.held(plan, state);
		await this.#applier.run(plan, signal);
		if (signal.aborted) return;
		this.#attempted = state;
		this.#news.rollouts(state, (reference) => this.#live(reference));
		this.#setAlarm();
		this.#publish();
	}

	#resync(): void {
		this.#applier.forgetForeignClaims();
		this.trigger();
	}

	#noteOrder(plan: Plan): void {
		const { clock, logger } = this.#settings;
		const overdue = this.#order.note(plan, clock.monotonic());
		if (overdue === undefined) return;
		logger.warn('modules start although earlier ones are not ready', { startupOrder: overdue });
		this.trigger();
	}

	/**
	 * Wakes up for the next retry, when modules have waited long enough for earlier ones, or when one
	 * has been starting for so long that it is unhealthy.
	 */
	#setAlarm(): void {
		const times = [this.#applier.nextRetry, this.#order.overdueAt, this.#nextUnhealthy()];
		this.#alarmAt(Math.min(...times.filter((time) => time !== undefined)));
	}

	/** By the monotonic clock. */
	#nextUnhealthy(): number | undefined {
		const { clock } = this.#settings;
		const now = clock.now();
		let next = Number.POSITIVE_INFINITY;
		for (const pod of this.pods.objects()) {
			const time = unhealthyAt(pod as PodView, pod.metadata.labels?.[moduleLabel] ?? '');
			if (time !== undefined && time > now) next = Math.min(next, time);
		}
		return clock.monotonic() + next - now;
	}

	/** @param time by the monotonic clock; `Infinity`: never. */
	#alarmAt(time: number): void {
		const { clock } = this.#settings;
		this.#alarm?.[Symbol.dispose]();
		this.#alarm = Number.isFinite(time)
			? clock.after(Math.max(0, time - clock.monotonic()), () => this.trigger())
			: undefined;
	}

	#publish(): void {
		if (this.#state === undefined) return;
		const { clock, logger } = this.#settings;
		const plan = this.#plan;
		const unread = this.#objects.synced ? undefined : this.#objects.lastError;
		this.#status = agentStatusOf({
			desired: this.#state,
			workloadOf: (reference) => this.#live(reference),
			pods: this.pods.objects(),
			failures: this.#applier.failures,
			waiting: plan?.waiting ?? [],
			held: plan?.held ?? [],
			attempted: this.#attempted === this.#state,
			converged: plan !== undefined && plan.stages.length === 0 && plan.waiting.length === 0,
			...(unread === undefined ? {} : { unread }),
			startedAt: this.#startedAt,
			now: clock.now(),
		});
		const text = JSON.stringify({ ...this.#status, modules: [...this.#status.modules] });
		if (text === this.#published) return;
		this.#published = text;
		for (const listener of this.#listeners) {
			try {
				listener(this.#status);
			} catch (error) {
				logger.error('a listener of the status failed', { error: messageOf(error) });
			}
		}
	}

	#live({ apiVersion, kind, name }: ObjectReference) {
		return this.#objects.get(apiVersion, kind, name, this.#scope.namespace);
	}
}

function refusedModules({ translation }: DesiredState): ReadonlySet<string> {
	const refused = translation.modules.filter((module) => module.refused);
	return new Set(refused.map(({ objectName }) => objectName));
}

function hashesOf(desired: readonly DesiredObject[]): string {
	return desired.map(({ key, hash }) => `${key}=${hash}`).join(',');
}
