const defaultSegmentBytes = 16 * 1024 * 1024;

/** How large a log may become, and its segments. The limit can be lowered and raised while it runs. */
export class LogLimits {
	readonly #maxBytes: number;
	readonly #segmentBytes: number | undefined;
	#lowered = Number.POSITIVE_INFINITY;

	/** @param segmentBytes default 16 MiB, or an eighth of the limit when that is less */
	constructor(maxBytes: number, segmentBytes: number | undefined) {
		this.#maxBytes = maxBytes;
		this.#segmentBytes = segmentBytes;
	}

	/** Bytes on disk. */
	get maxBytes(): number {
		return Math.min(this.#maxBytes, this.#lowered);
	}

	/** Space is given back by segments: a small log needs small ones. */
	get segmentBytes(): number {
		const most = Math.floor(this.maxBytes / 8);
		return this.#segmentBytes ?? Math.min(defaultSegmentBytes, most);
	}

	/** @param maxBytes undefined for the limit that the log was made with */
	lowerTo(maxBytes: number | undefined): void {
		this.#lowered = maxBytes ?? Number.POSITIVE_INFINITY;
	}
}
