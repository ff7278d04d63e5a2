import type { LogSegment } from './log-segment.ts';

/** The segments of a log by base. The last one is written to, the others are sealed. */
export class SegmentList {
	#segments: LogSegment[] = [];

	get all(): readonly LogSegment[] {
		return this.#segments;
	}

	get last(): LogSegment | undefined {
		return this.#segments.at(-1);
	}

	get sealed(): readonly LogSegment[] {
		return this.#segments.slice(0, -1);
	}

	/** Bytes on disk, and live records. */
	get size(): { readonly bytes: number; readonly records: number } {
		let bytes = 0;
		let records = 0;
		for (const segment of this.#segments) {
			bytes += segment.bytes + segment.releaseBytes;
			records += segment.liveRecords;
		}
		return { bytes, records };
	}

	add(...segments: readonly LogSegment[]): void {
		this.#segments.push(...segments);
	}

	/** Lets one segment, or none, take the place of neighbours. */
	replace(sources: readonly LogSegment[], target?: LogSegment): void {
		const place = this.#segments.findIndex((segment) => sources.includes(segment));
		const rest = this.#segments.filter((segment) => !sources.includes(segment));
		if (target !== undefined) rest.splice(place, 0, target);
		this.#segments = rest;
	}

	/** The segment that holds an offset, should the record exist. */
	find(offset: number): LogSegment | undefined {
		let low = 0;
		let high = this.#segments.length - 1;
		while (low < high) {
			const middle = (low + high + 1) >> 1;
			if ((this.#segments[middle]?.identity.base ?? 0) <= offset) low = middle;
			else high = middle - 1;
		}
		return this.#segments[low];
	}
}
