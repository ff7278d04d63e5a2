import { EdgeError } from '../runtime/edge-error.ts';

const smallestBuffer = 1024;

/** Where the fixed header of a packet ends. */
export function behindFixedHeader(packet: Buffer): number {
	let at = 1;
	while ((packet[at] ?? 0) >= 0x80) at += 1;
	return at + 1;
}

/**
 * Cuts a byte stream into MQTT control packets (fixed header included). A packet that announces
 * more than the limit is refused as soon as its length is known, so that a peer can never make us
 * hold more than one packet and one read.
 */
export class PacketFramer {
	readonly #maxBytes: number;
	#buffer: Buffer = Buffer.alloc(0);
	#start = 0;
	#end = 0;
	/** Whether `#buffer` is ours to append to; a chunk of the stream is not. */
	#own = false;

	/** @param maxBytes size of the largest packet, fixed header included */
	constructor(maxBytes: number) {
		this.#maxBytes = maxBytes;
	}

	/** Bytes that wait for the rest of their packet, or for `next`. */
	get pendingBytes(): number {
		return this.#end - this.#start;
	}

	/** Takes bytes as they came. The chunk must not be changed afterwards. */
	push(chunk: Buffer): void {
		if (this.pendingBytes === 0) {
			this.#buffer = chunk;
			this.#start = 0;
			this.#end = chunk.length;
			this.#own = false;
			return;
		}
		if (!this.#own || this.#buffer.length - this.#end < chunk.length) this.#grow(chunk.length);
		chunk.copy(this.#buffer, this.#end);
		this.#end += chunk.length;
	}

	/**
	 * @returns the next whole packet, or undefined until more bytes come. The bytes stay as they
	 * are for as long as somebody keeps them.
	 * @throws EdgeError EDGE_PACKET_MALFORMED for a remaining length of more than four bytes
	 * [MQTT-2.2.3] or beyond the limit
	 */
	next(): Buffer | undefined {
		const size = this.#nextSize();
		if (size === undefined || this.pendingBytes < size) return undefined;
		const packet = this.#buffer.subarray(this.#start, this.#start + size);
		this.#start += size;
		return packet;
	}

	#nextSize(): number | undefined {
		let length = 0;
		let place = 1;
		for (let index = 1; index <= 4; index++) {
			if (index >= this.pendingBytes) return undefined;
			const byte = this.#buffer[this.#start + index] ?? 0;
			length += (byte & 0x7f) * place;
			if (byte < 0x80) return this.#allowed(1 + index + length);
			place *= 128;
		}
		throw new EdgeError('EDGE_PACKET_MALFORMED', 'The remaining length has more than four bytes.');
	}

	#allowed(size: number): number {
		if (size <= this.#maxBytes) return size;
		throw new EdgeError(
			'EDGE_PACKET_MALFORMED',
			`A packet of ${size} bytes is larger than the limit of ${this.#maxBytes}.`,
		);
	}

	/** Moves the pending bytes to a buffer with room; handed-out packets keep the old one. */
	#grow(more: number): void {
		const pending = this.pendingBytes;
		const larger = Buffer.allocUnsafe(Math.max(smallestBuffer, pending + more, 2 * pending));
		this.#buffer.copy(larger, 0, this.#start, this.#end);
		this.#buffer = larger;
		this.#start = 0;
		this.#end = pending;
		this.#own = true;
	}
}
