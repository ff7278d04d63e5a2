import { EdgeError } from '../runtime/edge-error.ts';
import type { FileSystem, StoredFile } from './file-system.ts';
import { GroupCommit } from './group-commit.ts';
import type { LogLimits } from './log-limits.ts';
import { encodeRecord, recordLength } from './log-record.ts';
import { LogSegment } from './log-segment.ts';
import { createSegment, newSegmentIdentity, segmentHeaderBytes } from './segment-file.ts';
import type { SegmentList } from './segment-list.ts';
import type { SpareSegments } from './spare-segments.ts';
import { isFull, storageFault } from './storage-fault.ts';
import { VolumeRoom } from './volume-room.ts';

export interface LogWriterOptions {
	readonly folder: string;
	readonly limits: LogLimits;
	readonly files: FileSystem;
	readonly segments: SegmentList;
	readonly spares: SpareSegments;
	/** Gives space back until it is enough, as far as that goes. */
	readonly makeRoom: (enough: () => Promise<boolean>, thoroughly: boolean) => Promise<void>;
	/** Releases live records of about so many bytes. @returns whether there were any. */
	readonly evict: (bytes: number) => boolean;
	/** A segment is not written to any more. */
	readonly sealed: (segment: LogSegment) => void;
}

interface Append {
	readonly header: Uint8Array;
	readonly body: Uint8Array;
	readonly pending: number;
	readonly length: number;
	readonly resolve: (offset: number) => void;
	readonly reject: (error: EdgeError) => void;
}

interface Target {
	readonly segment: LogSegment;
	readonly file: StoredFile;
}

/** Bytes of appends that are written and synced together. */
const groupBytes = 4 * 1024 * 1024;

/** Groups up to this size are encoded in a buffer that is used again. */
const scratchBytes = 1024 * 1024;

/** Writes records into the last segment of a log; begins a new one when it is full. */
export class LogWriter {
	readonly #options: LogWriterOptions;
	readonly #segments: SegmentList;
	readonly #appends: GroupCommit<Append>;
	readonly #scratch = Buffer.allocUnsafeSlow(scratchBytes);
	/** The last segment's file; undefined when a new segment has to be begun. */
	#file: StoredFile | undefined;
	#nextOffset = 0;
	readonly #volume: VolumeRoom;

