import type { Clock, Timer } from '../runtime/clock.ts';
import type { FileSystem } from './file-system.ts';
import type { LogLimits } from './log-limits.ts';
import { recordPath, type SegmentIdentity, sparePath } from './segment-file.ts';
import type { SegmentList } from './segment-list.ts';

export interface SpareSegmentsOptions {
	readonly segments: SegmentList;
	readonly limits: LogLimits;
	readonly files: FileSystem;
	readonly clock: Clock;
}

interface Spare {
	readonly path: string;
	readonly bytes: number;
}

/** One is written over while the other's records are being delivered. */
const maxSpares = 2;

/** Milliseconds after which a spare that nobody needed goes back to the volume. */
const spareTime = 10_000;

/**
 * Files of segments that hold no live record any more, kept to be written over. A sync of what was
 * written into space that a file already has is the cheapest there is: nothing about the file has
 * to be recorded, no space to be found, none given back. Records of the former segment have another
 * salt than those of the new one, and do not pass for its own.
 */
export class SpareSegments {
	readonly #options: SpareSegmentsOptions;
	#spares: Spare[] = [];
	#timer: Timer | undefined;

	constructor(options: SpareSegmentsOptions) {
		this.#options = options;
	}

	/** Keeps the file of a segment, or deletes it. */
	async keep(identity: SegmentIdentity, bytes: number): Promise<void> {
		const { files } = this.#options;
		const path = recordPath(identity);
		if (!this.#hasPlaceFor(bytes)) return files.remove(path);
		const spare = { path: sparePath(identity), bytes };
		await files.rename(path, spare.path);
		this.#spares.push(spare);
		this.#giveBackLater();
	}

	/** @returns the path of a spare, which is the caller's then; undefined where there is none. */
	take(): string | undefined {
		return this.#spares.pop()?.path;
	}

	/** Deletes all spares. */
	async giveBack(): Promise<void> {
		this.#timer?.[Symbol.dispose]();
		this.#timer = undefined;
		const spares = this.#spares;
		this.#spares = [];
		for (const { path } of spares) await this.#options.files.remove(path);
	}

	/**
	 * In half of the log's limit at most: the other half is more than what is written until the spare
	 * is used, so that log and spares never exceed the limit.
	 */
	#hasPlaceFor(bytes: number): boolean {
		const { segments, limits } = this.#options;
		if (this.#spares.length >= maxSpares) return false;
		const kept = this.#spares.reduce((sum, spare) => sum + spare.bytes, bytes);
		return segments.size.bytes + kept <= limits.maxBytes / 2;
	}

	#giveBackLater(): void {
		this.#timer?.[Symbol.dispose]();
		this.#timer = this.#options.clock.after(spareTime, () => {
			// What cannot be deleted now is when the log is opened again.
			this.giveBack().catch(() => {});
		});
	}
}
