import { type Clock, systemClock } from '../runtime/clock.ts';
import { type Logger, silentLogger } from '../runtime/logger.ts';
import { type FileSystem, nodeFileSystem, type StoredFile } from './file-system.ts';
import { LogLimits } from './log-limits.ts';
import { LogMaintenance } from './log-maintenance.ts';
import type { LogSegment } from './log-segment.ts';
import { LogWriter } from './log-writer.ts';
import { allParts, type LogRecord, type MessageLog, type RecordContent } from './message-log.ts';
import { SegmentList } from './segment-list.ts';
import { recoverSegments } from './segment-recovery.ts';
import { SpareSegments } from './spare-segments.ts';
import { storageFault } from './storage-fault.ts';

export interface FileMessageLogOptions {
	/** The log's own folder; made when missing. One process at a time. */
	readonly folder: string;
	/** Bytes on disk at which `append` fails with EDGE_STORAGE_FULL. */
	readonly maxBytes: number;
	/** Size of a segment file. Default 16 MiB, or an eighth of `maxBytes` when that is less. */
	readonly segmentBytes?: number;
	readonly files?: FileSystem;
	readonly clock?: Clock;
	readonly logger?: Logger;
}

/** Segments whose files are kept open for reading. */
const maxReaders = 32;

/**
 * A message log in segment files. The newest is written to; a full one is sealed, and goes as a
 * whole when its records are released. Memory holds 9 bytes for a record, no header or body.
 */
export class FileMessageLog implements MessageLog {
	readonly #folder: string;
	readonly #files: FileSystem;
	readonly #logger: Logger;
	#segments = new SegmentList();
	readonly #limits: LogLimits;
	readonly #createParts: (evict: (bytes: number) => boolean) => {
		readonly writer: LogWriter;
		readonly maintenance: LogMaintenance;
	};
	#writer: LogWriter | undefined;
	#maintenance: LogMaintenance | undefined;
	/** Segments with an open file, the one used last at the end. */
	readonly #readers = new Set<LogSegment>();
	#damaged = 0;

	constructor(options: FileMessageLogOptions) {
		const { folder, maxBytes, files = nodeFileSystem } = options;
		const { clock = systemClock, logger = silentLogger } = options;
		const limits = new LogLimits(maxBytes, options.segmentBytes);
		this.#limits = limits;
		this.#folder = folder;
		this.#files = files;
		this.#logger = logger;
		this.#createParts = (evict) => {
			const segments = this.#segments;
			const spares = new SpareSegments({ segments, limits, files, clock });
			const surroundings = { folder, limits, files, segments, spares };
			const maintenance = new LogMaintenance({ ...surroundings, clock, logger });
			const writer = new LogWriter({
				...surroundings,
				makeRoom: (enough, thoroughly) => maintenance.makeRoom(enough, thoroughly),
				evict,
				sealed: (segment) => maintenance.touch(segment),
			});
			return { writer, maintenance };
		};
	}

	async open(
		recover: (record: LogRecord) => void,
		evict: (bytes: number) => boolean = () => false,
	): Promise<void> {
		this.#segments = new SegmentList();
		const { writer, maintenance } = this.#createParts(evict);
		try {
			await this.#files.makeFolder(this.#folder);
			const recovery = await recoverSegments(this.#files, this.#folder, recover);
			const { segments, nextOffset, lastUsable } = recovery;
			this.#segments.add(...segments);
			this.#damaged = recovery.damaged;
			writer.open(nextOffset, lastUsable ? await this.#continueLastSegment() : undefined);
		} catch (error) {
			throw storageFault(error, this.#folder);
		}
		if (this.#damaged > 0) {
			this.#logger.error('Stored messages are damaged and were skipped', { places: this.#damaged });
		}
		this.#writer = writer;
		this.#maintenance = maintenance;
	}

	limitTo(maxBytes: number | undefined): void {
		this.#limits.lowerTo(maxBytes);
	}

	append(header: Uint8Array, body: Uint8Array, parts = 1): Promise<number> {
		if (this.#writer === undefined) {
			return Promise.reject(new Error('The message log is not open.'));
		}
		return this.#writer.append(header, body, allParts(parts));
	}

	async read(offset: number): Promise<RecordContent> {
		const segment = this.#segments.find(offset);
		if (segment === undefined) throw new RangeError(`No live record has the offset ${offset}.`);
		this.#readers.delete(segment);
		this.#readers.add(segment);
		try {
			return await segment.read(offset);
		} catch (error) {
			throw error instanceof RangeError ? error : storageFault(error, segment.recordPath);
		} finally {
			await this.#closeReaders(maxReaders);
		}
	}

	release(offset: number, part = 0): void {
		const segment = this.#segments.find(offset);
		if (segment === undefined) return;
		segment.release(offset, (1 << part) >>> 0);
		this.#maintenance?.touch(segment);
	}

	get size(): { readonly bytes: number; readonly records: number } {
		return this.#segments.size;
	}

	get damaged(): number {
		return this.#damaged + (this.#maintenance?.damaged ?? 0);
	}

	async close(): Promise<void> {
		const writer = this.#writer;
		this.#writer = undefined;
		await writer?.idle();
		await this.#maintenance?.close();
		await writer?.close();
		await this.#closeReaders(0);
	}

	/** Cuts off what is no record: a torn tail, what a spare held before. @returns the file, to be written on behind its last good record. */
	async #continueLastSegment(): Promise<StoredFile | undefined> {
		const { last } = this.#segments;
		if (last === undefined) return undefined;
		const file = await this.#files.open(last.recordPath, 'update', 'on write');
		if ((await file.size()) > last.bytes) {
			this.#logger.info('What follows the last message of the log was cut off');
			await file.truncate(last.bytes);
			await file.sync();
		}
		return file;
	}

	async #closeReaders(keep: number): Promise<void> {
		for (const segment of this.#readers) {
			if (this.#readers.size <= keep) return;
			this.#readers.delete(segment);
			await segment.giveUpFile();
		}
	}
}
