import type { Clock, Timer } from '../runtime/clock.ts';
import { messageOf } from '../runtime/edge-error.ts';
import type { Logger } from '../runtime/logger.ts';
import type { FileSystem } from './file-system.ts';
import { type CompactionGain, compact, segmentsToCompact } from './log-compaction.ts';
import type { LogLimits } from './log-limits.ts';
import type { LogSegment } from './log-segment.ts';
import type { SegmentList } from './segment-list.ts';
import type { SpareSegments } from './spare-segments.ts';

export interface LogMaintenanceOptions {
	readonly segments: SegmentList;
	readonly spares: SpareSegments;
	readonly limits: LogLimits;
	readonly files: FileSystem;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** Milliseconds: releases are collected so long, synced so much later, and retried after a fault. */
const releaseDelay = 10;
const syncDelay = 1000;

/** What is worth a compaction where nothing else makes room. */
const littleGain = { bytes: 65_536, share: 1 / 16 };

/**
 * Records releases and gives space back: a sealed segment is deleted when its last record is
 * released, and compacted where a few stuck records keep much dead space alive.
 */
export class LogMaintenance {
	readonly #options: LogMaintenanceOptions;
	readonly #segments: SegmentList;
	/** Segments with releases to write, or that may have become removable. */
	readonly #touched = new Set<LogSegment>();
	#tidyTimer: Timer | undefined;
	#syncTimer: Timer | undefined;
	/** One step after the other. */
	#steps: Promise<void> = Promise.resolve();
	#closed = false;
	#damaged = 0;

	constructor(options: LogMaintenanceOptions) {
		this.#options = options;
		this.#segments = options.segments;
	}

	/** Records that a compaction found damaged. */
	get damaged(): number {
		return this.#damaged;
	}

	/** A segment has new releases, or was sealed. */
	touch(segment: LogSegment): void {
		this.#touched.add(segment);
		this.#tidySoon(releaseDelay);
	}

	/**
	 * Gives back what is dead, also inside of sealed segments, until it is enough.
	 * @param thoroughly also where much must be copied to gain little
	 */
	makeRoom(enough: () => Promise<boolean>, thoroughly: boolean): Promise<void> {
		const { segmentBytes } = this.#options.limits;
		const least = thoroughly
			? { bytes: Math.min(segmentBytes / 16, littleGain.bytes), share: littleGain.share }
			: { bytes: segmentBytes / 2 };
		return this.#step(async () => {
			await this.#tidy();
			do {
				await this.#options.spares.giveBack();
				if (await enough()) return;
			} while (await this.#compactOnce(least));
		});
	}

	/** Writes and syncs all releases, and gives all spare space back. */
	async close(): Promise<void> {
		this.#closed = true;
		await this.#step(() => this.#tidy());
		await this.#step(() => this.#syncReleases());
		await this.#step(() => this.#options.spares.giveBack());
		this.#tidyTimer?.[Symbol.dispose]();
		this.#syncTimer?.[Symbol.dispose]();
	}

	#tidySoon(delay: number): void {
		if (this.#closed) return;
		this.#tidyTimer ??= this.#options.clock.after(delay, () => {
			this.#tidyTimer = undefined;
			void this.#step(async () => {
				await this.#tidy();
				await this.#compactIfSparse();
			});
		});
	}

	#syncSoon(): void {
		this.#syncTimer ??= this.#options.clock.after(syncDelay, () => {
			this.#syncTimer = undefined;
			void this.#step(() => this.#syncReleases());
		});
	}

	/** Runs a step after those before it. A fault is logged, and the work repeated later. */
	#step(work: () => Promise<void>): Promise<void> {
		this.#steps = this.#steps.then(work).catch((error: unknown) => {
			this.#options.logger.warn('Space of delivered messages could not be given back yet', {
				reason: messageOf(error),
			});
			this.#tidySoon(syncDelay);
		});
		return this.#steps;
	}

	/** Writes releases, removes segments without live records. */
	async #tidy(): Promise<void> {
		for (const segment of [...this.#touched]) {
			// Taken off first: what happens to the segment meanwhile lists it again.
			this.#touched.delete(segment);
			try {
				await this.#tidySegment(segment);
			} catch (error) {
				this.#touched.add(segment);
				throw error;
			}
		}
	}

	async #tidySegment(segment: LogSegment): Promise<void> {
		if (segment.liveRecords === 0 && segment !== this.#segments.last) {
			await this.#remove([segment]);
			return;
		}
		await segment.writeReleases();
		this.#syncSoon();
	}

	async #syncReleases(): Promise<void> {
		for (const segment of [...this.#segments.all]) await segment.syncReleases();
	}

	/** Keeps dead space below the live, or below four segments. */
	async #compactIfSparse(): Promise<void> {
		const { segmentBytes } = this.#options.limits;
		let live = 0;
		let garbage = 0;
		for (const segment of this.#segments.all) {
			live += segment.liveBytes;
			garbage += segment.garbage;
		}
		if (garbage > Math.max(live, 4 * segmentBytes))
			await this.#compactOnce({ bytes: segmentBytes });
	}

	/** @returns whether there was something worth compacting. */
	async #compactOnce(least: CompactionGain): Promise<boolean> {
		const { files, limits } = this.#options;
		const sources = segmentsToCompact(this.#segments.sealed, limits.segmentBytes, least);
		if (sources.length === 0) return false;
		const target = await compact(files, sources);
		this.#takeOver(sources, target);
		await this.#remove(sources);
		this.touch(target);
		return true;
	}

	/** Lets a compacted segment take its sources' place, with what was released while it was written. */
	#takeOver(sources: readonly LogSegment[], target: LogSegment): void {
		const live = sources.reduce((sum, source) => sum + source.liveRecords, 0);
		for (const [offset, pending] of target.live()) {
			const now = this.#segments.find(offset)?.pending(offset) ?? 0;
			if (now !== pending) target.release(offset, (pending & ~now) >>> 0);
		}
		this.#damaged += live - target.liveRecords;
		this.#segments.replace(sources, target);
	}

	async #remove(segments: readonly LogSegment[]): Promise<void> {
		const { spares } = this.#options;
		for (const segment of segments) {
			await segment.remove((identity, bytes) => spares.keep(identity, bytes));
			this.#segments.replace([segment]);
			this.#touched.delete(segment);
		}
	}
}
