import type { DeliveryLane } from './delivery-lane.ts';

/** Lanes that have something to send and may: the smallest priority first, equal ones in turn. */
export class ReadyLanes {
	readonly #byPriority = new Map<number, Set<DeliveryLane>>();

	/** Lists a lane under the priority of what it sends next, or moves it there. */
	add(lane: DeliveryLane): void {
		const { priority } = lane;
		if (lane.listedUnder === priority) return;
		this.delete(lane);
		if (priority === undefined) return;
		const lanes = this.#byPriority.get(priority) ?? new Set();
		this.#byPriority.set(priority, lanes.add(lane));
		lane.listedUnder = priority;
	}

	delete(lane: DeliveryLane): void {
		if (lane.listedUnder === undefined) return;
		const lanes = this.#byPriority.get(lane.listedUnder);
		lanes?.delete(lane);
		if (lanes?.size === 0) this.#byPriority.delete(lane.listedUnder);
		lane.listedUnder = undefined;
	}

	/** Takes the lane whose turn it is. */
	take(): DeliveryLane | undefined {
		if (this.#byPriority.size === 0) return undefined;
		const lanes = this.#byPriority.get(Math.min(...this.#byPriority.keys()));
		const [lane] = lanes ?? [];
		if (lane !== undefined) this.delete(lane);
		return lane;
	}
}
