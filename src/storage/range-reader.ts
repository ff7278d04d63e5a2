interface RangeRead {
	readonly position: number;
	readonly length: number;
	readonly resolve: (bytes: Buffer) => void;
	readonly reject: (error: unknown) => void;
}

/** Bytes between two ranges that are rather read for nothing than skipped. */
const maxGap = 16 * 1024;

/** Bytes of one read of the file, unless a single range is longer. */
const maxRead = 1024 * 1024;

/**
 * Reads ranges of a file. Those that are asked for in the same turn and lie near each other are read
 * at once: a batch of messages that lie in a row costs one read.
 */
export class RangeReader {
	readonly #fill: (target: Uint8Array, position: number) => Promise<number>;
	#waiting: RangeRead[] = [];

	/** @param fill fills `target` from a position of the file; returns fewer bytes only at its end. */
	constructor(fill: (target: Uint8Array, position: number) => Promise<number>) {
		this.#fill = fill;
	}

	/** @returns the bytes, in memory of their own; fewer only at the end of the file. */
	read(position: number, length: number): Promise<Buffer> {
		return new Promise((resolve, reject) => {
			this.#waiting.push({ position, length, resolve, reject });
			if (this.#waiting.length === 1) queueMicrotask(() => this.#start());
		});
	}

	#start(): void {
		const reads = this.#waiting.sort((a, b) => a.position - b.position);
		this.#waiting = [];
		let run: RangeRead[] = [];
		let end = 0;
		for (const read of reads) {
			const first = run[0]?.position ?? read.position;
			const near = read.position - end <= maxGap;
			if (run.length > 0 && (!near || read.position + read.length - first > maxRead)) {
				void this.#readRun(run, end);
				run = [];
			}
			run.push(read);
			end = Math.max(run.length === 1 ? 0 : end, read.position + read.length);
		}
		void this.#readRun(run, end);
	}

	/** Never rejects: the outcome goes to those that wait. */
	async #readRun(run: readonly RangeRead[], end: number): Promise<void> {
		const start = run[0]?.position ?? 0;
		try {
			// Not from the pool of small buffers: what is kept must not keep its neighbours.
			const bytes = Buffer.allocUnsafeSlow(end - start);
			const read = bytes.subarray(0, await this.#fill(bytes, start));
			for (const { position, length, resolve } of run) {
				const range = read.subarray(position - start, position - start + length);
				resolve(run.length === 1 ? range : ownCopy(range));
			}
		} catch (error) {
			for (const { reject } of run) reject(error);
		}
	}
}

function ownCopy(range: Buffer): Buffer {
	const copy = Buffer.allocUnsafeSlow(range.byteLength);
	range.copy(copy);
	return copy;
}
