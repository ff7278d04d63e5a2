import { Fifo } from './fifo.ts';

/** A received message of QoS 1 whose PUBACK is due. */
interface Owed {
	readonly packetId: number;
	done: boolean;
}

export interface InboundWindowOptions {
	/** Messages that may be unfinished while more are read. */
	readonly max: number;
	/** Bytes that they may have together. */
	readonly maxBytes: number;
	/** A message has been dealt with, and all before it that want to be acknowledged. */
	readonly acknowledge: (packetId: number) => void;
	/** A message could not be dealt with. */
	readonly failed: (error: unknown) => void;
}

/**
 * Received messages that are still being handled: acknowledges them in the order in which they
 * came [MQTT-4.6.0-2], and tells when there are too many to read on.
 */
export class InboundWindow {
	readonly #options: InboundWindowOptions;
	readonly #owed = new Fifo<Owed>();
	#unfinished = 0;
	#unfinishedBytes = 0;
	#closed = false;
	#room: (() => void) | undefined;

	constructor(options: InboundWindowOptions) {
		this.#options = options;
	}

	/**
	 * @param bytes size of the message
	 * @param handled settles when the message has been dealt with
	 * @param packetId absent for QoS 0, which nobody acknowledges
	 * @returns what to wait for before the next packet is read, if anything
	 */
	add(
		bytes: number,
		handled: Promise<void>,
		packetId: number | undefined,
	): Promise<void> | undefined {
		const owed = packetId === undefined ? undefined : { packetId, done: false };
		if (owed !== undefined) this.#owed.push(owed);
		this.#unfinished += 1;
		this.#unfinishedBytes += bytes;
		handled.then(() => {
			if (owed !== undefined) owed.done = true;
			this.#finished(bytes);
		}, this.#options.failed);
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
		const { max, maxBytes } = this.#options;
		return this.#unfinished <= max && this.#unfinishedBytes <= maxBytes;
	}

	#finished(bytes: number): void {
		this.#unfinished -= 1;
		this.#unfinishedBytes -= bytes;
		for (let next = this.#owed.peek(); next?.done && !this.#closed; next = this.#owed.peek()) {
			this.#owed.shift();
			this.#options.acknowledge(next.packetId);
		}
		if (this.#room === undefined || !this.#hasRoom) return;
		this.#room();
		this.#room = undefined;
	}
}
