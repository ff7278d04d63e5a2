import { type Clock, systemClock, type Timer } from '../runtime/clock.ts';
import { EdgeError, messageOf } from '../runtime/edge-error.ts';
import { type Logger, silentLogger } from '../runtime/logger.ts';
import { type FileSystem, nodeFileSystem, type StoredFile } from './file-system.ts';
import { GroupCommit } from './group-commit.ts';
import { compact, segmentsToCompact } from './log-compaction.ts';
import { encodeRecord, recordLength } from './log-record.ts';
import { LogSegment } from './log-segment.ts';
import { allParts, type LogRecord, type MessageLog } from './message-log.ts';
import { createSegment, newSegmentIdentity, segmentHeaderBytes } from './segment-file.ts';
import { recoverSegments } from './segment-recovery.ts';
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

interface Append {
	readonly header: Uint8Array;
	readonly body: Uint8Array;
	readonly pending: number;
	readonly length: number;
	readonly resolve: (offset: number) => void;
	readonly reject: (error: EdgeError) => void;
}

/** Bytes of appends that are written and synced together. */
const groupBytes = 4 * 1024 * 1024;

/** Groups up to this size are encoded in a buffer that is used again. */
const scratchBytes = 1024 * 1024;

/** Milliseconds: releases are collected so long, synced so much later, and retried after a fault. */
const releaseDelay = 10;
const syncDelay = 1000;

/** Segments whose files are kept open for reading. */
const maxReaders = 32;

/**
 * A message log in segment files. The newest segment is written; a full one is sealed, and deleted
 * when its last record is released. A sealed segment that keeps much dead space alive because of a
 * few stuck records is compacted.
 */
export class FileMessageLog implements MessageLog {
	readonly #folder: string;
	readonly #maxBytes: number;
	readonly #segmentBytes: number;
	readonly #files: FileSystem;
	readonly #clock: Clock;
	readonly #logger: Logger;
	readonly #appends: GroupCommit<Append>;
	readonly #scratch = Buffer.allocUnsafeSlow(scratchBytes);
	/** By base. The last is the one that is written to, while there is a writer. */
	#segments: LogSegment[] = [];
	#writer: StoredFile | undefined;
	#nextOffset = 0;
	#damaged = 0;
	#open = false;
	/** Segments with releases to write, or that may have become removable. */
	readonly #touched = new Set<LogSegment>();
	/** Segments with an open file, the one used last at the end. */
	readonly #readers = new Set<LogSegment>();
	#tidyTimer: Timer | undefined;
	#syncTimer: Timer | undefined;
	/** Maintenance, one step after the other. */
	#maintenance: Promise<void> = Promise.resolve();

	constructor(options: FileMessageLogOptions) {
		this.#folder = options.folder;
		this.#maxBytes = options.maxBytes;
		this.#segmentBytes =
			options.segmentBytes ?? Math.min(16 * 1024 * 1024, Math.floor(options.maxBytes / 8));
		this.#files = options.files ?? nodeFileSystem;
		this.#clock = options.clock ?? systemClock;
		this.#logger = options.logger ?? silentLogger;
		this.#appends = new GroupCommit(
			(group) => this.#commit(group),
			(append) => append.length,
			Math.min(groupBytes, this.#segmentBytes),
		);
	}

