import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/edge-error.ts';
import { isJsonObject, type JsonObject } from '../runtime/json.ts';
import type { Logger } from '../runtime/logger.ts';
import type { ClusterClient } from './cluster-client.ts';
import { ClusterError } from './cluster-error.ts';
import type { KubernetesObject, ObjectMeta, OwnerReference } from './kubernetes-object.ts';

/**
 * Who stands for election, and for what. Times in milliseconds. A leader outlasts an API server that is
 * away for a minute; client-go's shorter defaults are for services that must not miss their leader for
 * as long.
 */
export interface LeaderElectionOptions {
	readonly client: Pick<ClusterClient, 'get' | 'create' | 'replace'>;
	readonly namespace: string;
	/** Name of the Lease. */
	readonly name: string;
	/**
	 * Who this is, e.g. the name of the pod. Whoever has the name of the holder takes over at once:
	 * a container of the same pod starts only when the one before has ended.
	 */
	readonly holder: string;
	/**
	 * Whether a holder is known to be no more, e.g. because its pod is gone: then only `endedDuration` is
	 * waited for, in which a holder that lives would renew. Default: nothing is known.
	 */
	readonly hasEnded?: (holder: string, signal: AbortSignal) => Promise<boolean>;
	/** With whose end the Lease is collected; looked up when it is taken. Default: nobody's. */
	readonly owner?: (signal: AbortSignal) => Promise<OwnerReference | undefined>;
	readonly clock: Clock;
	readonly logger: Logger;
	/** How long others wait after the last sign of life of a leader. Default 90 s. */
	readonly leaseDuration?: number;
	/** The same after a leader that is known to be no more. Default 15 s. */
	readonly endedDuration?: number;
	/** After so long without a renewal a leader gives up by itself; less than `leaseDuration`. Default 75 s. */
	readonly renewDeadline?: number;
	/** Time between two attempts to get it, or to renew it when that has failed. Default 2 s. */
	readonly retryPeriod?: number;
}

/** A Lease is renewed after this part of its duration: each renewal is a write to the cluster's disk. */
const renewAfter = 1 / 9;

/** The time during which this is the leader. */
export interface Leadership {
	/** Aborts when somebody else may become the leader. */
	readonly lost: AbortSignal;
	/** Gives it up, so that the next leader need not wait. Best effort; at most a few seconds. */
	release(): Promise<void>;
	/** Lets it run out: nothing of it is written any more, as the right to may be gone. */
	abandon(): void;
}

/** What was seen of a Lease and when, by the own monotonic clock. */
interface Sighting {
	readonly version: string;
	readonly at: number;
}

/**
 * One leader at a time, by a Lease (`coordination.k8s.io/v1`). Clocks of different machines are never
 * compared: a Lease counts as expired when it has not changed for its duration as measured here. A
 * leader that cannot renew in time stops before others begin, also when its process was suspended.
 */
export class LeaderElection {
	readonly #options: Required<LeaderElectionOptions>;
	#owner: OwnerReference | undefined;
	#seen: Sighting | undefined;
	/** Why the last attempt failed, to say it once. */
	#trouble = '';

