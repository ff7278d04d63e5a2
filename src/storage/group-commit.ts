/**
 * Collects items while the previous group is being committed, so that one expensive operation
 * serves all that came in the meantime. Groups are committed one after the other, items in order.
 */
export class GroupCommit<Item> {
	readonly #commit: (group: readonly Item[]) => Promise<void>;
	readonly #sizeOf: (item: Item) => number;
	readonly #maxSize: number;
	#waiting: Item[] = [];
	#running: Promise<void> | undefined;

	/**
	 * @param commit deals with a group, its failure included.
	 * @param maxSize of a group, in what `sizeOf` measures; a single item may exceed it.
	 */
	constructor(
		commit: (group: readonly Item[]) => Promise<void>,
		sizeOf: (item: Item) => number,
		maxSize: number,
	) {
		this.#commit = commit;
		this.#sizeOf = sizeOf;
		this.#maxSize = maxSize;
	}

	add(item: Item): void {
		this.#waiting.push(item);
		this.#running ??= this.#run();
	}

	/** Resolves when everything added so far is dealt with. */
	async idle(): Promise<void> {
		await this.#running;
	}

	async #run(): Promise<void> {
		// What is added in the same turn belongs to the first group.
		await Promise.resolve();
		while (this.#waiting.length > 0) await this.#commit(this.#take());
		this.#running = undefined;
	}

	#take(): Item[] {
		let size = 0;
		let count = 0;
		for (const item of this.#waiting) {
			size += this.#sizeOf(item);
			if (count > 0 && size > this.#maxSize) break;
			count += 1;
		}
		if (count < this.#waiting.length) return this.#waiting.splice(0, count);
		const group = this.#waiting;
		this.#waiting = [];
		return group;
	}
}