	async open(recover: (record: LogRecord) => void): Promise<void> {
		try {
			await this.#files.makeFolder(this.#folder);
			const recovery = await recoverSegments(this.#files, this.#folder, recover);
			this.#segments = recovery.segments;
			this.#nextOffset = recovery.nextOffset;
			this.#damaged = recovery.damaged;
			if (recovery.lastUsable) await this.#continueLastSegment();
		} catch (error) {
			throw storageFault(error, this.#folder);
		}
		if (this.#damaged > 0) {
			this.#logger.error('Stored messages are damaged and were skipped', { places: this.#damaged });
		}
		this.#open = true;
	}

	append(header: Uint8Array, body: Uint8Array, parts = 1): Promise<number> {
		if (!this.#open) return Promise.reject(new Error('The message log is not open.'));
		const pending = allParts(parts);
		const length = recordLength(header, body);
		return new Promise((resolve, reject) => {
			this.#appends.add({ header, body, pending, length, resolve, reject });
		});
	}

	async read(offset: number): Promise<Uint8Array> {
		const segment = this.#segmentOf(offset);
		if (segment === undefined) throw new RangeError(`No live record has the offset ${offset}.`);
		this.#readers.delete(segment);
		this.#readers.add(segment);
		try {
			return (await segment.read(offset)).body;
		} catch (error) {
			throw error instanceof RangeError ? error : storageFault(error, segment.recordPath);
		} finally {
			await this.#closeReaders(maxReaders);
		}
	}

	release(offset: number, part = 0): void {
		const segment = this.#segmentOf(offset);
		if (segment === undefined) return;
		segment.release(offset, (1 << part) >>> 0);
		this.#touched.add(segment);
		this.#tidySoon(releaseDelay);
	}

	get size(): { readonly bytes: number; readonly records: number } {
		let bytes = 0;
		let records = 0;
		for (const segment of this.#segments) {
			bytes += segment.bytes + segment.releaseBytes;
			records += segment.liveRecords;
		}
		return { bytes, records };
	}

	get damaged(): number {
		return this.#damaged;
	}

	async close(): Promise<void> {
		this.#open = false;
		await this.#appends.idle();
		await this.#maintain(() => this.#tidy());
		await this.#maintain(() => this.#syncReleases());
		this.#tidyTimer?.[Symbol.dispose]();
		this.#syncTimer?.[Symbol.dispose]();
		const writer = this.#writer;
		this.#writer = undefined;
		await writer?.close();
		await this.#closeReaders(0);
	}

	/** The segment that holds an offset, should the record exist. */
	#segmentOf(offset: number): LogSegment | undefined {
		let low = 0;
		let high = this.#segments.length - 1;
		while (low < high) {
			const middle = (low + high + 1) >> 1;
			if ((this.#segments[middle]?.identity.base ?? 0) <= offset) low = middle;
			else high = middle - 1;
		}
		return this.#segments[low];
	}

	/** Cuts a torn tail off, and writes on behind it. */
	async #continueLastSegment(): Promise<void> {
		const last = this.#segments.at(-1);
		if (last === undefined) return;
		const writer = await this.#files.open(last.recordPath, 'update');
		if ((await writer.size()) > last.bytes) {
			this.#logger.warn('An unfinished write at the end of the message log was cut off');
			await writer.truncate(last.bytes);
			await writer.sync();
		}
		this.#writer = writer;
	}

	/** Never rejects: what cannot be stored is answered with an error. */
	async #commit(group: readonly Append[]): Promise<void> {
		try {
			const admitted = await this.#admit(group);
			if (admitted.length > 0) await this.#store(admitted);
		} catch (error) {
			const fault = storageFault(error, this.#folder);
			for (const { reject } of group) reject(fault);
		}
	}

	/** Appends that fit below the limit. The rest is refused: none may overtake one before it. */
	async #admit(group: readonly Append[]): Promise<readonly Append[]> {
		const needed = group.reduce((sum, { length }) => sum + length, segmentHeaderBytes);
		if (this.size.bytes + needed > this.#maxBytes) await this.#makeRoom(needed);
		let free = this.#maxBytes - this.size.bytes - segmentHeaderBytes;
		const refused = group.findIndex(({ length }) => {
			free -= length;
			return free < 0;
		});
		if (refused < 0) return group;
		const fault = new EdgeError(
			'EDGE_STORAGE_FULL',
			`The message log has reached its limit of ${this.#maxBytes} bytes.`,
			{ where: this.#folder },
		);
		for (const { reject } of group.slice(refused)) reject(fault);
		return group.slice(0, refused);
	}

	/** Writes and syncs a group, then answers it. */
	async #store(group: readonly Append[]): Promise<void> {
		const length = group.reduce((sum, append) => sum + append.length, 0);
		const { segment, writer } = await this.#segmentFor(length);
		const start = segment.bytes;
		const bytes = length <= scratchBytes ? this.#scratch : Buffer.allocUnsafeSlow(length);
		const first = this.#nextOffset;
		this.#nextOffset += group.length;
		let position = 0;
		for (const [index, { header, body, pending }] of group.entries()) {
			const record = { offset: first + index, pending, header, body };
			position = encodeRecord(bytes, position, record, segment.identity.salt);
		}
		await this.#write(writer, bytes.subarray(0, length), start);
		position = start;
		for (const [index, append] of group.entries()) {
			segment.add(first + index, position, append.length, append.pending);
			position += append.length;
		}
		segment.bytes = position;
		for (const [index, append] of group.entries()) append.resolve(first + index);
	}

	async #segmentFor(length: number): Promise<{ segment: LogSegment; writer: StoredFile }> {
		const last = this.#segments.at(-1);
		const fits = last !== undefined && last.bytes + length <= this.#segmentBytes;
		const empty = last !== undefined && last.bytes === segmentHeaderBytes;
		if (last !== undefined && this.#writer !== undefined && (fits || empty)) {
			return { segment: last, writer: this.#writer };
		}
		return this.#roll();
	}

	/** Seals the segment that is written to, and begins a new one. */
	async #roll(): Promise<{ segment: LogSegment; writer: StoredFile }> {
		const identity = newSegmentIdentity(this.#folder, this.#nextOffset);
		const writer = await createSegment(this.#files, identity);
		const sealed = this.#segments.at(-1);
		const segment = new LogSegment(this.#files, identity, segmentHeaderBytes);
		await this.#writer?.close();
		this.#writer = writer;
		this.#segments.push(segment);
		if (sealed !== undefined) {
			this.#touched.add(sealed);
			this.#tidySoon(releaseDelay);
		}
		return { segment, writer };
	}

	/**
	 * Writes and syncs. After a failed sync nobody knows what the file holds, and a second sync would
	 * not tell (it may succeed although pages were dropped): the log goes on in a new segment then.
	 */
	async #write(writer: StoredFile, bytes: Uint8Array, position: number): Promise<void> {
		let written = false;
		try {
			await writer.write(bytes, position);
			written = true;
			await writer.sync();
		} catch (error) {
			const cut = await writer.truncate(position).then(
				() => true,
				() => false,
			);
			if (written || !cut) {
				this.#writer = undefined;
				await writer.close().catch(() => {});
			}
			throw error;
		}
	}

	/** Gives back what is dead, also inside of segments, to get below the limit. */
	async #makeRoom(needed: number): Promise<void> {
		await this.#maintain(() => this.#tidy());
		const active = this.#segments.at(-1);
		if (active !== undefined && active.garbage > this.#segmentBytes / 2) await this.#roll();
		await this.#maintain(async () => {
			await this.#tidy();
			while (this.size.bytes + needed > this.#maxBytes) {
				if (!(await this.#compactOnce(this.#segmentBytes / 2))) return;
			}
		});
	}

	#tidySoon(delay: number): void {
		this.#tidyTimer ??= this.#clock.after(delay, () => {
			this.#tidyTimer = undefined;
			void this.#maintain(async () => {
				await this.#tidy();
				await this.#compactIfSparse();
			});
		});
	}

	/** Runs a step of maintenance after those before it. A fault is logged, and the step repeated later. */
	#maintain(step: () => Promise<void>): Promise<void> {
		this.#maintenance = this.#maintenance.then(step).catch((error: unknown) => {
			this.#logger.warn('Space of delivered messages could not be given back yet', {
				reason: messageOf(error),
			});
			if (this.#open) this.#tidySoon(syncDelay);
		});
		return this.#maintenance;
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
		if (segment.liveRecords === 0 && segment !== this.#segments.at(-1)) {
			await segment.remove();
			this.#forget([segment]);
		} else {
			await segment.writeReleases();
			this.#syncSoon();
		}
	}

	#syncSoon(): void {
		this.#syncTimer ??= this.#clock.after(syncDelay, () => {
			this.#syncTimer = undefined;
			void this.#maintain(() => this.#syncReleases());
		});
	}

	async #syncReleases(): Promise<void> {
		for (const segment of [...this.#segments]) await segment.syncReleases();
	}

	/** Keeps dead space below the live, or below four segments. */
	async #compactIfSparse(): Promise<void> {
		let live = 0;
		let garbage = 0;
		for (const segment of this.#segments) {
			live += segment.liveBytes;
			garbage += segment.garbage;
		}
		if (garbage > Math.max(live, 4 * this.#segmentBytes)) {
			await this.#compactOnce(this.#segmentBytes);
		}
	}

	/** @returns whether there was something worth compacting. */
	async #compactOnce(worthwhile: number): Promise<boolean> {
		const sealed = this.#segments.slice(0, -1);
		const sources = segmentsToCompact(sealed, this.#segmentBytes, worthwhile);
		if (sources.length === 0) return false;
		const target = await compact(this.#files, sources);
		this.#replace(sources, target);
		for (const source of sources) await source.remove();
		this.#tidySoon(releaseDelay);
		return true;
	}

	/** Lets a compacted segment take its sources' place, with what was released while it was written. */
	#replace(sources: readonly LogSegment[], target: LogSegment): void {
		const live = sources.reduce((sum, source) => sum + source.liveRecords, 0);
		for (const [offset, pending] of target.live()) {
			const now = this.#segmentOf(offset)?.pending(offset) ?? 0;
			if (now !== pending) target.release(offset, (pending & ~now) >>> 0);
		}
		this.#damaged += live - target.liveRecords;
		const [first] = sources;
		this.#segments.splice(this.#segments.indexOf(first as LogSegment), 0, target);
		this.#forget(sources);
		this.#touched.add(target);
	}

	#forget(segments: readonly LogSegment[]): void {
		this.#segments = this.#segments.filter((segment) => !segments.includes(segment));
		for (const segment of segments) {
			this.#touched.delete(segment);
			this.#readers.delete(segment);
		}
	}

	async #closeReaders(keep: number): Promise<void> {
		for (const segment of this.#readers) {
			if (this.#readers.size <= keep) return;
			this.#readers.delete(segment);
			await segment.giveUpFile();
		}
	}
}
