/** A received message whose handling has not finished. */
interface Unfinished {
	readonly acknowledge: () => void;
	done: boolean;
}

/**
 * Received messages that are still being handled: acknowledges them in the order in which they
 * came [MQTT-4.6.0-2], and tells when there are too many to read on.
 */
export class InboundWindow {
	readonly #max: number;
	readonly #unfinished: Unfinished[] = [];
	#room: (() => void) | undefined;

	/** @param max messages that may be unfinished while more are read */
	constructor(max: number) {
		this.#max = max;
	}

	/**
	 * @param handled settles when the message has been dealt with
	 * @param acknowledge called when this message and all before it have been
	 * @param failed called when `handled` rejects; nothing is acknowledged from here on
	 * @returns what to wait for before the next packet is read, if anything
	 */
	add(
		handled: Promise<void>,
		acknowledge: () => void,
		failed: (error: unknown) => void,
	): Promise<void> | undefined {
		const entry: Unfinished = { acknowledge, done: false };
		this.#unfinished.push(entry);
		handled.then(() => {
			entry.done = true;
			this.#flush();
		}, failed);
		if (this.#unfinished.length <= this.#max) return undefined;
		return new Promise((resolve) => {
			this.#room = resolve;
		});
	}

	/** Lets whoever waits for room go on; nothing is acknowledged any more. */
	close(): void {
		this.#unfinished.length = 0;
		this.#room?.();
	}

	#flush(): void {
		while (this.#unfinished[0]?.done) this.#unfinished.shift()?.acknowledge();
		if (this.#unfinished.length > this.#max) return;
		this.#room?.();
		this.#room = undefined;
	}
}