	constructor(options: LeaderElectionOptions) {
		this.#options = {
			owner: async () => undefined,
			hasEnded: async () => false,
			leaseDuration: 90_000,
			endedDuration: 15_000,
			renewDeadline: 75_000,
			retryPeriod: 2_000,
			...options,
		};
	}

	/** Waits until this is the leader. Rejects with the signal's reason when it aborts before. */
	async acquire(signal: AbortSignal): Promise<Leadership> {
		const { clock, logger, retryPeriod, name, holder } = this.#options;
		for (;;) {
			signal.throwIfAborted();
			const began = clock.monotonic();
			const lease = await this.#attempt(signal);
			if (lease !== undefined) {
				logger.info('This is the leader.', { lease: name, holder });
				return this.#lead(lease, began);
			}
			await clock.sleep(retryPeriod, signal);
		}
	}

	/** @returns the Lease as this has taken it; undefined while somebody else has it. */
	async #attempt(signal: AbortSignal): Promise<KubernetesObject | undefined> {
		const { logger, name } = this.#options;
		try {
			const lease = await this.#take(signal);
			this.#trouble = '';
			return lease;
		} catch (error) {
			signal.throwIfAborted();
			const reason = messageOf(error);
			const isNews = !isConflict(error) && reason !== this.#trouble;
			if (isNews) logger.warn('The Lease cannot be had yet.', { lease: name, reason });
			this.#trouble = reason;
			return undefined;
		}
	}

	async #take(signal: AbortSignal): Promise<KubernetesObject | undefined> {
		const { client, owner } = this.#options;
		const lease = await client.get(this.#reference, signal);
		if (lease !== undefined && !(await this.#isToBeHad(lease, signal))) return undefined;
		this.#owner = await owner(signal);
		const mine = this.#lease(lease);
		return lease === undefined ? client.create(mine, signal) : client.replace(mine, signal);
	}

	async #isToBeHad(lease: KubernetesObject, signal: AbortSignal): Promise<boolean> {
		const { holder, endedDuration, hasEnded } = this.#options;
		const current = holderOf(lease);
		if (current === '' || current === holder || this.#isOlderThan(lease)) return true;
		if (!this.#isOlderThan(lease, endedDuration)) return false;
		return hasEnded(current, signal).catch(() => false);
	}

	/** @param limit default: the duration that the Lease itself names */
	#isOlderThan(lease: KubernetesObject, limit?: number): boolean {
		const { clock, leaseDuration } = this.#options;
		const version = lease.metadata.resourceVersion ?? '';
		const now = clock.monotonic();
		if (this.#seen?.version !== version) this.#seen = { version, at: now };
		const seconds = lease.spec?.['leaseDurationSeconds'];
		const duration = typeof seconds === 'number' ? seconds * 1000 : leaseDuration;
		return now - this.#seen.at > (limit ?? duration);
	}

	#lead(taken: KubernetesObject, since: number): Leadership {
		const { clock, name, logger } = this.#options;
		const lost = new AbortController();
		const released = new AbortController();
		let lease = taken;
		let isAbandoned = false;
		const renewing = this.#keepRenewing(taken, since, released.signal, (renewed) => {
			lease = renewed;
		}).then((reason) => {
			if (released.signal.aborted) return;
			logger.error('The leadership is lost.', { lease: name, reason });
			lost.abort(new Error(reason));
		});
		return {
			lost: lost.signal,
			release: async () => {
				released.abort();
				await renewing;
				if (lost.signal.aborted || isAbandoned) return;
				const limit = new AbortController();
				using _timer = clock.after(3_000, () => limit.abort());
				await this.#release(lease, limit.signal);
			},
			abandon: () => {
				isAbandoned = true;
				released.abort();
			},
		};
	}

	/** Resolves when the Lease is lost, with why, or when the signal aborts. */
	async #keepRenewing(
		taken: KubernetesObject,
		since: number,
		signal: AbortSignal,
		onRenewed: (lease: KubernetesObject) => void,
	): Promise<string> {
		const { clock, leaseDuration, retryPeriod, renewDeadline, holder } = this.#options;
		let lease = taken;
		let renewed = since;
		let wait = leaseDuration * renewAfter;
		while (!signal.aborted) {
			await clock.sleep(wait, signal).catch(() => {});
			wait = retryPeriod;
			const began = clock.monotonic();
			const left = renewed + renewDeadline - began;
			if (left <= 0) return 'It was not renewed in time.';
			if (signal.aborted) break;
			const result = await this.#renew(lease, left, signal);
			if (result === undefined) continue;
			if (holderOf(result.lease) !== holder) return `${holderOf(result.lease)} has taken it.`;
			lease = result.lease;
			onRenewed(lease);
			if (!result.renewed) continue;
			renewed = began;
			wait = leaseDuration * renewAfter;
		}
		return 'It was released.';
	}

	/** @returns the Lease as it is now; undefined when the server could not be asked in time. */
	async #renew(
		lease: KubernetesObject,
		within: number,
		signal: AbortSignal,
	): Promise<{ readonly lease: KubernetesObject; readonly renewed: boolean } | undefined> {
		const { client, clock } = this.#options;
		const limit = new AbortController();
		using _timer = clock.after(within, () => limit.abort());
		const either = AbortSignal.any([signal, limit.signal]);
		try {
			return { lease: await client.replace(this.#lease(lease), either), renewed: true };
		} catch (error) {
			return isConflict(error) ? this.#lookAgain(either) : undefined;
		}
	}

	/** A write of ours whose answer was lost also looks like somebody else's. */
	async #lookAgain(signal: AbortSignal) {
		const { client } = this.#options;
		try {
			const lease = await client.get(this.#reference, signal);
			if (lease !== undefined) return { lease, renewed: false };
			return { lease: await client.create(this.#lease(undefined), signal), renewed: true };
		} catch {
			return undefined;
		}
	}

	async #release(lease: KubernetesObject, signal: AbortSignal): Promise<void> {
		const { client, logger, name } = this.#options;
		const free = this.#lease(lease);
		free.spec = { ...free.spec, holderIdentity: '', leaseDurationSeconds: 1 };
		try {
			await client.replace(free, signal);
		} catch (error) {
			logger.warn('The Lease was not released.', { lease: name, reason: messageOf(error) });
		}
	}

	/** The Lease with this as its holder, from now on. */
	#lease(before: KubernetesObject | undefined): KubernetesObject {
		const { namespace, name, holder, leaseDuration, clock } = this.#options;
		const time = microTime(clock.now());
		const mine = before !== undefined && holderOf(before) === holder;
		const transitions = Number(before?.spec?.['leaseTransitions'] ?? 0);
		const acquired = mine ? before.spec?.['acquireTime'] : time;
		const spec: JsonObject = {
			holderIdentity: holder,
			leaseDurationSeconds: Math.ceil(leaseDuration / 1000),
			acquireTime: acquired ?? time,
			renewTime: time,
			leaseTransitions: mine || before === undefined ? transitions : transitions + 1,
		};
		const metadata: ObjectMeta =
			before === undefined ? { name, namespace } : { ...before.metadata };
		if (this.#owner !== undefined) metadata.ownerReferences = [this.#owner];
		return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
	}

	get #reference() {
		const { namespace, name } = this.#options;
		return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace, name };
	}
}

function holderOf({ spec }: KubernetesObject): string {
	const holder = isJsonObject(spec) ? spec['holderIdentity'] : undefined;
	return typeof holder === 'string' ? holder : '';
}

/** Somebody else was faster, or has deleted it. */
function isConflict(error: unknown): boolean {
	return error instanceof ClusterError && (error.status === 409 || error.status === 404);
}

/** `metav1.MicroTime` has six decimals. */
function microTime(milliseconds: number): string {
	return new Date(milliseconds).toISOString().replace('Z', '000Z');
}