	constructor(options: LogWriterOptions) {
		this.#options = options;
		this.#segments = options.segments;
		this.#volume = new VolumeRoom(options.files, options.folder);
		this.#appends = new GroupCommit(
			(group) => this.#commit(group),
			(append) => append.length,
			Math.min(groupBytes, options.limits.segmentBytes),
		);
	}

	/**
	 * @param nextOffset of the first record to come.
	 * @param file the last segment's file, where it can be written on.
	 */
	open(nextOffset: number, file: StoredFile | undefined): void {
		this.#nextOffset = nextOffset;
		this.#file = file;
	}

	/** @returns the record's offset once it is durable. */
	append(header: Uint8Array, body: Uint8Array, pending: number): Promise<number> {
		const length = recordLength(header, body);
		return new Promise((resolve, reject) => {
			this.#appends.add({ header, body, pending, length, resolve, reject });
		});
	}

	/** Resolves when no append is under way. */
	idle(): Promise<void> {
		return this.#appends.idle();
	}

	/** Seals the last segment. */
	async close(): Promise<void> {
		const file = this.#file;
		this.#file = undefined;
		try {
			await this.#cut(file);
		} finally {
			await file?.close();
		}
	}

	/** Never rejects: what cannot be stored is answered with an error. */
	async #commit(group: readonly Append[]): Promise<void> {
		try {
			const admitted = await this.#admit(group);
			if (admitted.length > 0) await this.#store(admitted);
		} catch (error) {
			this.#volume.doubt();
			const fault = storageFault(error, this.#options.folder);
			for (const { reject } of group) reject(fault);
		}
	}

	/** Appends that fit below the limit. The rest is refused: none may overtake one before it. */
	async #admit(group: readonly Append[]): Promise<readonly Append[]> {
		const { folder, limits } = this.#options;
		const needed = group.reduce((sum, { length }) => sum + length, segmentHeaderBytes);
		if (!(await this.#fits(needed))) await this.#makeRoom(needed);
		if (!(await this.#volume.has(needed))) {
			throw new EdgeError('EDGE_STORAGE_FULL', 'The volume of the message log is nearly full.', {
				where: folder,
			});
		}
		this.#volume.spend(needed);
		const { maxBytes } = limits;
		let free = maxBytes - this.#segments.size.bytes - segmentHeaderBytes;
		const refused = group.findIndex(({ length }) => {
			free -= length;
			return free < 0;
		});
		if (refused < 0) return group;
		const fault = new EdgeError(
			'EDGE_STORAGE_FULL',
			`The message log has reached its limit of ${maxBytes} bytes.`,
			{ where: folder },
		);
		for (const { reject } of group.slice(refused)) reject(fault);
		return group.slice(0, refused);
	}

	async #fits(needed: number): Promise<boolean> {
		const { maxBytes } = this.#options.limits;
		return this.#segments.size.bytes + needed <= maxBytes && this.#volume.has(needed);
	}

	/** Gives back what is dead; where that is not enough, gives up what its owner can do without. */
	async #makeRoom(needed: number): Promise<void> {
		const { makeRoom, evict, limits } = this.#options;
		const enough = () => this.#fits(needed);
		await makeRoom(enough, false);
		if (await enough()) return;
		if (await this.#sealIfSparse()) await makeRoom(enough, true);
		while (!(await enough()) && evict(Math.max(needed, limits.segmentBytes / 2))) {
			await this.#sealIfSparse();
			await makeRoom(enough, true);
		}
	}

	/**
	 * Only sealed segments give space back: one with much dead space is sealed for that, also a small
	 * one, which may be all that there is on a small volume.
	 */
	async #sealIfSparse(): Promise<boolean> {
		const { garbage = 0, bytes = 0 } = this.#segments.last ?? {};
		const sparse = garbage > Math.min(this.#options.limits.segmentBytes, bytes) / 2;
		if (sparse) await this.#roll();
		return sparse;
	}

	/** Writes and syncs a group, then answers it. */
	async #store(group: readonly Append[]): Promise<void> {
		const length = group.reduce((sum, append) => sum + append.length, 0);
		const { segment, file } = await this.#targetFor(length);
		const buffer = length <= scratchBytes ? this.#scratch : Buffer.allocUnsafeSlow(length);
		const first = this.#nextOffset;
		this.#nextOffset += group.length;
		let position = 0;
		for (const [index, { header, body, pending }] of group.entries()) {
			const record = { offset: first + index, pending, group: segment.bytes, header, body };
			position = encodeRecord(buffer, position, record, segment.identity.salt);
		}
		await this.#write(file, buffer.subarray(0, length), segment.bytes);
		for (const [index, append] of group.entries()) {
			segment.add(first + index, segment.bytes, append.length, append.pending);
			segment.bytes += append.length;
		}
		for (const [index, append] of group.entries()) append.resolve(first + index);
	}

	/**
	 * Writes and syncs, in one operation where the file is opened for that. After a failed sync nobody
	 * knows what the file holds, and a second sync would not tell (it may succeed although pages were
	 * dropped): the log goes on in a new segment then. Only what had no space can be cut off and forgotten.
	 */
	async #write(file: StoredFile, bytes: Uint8Array, position: number): Promise<void> {
		let written = false;
		try {
			await file.write(bytes, position);
			written = true;
			await file.sync();
		} catch (error) {
			const cut = await file.truncate(position).then(
				() => true,
				() => false,
			);
			if (written || !cut || !isFull(error)) {
				this.#file = undefined;
				await file.close().catch(() => {});
			}
			throw error;
		}
	}

	async #targetFor(length: number): Promise<Target> {
		const { last } = this.#segments;
		if (last === undefined || this.#file === undefined) return this.#roll();
		const fits = last.bytes + length <= this.#options.limits.segmentBytes;
		const empty = last.bytes === segmentHeaderBytes;
		return fits || empty ? { segment: last, file: this.#file } : this.#roll();
	}

	/** Seals the last segment and begins a new one. */
	async #roll(): Promise<Target> {
		const { folder, files, spares, sealed } = this.#options;
		const previous = this.#file;
		await this.#cut(previous);
		const identity = newSegmentIdentity(folder, this.#nextOffset);
		const file = await createSegment(files, identity, spares.take());
		const { last } = this.#segments;
		const segment = new LogSegment(files, identity, segmentHeaderBytes);
		this.#file = file;
		this.#segments.add(segment);
		last?.trim();
		if (last !== undefined) sealed(last);
		await previous?.close();
		return { segment, file };
	}

	/** Takes off a file what is left of the segment that it was before: a sealed one ends with a record. */
	async #cut(file: StoredFile | undefined): Promise<void> {
		const { last } = this.#segments;
		if (file === undefined || last === undefined || (await file.size()) <= last.bytes) return;
		await file.truncate(last.bytes);
		await file.sync();
	}
}
