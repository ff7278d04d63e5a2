import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { EdgeError } from '../runtime/edge-error.ts';
import type { FileSystem, StoredFile } from './file-system.ts';

/** Version of the segment format, written into every segment. */
const formatVersion = 2;

/** A segment begins with magic (6 bytes) and version (u16, little-endian). */
export const segmentHeaderBytes = 8;

const magic = Buffer.from('IEKLOG');

/** A segment's name says all that reading its records needs, so that its first bytes may be damaged. */
export interface SegmentIdentity {
	readonly folder: string;
	/** Offset of the first record that it may hold. */
	readonly base: number;
	/** For a compacted segment the offset behind its sources' last record, else the base. */
	readonly end: number;
	/** 0 as written; one more than its sources where several segments were compacted into one. */
	readonly generation: number;
	/** Seed of the frame checksums. */
	readonly salt: number;
}

export function newSegmentIdentity(
	folder: string,
	base: number,
	end = base,
	generation = 0,
): SegmentIdentity {
	return { folder, base, end, generation, salt: randomInt(2 ** 32) };
}

export function recordPath(identity: SegmentIdentity): string {
	return join(identity.folder, `${segmentName(identity)}.segment`);
}

export function releasePath(identity: SegmentIdentity): string {
	return join(identity.folder, `${segmentName(identity)}.released`);
}

/** Where the file of a former segment waits to be written over. */
export function sparePath(identity: SegmentIdentity): string {
	return join(identity.folder, `${segmentName(identity)}.spare`);
}

/** Where a segment is written that replaces others; renamed when it is complete. */
export function draftPath(identity: SegmentIdentity): string {
	return join(identity.folder, `${segmentName(identity)}.draft`);
}

function segmentName({ base, end, generation, salt }: SegmentIdentity): string {
	const [from, to] = [base, end].map((offset) => offset.toString().padStart(16, '0'));
	return `${from}-${to}-${generation}-${salt.toString(16).padStart(8, '0')}`;
}

/**
 * The segments of a folder in the order in which they are to be read: by base, and of the same base
 * the compacted one before its sources, which a crash may have left behind.
 */
export function segmentsAmong(folder: string, names: readonly string[]): SegmentIdentity[] {
	const segments: SegmentIdentity[] = [];
	for (const name of names) {
		const match = /^(\d{16})-(\d{16})-(\d+)-([0-9a-f]{8})\.segment$/.exec(name);
		if (match === null) continue;
		const [, base, end, generation, salt] = match;
		segments.push({
			folder,
			base: Number(base),
			end: Number(end),
			generation: Number(generation),
			salt: Number.parseInt(salt ?? '', 16),
		});
	}
	return segments.sort((a, b) => a.base - b.base || b.generation - a.generation);
}

export function segmentHeader(): Buffer {
	const header = Buffer.alloc(segmentHeaderBytes);
	magic.copy(header);
	header.writeUInt16LE(formatVersion, magic.byteLength);
	return header;
}

/**
 * Whether the first bytes of a segment are good.
 * @throws EdgeError EDGE_STORAGE_VERSION when they are those of another version.
 */
export function checkSegmentHeader(bytes: Buffer, path: string): boolean {
	if (bytes.byteLength < segmentHeaderBytes) return false;
	if (!bytes.subarray(0, magic.byteLength).equals(magic)) return false;
	const version = bytes.readUInt16LE(magic.byteLength);
	if (version === formatVersion) return true;
	throw new EdgeError('EDGE_STORAGE_VERSION', `A segment has version ${version}.`, { where: path });
}

/**
 * Makes an empty segment, durably, and opens it for writing.
 * @param spare path of a file to write over, which then has the segment's name; without it a new file
 */
export async function createSegment(
	files: FileSystem,
	identity: SegmentIdentity,
	spare?: string,
): Promise<StoredFile> {
	const path = recordPath(identity);
	if (spare !== undefined) {
		// The name first: a crash must not leave new records under the name of the old segment.
		await files.rename(spare, path);
		await files.syncFolder(identity.folder);
	}
	const file = await files.open(path, spare === undefined ? 'create' : 'update', 'on write');
	try {
		await file.write(segmentHeader(), 0);
		await file.sync();
		await files.syncFolder(identity.folder);
		return file;
	} catch (error) {
		await file.close();
		await files.remove(path);
		throw error;
	}
}

/** The bytes of a file; none when it does not exist. */
export async function readFileIfAny(files: FileSystem, path: string): Promise<Buffer> {
	let file: StoredFile;
	try {
		file = await files.open(path, 'read');
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
		throw error;
	}
	try {
		const bytes = Buffer.allocUnsafeSlow(await file.size());
		return bytes.subarray(0, await file.read(bytes, 0));
	} finally {
		await file.close();
	}
}
