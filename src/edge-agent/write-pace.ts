import { ClusterError } from '../cluster/cluster-error.ts';
import { type ObjectReference, referenceOf } from '../cluster/kubernetes-object.ts';
import { Backoff } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import { EdgeError, messageOf } from '../runtime/edge-error.ts';
import { objectKey } from './plan/desired-object.ts';
import type { Step } from './plan/plan.ts';

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

/** A write that is refused for good is tried so much later, in case the cluster has changed. Milliseconds. */
const terminalRetry = 600_000;
/** Without a repair for this long, an object counts as left in peace. Milliseconds. */
const quiet = 600_000;

interface Attempts {
	readonly hash: string;
	readonly backoff: Backoff;
	readonly failure: ApplyFailure;
}

interface Repairs {
	readonly backoff: Backoff;
	readonly at: number;
	readonly notBefore: number;
}

/**
 * When each object may be written again. After a failure: with back-off and jitter where trying again
 * can help, rarely where it cannot, at once when something else is to be written. After a repair: at
 * once the first time, ever more slowly for whoever keeps changing an object.
 */
export class WritePace {
	readonly #clock: Clock;
	readonly #failed = new Map<string, Attempts>();
	readonly #repaired = new Map<string, Repairs>();

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** Failures that have not been overcome. */
	get failures(): ApplyFailure[] {
		return [...this.#failed.values()].map(({ failure }) => failure);
	}

	/** Keys of objects that the server refuses for good. */
	get refused(): ReadonlySet<string> {
		const refused = new Set<string>();
		for (const [key, { failure }] of this.#failed) if (failure.terminal) refused.add(key);
		return refused;
	}

	/** When the next write is due, by the monotonic clock; undefined: none waits. */
	get nextWrite(): number | undefined {
		const now = this.#clock.monotonic();
		const times = this.failures.map(({ retryAt }) => retryAt);
		for (const { notBefore } of this.#repaired.values()) {
			if (notBefore > now) times.push(notBefore);
		}
		return times.length === 0 ? undefined : Math.min(...times);
	}

	/** Whether a step need not wait. */
	isDue(step: Step): boolean {
		const now = this.#clock.monotonic();
		const key = keyOf(step);
		const attempts = this.#failed.get(key);
		if (attempts !== undefined && attempts.hash === hashOf(step)) {
			return attempts.failure.retryAt <= now;
		}
		return step.kind !== 'repair' || (this.#repaired.get(key)?.notBefore ?? 0) <= now;
	}

	/** Takes note of a write that was done. */
	succeeded(step: Step): void {
		this.#failed.delete(keyOf(step));
		if (step.kind !== 'repair') return;
		const now = this.#clock.monotonic();
		const known = this.#repaired.get(keyOf(step));
		const backoff = known?.backoff ?? new Backoff({ initial: 2000, max: 300_000 });
		if (known !== undefined && now - known.at > quiet) backoff.reset();
		this.#repaired.set(keyOf(step), { backoff, at: now, notBefore: now + backoff.next() });
	}

	/** Takes note of a write that was not done, and says when it is tried again. */
	failed(step: Step, error: unknown): ApplyFailure {
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
		const module = step.kind === 'delete' ? undefined : step.desired.module;
		const failure = {
			reference: step.kind === 'delete' ? referenceOf(step.live) : step.desired.reference,
			message: messageOf(error),
			terminal,
			retryAt: this.#clock.monotonic() + delay,
			...(module === undefined ? {} : { module }),
		};
		this.#failed.set(key, { hash, backoff, failure });
		return failure;
	}

	/** Forgets failures of what is no longer to be written. */
	retainFailures(needed: ReadonlySet<string>): void {
		for (const key of this.#failed.keys()) if (!needed.has(key)) this.#failed.delete(key);
	}

	/** Forgets repairs of what is no longer desired. */
	retainRepairs(desired: ReadonlySet<string>): void {
		for (const key of this.#repaired.keys()) if (!desired.has(key)) this.#repaired.delete(key);
	}
}

/** The key of the object that a step writes. */
export function keyOf(step: Step): string {
	return step.kind === 'delete' ? objectKey(referenceOf(step.live)) : step.desired.key;
}

/** Of a deletion: empty, as nothing is declared. */
function hashOf(step: Step): string {
	return step.kind === 'delete' ? '' : step.desired.hash;
}
