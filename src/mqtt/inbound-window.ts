/** A received message of QoS 1 whose PUBACK is due. */
interface Owed {
	readonly acknowledge: () => void;
	done: boolean;
}

/**
 * Received messages that are still being handled: acknowledges them in the order in which they
 * came [MQTT-4.6.0-2], and tells when there are too many to read on.
 */
export class InboundWindow {
	readonly #max: number;
	readonly #maxBytes: number;
	readonly #owed: Owed[] = [];
	#unfinished = 0;
	#unfinishedBytes = 0;
	#closed = false;
	#room: (() => void) | undefined;

	/**
	 * @param max messages that may be unfinished while more are read
	 * @param maxBytes bytes that they may have together
	 */
	constructor(max: number, maxBytes: number) {
		this.#max = max;
		this.#maxBytes = maxBytes;
	}

	/**
	 * @param bytes size of the message
	 * @param handled settles when the message has been dealt with
	 * @param acknowledge called when this message has been, and all before it that had one; absent
	 * for QoS 0
	 * @param failed called when `handled` rejects
	 * @returns what to wait for before the next packet is read, if anything
	 */
	add(
		bytes: number,
		handled: Promise<void>,
		acknowledge: (() => void) | undefined,
		failed: (error: unknown) => void,
	): Promise<void> | undefined {
		const owed = acknowledge === undefined ? undefined : { acknowledge, done: false };
		if (owed !== undefined) this.#owed.push(owed);
		this.#unfinished += 1;
		this.#unfinishedBytes += bytes;
		handled.then(() => {
			if (owed !== undefined) owed.done = true;
			this.#finished(bytes);
		}, failed);
		if (this.#hasRoom) return undefined;
		return new Promise((resolve) => {
			this.#room = resolve;
		});
	}

	/** Lets whoever waits for room go on; nothing is acknowledged any more. */
	close(): void {
		this.#closed = true;
		this.#room?.();
	}

	get #hasRoom(): boolean {
		return this.#unfinished <= this.#max && this.#unfinishedBytes <= this.#maxBytes;
	}

	#finished(bytes: number): void {
		this.#unfinished -= 1;
		this.#unfinishedBytes -= bytes;
		while (!this.#closed && this.#owed[0]?.done) this.#owed.shift()?.acknowledge();
		if (!this.#hasRoom) return;
		this.#room?.();
		this.#room = undefined;
	}
}
