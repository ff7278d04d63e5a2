import type { Plan } from './plan/plan.ts';

/**
 * Remembers which startup orders nobody waits for any more: once ready, or overdue, so that a module
 * that does not come up holds up the others for a limited time only.
 */
export class StartupOrder {
	readonly #deadline: number;
	readonly #passed = new Set<number>();
	#waiting: { readonly order: number; readonly since: number } | undefined;

	/** @param deadline milliseconds that later modules wait for one startup order. */
	constructor(deadline: number) {
		this.#deadline = deadline;
	}

	get passed(): ReadonlySet<number> {
		return this.#passed;
	}

	/** When the order that is waited for is overdue, by the monotonic clock. */
	get overdueAt(): number | undefined {
		return this.#waiting && this.#waiting.since + this.#deadline;
	}

	/** Begins anew for another deployment. */
	reset(): void {
		this.#passed.clear();
		this.#waiting = undefined;
	}

	/**
	 * Takes in what a plan found.
	 *
	 * @returns the order that has just become overdue, if one has.
	 */
	note({ readyOrders, waitingFor }: Plan, now: number): number | undefined {
		for (const order of readyOrders) this.#passed.add(order);
		if (waitingFor === undefined) {
			this.#waiting = undefined;
			return undefined;
		}
		if (this.#waiting?.order !== waitingFor) this.#waiting = { order: waitingFor, since: now };
		if (now < this.#waiting.since + this.#deadline) return undefined;
		this.#passed.add(waitingFor);
		this.#waiting = undefined;
		return waitingFor;
	}
}
