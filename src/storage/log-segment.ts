import { EdgeError } from '../runtime/edge-error.ts';
import type { FileSystem, StoredFile } from './file-system.ts';
import { decodeRecord, type FoundRecord } from './log-record.ts';
import { RangeReader } from './range-reader.ts';
import { RecordIndex } from './record-index.ts';
import { recordPath, releasePath, type SegmentIdentity } from './segment-file.ts';
import { encodeReleases, type Release } from './segment-releases.ts';

/**
 * One file of the log with its index. Its file is opened for reading when first needed, and can be
 * given up at any time; that of its releases is open while there are some that are not synced.
 */
export class LogSegment {
	readonly identity: SegmentIdentity;
	/** Size of the file up to the last good record. */
	bytes: number;
	/** Size of the file of releases. */
	releaseBytes = 0;
	liveBytes = 0;
	liveRecords = 0;
	readonly #files: FileSystem;
	readonly #ranges = new RangeReader((target, position) =>
		this.#use((file) => file.read(target, position)),
	);
	readonly #index = new RecordIndex();
	#releases: Release[] = [];
	/** Open from the first write to the next sync. */
	#releaseFile: StoredFile | undefined;
	#file: Promise<StoredFile> | undefined;
	#users = 0;
	#givenUp = false;

	constructor(files: FileSystem, identity: SegmentIdentity, bytes: number) {
		this.#files = files;
		this.identity = identity;
		this.bytes = bytes;
	}

	get recordPath(): string {
		return recordPath(this.identity);
	}

	get releasePath(): string {
		return releasePath(this.identity);
	}

	get garbage(): number {
		return this.bytes - this.liveBytes;
	}

	/** Offset of the last record, live or not; below the base where there is none. */
	get lastOffset(): number {
		const { count } = this.#index;
		if (count === 0) return this.identity.base - 1;
		return this.identity.base + this.#index.delta(count - 1);
	}

	/** Adds a record that lies in the file. Offsets must come in order. */
	add(offset: number, position: number, length: number, pending: number): void {
		this.#index.add(offset - this.identity.base, position, length, pending);
		if (pending === 0) return;
		this.liveBytes += length;
		this.liveRecords += 1;
	}

	/** Gives memory back that is kept for records to come: there will be none, or not soon. */
	trim(): void {
		this.#index.trim();
	}

	/** Pending parts of a record; 0 where it is released or unknown. */
	pending(offset: number): number {
		const entry = this.#find(offset);
		return entry < 0 ? 0 : this.#index.pending(entry);
	}

	/** @returns whether this was the last pending part of the record. */
	release(offset: number, parts: number): boolean {
		const entry = this.#find(offset);
		if (entry < 0) return false;
		const before = this.#index.pending(entry);
		const after = (before & ~parts) >>> 0;
		if (after === before) return false;
		this.#index.setPending(entry, after);
		this.#releases.push({ delta: offset - this.identity.base, parts });
		if (after !== 0) return false;
		this.liveBytes -= this.#index.length(entry);
		this.liveRecords -= 1;
		return true;
	}

	/** Reads a live record. @throws RangeError where it is not live, EdgeError EDGE_STORAGE_CORRUPT. */
	async read(offset: number): Promise<FoundRecord> {
		const entry = this.#find(offset);
		if (entry < 0 || this.#index.pending(entry) === 0) {
			throw new RangeError(`No live record has the offset ${offset}.`);
		}
		const bytes = await this.#ranges.read(this.#index.position(entry), this.#index.length(entry));
		const record = decodeRecord(bytes, 0, this.identity.salt);
		if (record === undefined || record.offset !== offset) {
			throw new EdgeError('EDGE_STORAGE_CORRUPT', `The record ${offset} is damaged.`, {
				where: this.recordPath,
			});
		}
		return record;
	}

	/** Offset and pending parts of every live record, in order. */
	*live(): Generator<readonly [offset: number, pending: number]> {
		for (let entry = 0; entry < this.#index.count; entry += 1) {
			const pending = this.#index.pending(entry);
			if (pending !== 0) yield [this.identity.base + this.#index.delta(entry), pending];
		}
	}

	/** Where live records lie in the file. */
	*livePositions(): Generator<number> {
		for (let entry = 0; entry < this.#index.count; entry += 1) {
			if (this.#index.pending(entry) !== 0) yield this.#index.position(entry);
		}
	}

	/** The whole file up to the last good record. */
	async readAll(): Promise<Buffer> {
		const bytes = Buffer.allocUnsafeSlow(this.bytes);
		const length = await this.#use((file) => file.read(bytes, 0));
		return bytes.subarray(0, length);
	}

	/** Runs an operation on the open file. */
	async #use<Result>(operation: (file: StoredFile) => Promise<Result>): Promise<Result> {
		this.#givenUp = false;
		this.#file ??= this.#files.open(this.recordPath, 'read');
		const file = this.#file;
		this.#users += 1;
		try {
			return await operation(await file);
		} catch (error) {
			if (this.#file === file && this.#users === 1) this.#givenUp = true;
			throw error;
		} finally {
			this.#users -= 1;
			if (this.#givenUp) await this.giveUpFile();
		}
	}

	/** Closes the file as soon as nobody uses it; the next use opens it again. */
	async giveUpFile(): Promise<void> {
		this.#givenUp = true;
		if (this.#users > 0 || this.#file === undefined) return;
		const file = this.#file;
		this.#file = undefined;
		await file.then(
			(opened) => opened.close(),
			() => {},
		);
	}

	/** Appends collected releases to their file. They stay collected when that fails. */
	async writeReleases(): Promise<void> {
		const releases = this.#releases;
		if (releases.length === 0) return;
		const bytes = encodeReleases(releases);
		this.#releases = [];
		try {
			await (await this.#openReleases()).write(bytes, this.releaseBytes);
			this.releaseBytes += bytes.byteLength;
		} catch (error) {
			this.#releases = [...releases, ...this.#releases];
			await this.#closeReleases();
			throw error;
		}
	}

	/** Syncs what was written since the last call, and closes the file until there are more. */
	async syncReleases(): Promise<void> {
		try {
			await this.#releaseFile?.sync();
		} finally {
			await this.#closeReleases();
		}
	}

	/**
	 * Deletes the files. The record file goes first: releases without records do no harm.
	 * @param keep takes the record file, of so many bytes, in the place of its deletion.
	 */
	async remove(keep?: (identity: SegmentIdentity, bytes: number) => Promise<void>): Promise<void> {
		await this.giveUpFile();
		await this.#closeReleases();
		if (keep === undefined) await this.#files.remove(this.recordPath);
		else await keep(this.identity, this.bytes);
		if (this.releaseBytes > 0) await this.#files.remove(this.releasePath);
	}

	async #openReleases(): Promise<StoredFile> {
		const mode = this.releaseBytes === 0 ? 'create' : 'update';
		this.#releaseFile ??= await this.#files.open(this.releasePath, mode);
		return this.#releaseFile;
	}

	async #closeReleases(): Promise<void> {
		const file = this.#releaseFile;
		this.#releaseFile = undefined;
		await file?.close();
	}

	#find(offset: number): number {
		return this.#index.find(offset - this.identity.base);
	}
}
