/** `AMQP` read as the size of a frame: the protocol header, 8 bytes [AMQP 1.0, 2.2]. */
const headerMagic = 0x41_4d_51_50;

/**
 * Follows the frames of a byte stream and notices a size that is not allowed, before anybody buffers
 * a frame of four gigabytes [AMQP 1.0, 2.3.1].
 */
export class FrameBoundary {
	readonly #maxFrameBytes: number;
	/** Bytes of the current frame that are still to come. */
	#left = 0;
	#size = 0;
	#digits = 0;

	constructor(maxFrameBytes: number) {
		this.#maxFrameBytes = maxFrameBytes;
	}

	/** @returns false when a frame is too short or too long */
	passes(chunk: Uint8Array): boolean {
		let at = 0;
		while (at < chunk.length) {
			if (this.#left > 0) {
				const skipped = Math.min(this.#left, chunk.length - at);
				this.#left -= skipped;
				at += skipped;
			} else {
				if (!this.#sizeByte(chunk[at] ?? 0)) return false;
				at += 1;
			}
		}
		return true;
	}

	#sizeByte(byte: number): boolean {
		this.#size = this.#size * 256 + byte;
		this.#digits += 1;
		if (this.#digits < 4) return true;
		const size = this.#size === headerMagic ? 8 : this.#size;
		this.#size = 0;
		this.#digits = 0;
		this.#left = size - 4;
		return size >= 8 && size <= this.#maxFrameBytes;
	}
}
