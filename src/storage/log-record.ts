import { crc32 } from 'node:zlib';
import type { RecordContent } from './message-log.ts';

/**
 * The form of a record in a segment file, little-endian:
 * magic u32 · frame checksum u32 (of what follows, up to the header) · content checksum u32 (of header
 * and body) · header length u32 · body length u32 · offset u64 · pending parts u32 · position of the
 * group u32 · header · body.
 *
 * The frame checksum starts from the segment's salt, so that bytes inside of a message never pass
 * for a record when a damaged segment is searched for the next good one.
 */
export const frameBytes = 36;

const magic = Buffer.from([0x9e, 0x6c, 0x6f, 0x67]);
const magicNumber = magic.readUInt32LE(0);
const checkedFrom = 8;

/** A record that is to be written. */
export interface NewRecord extends RecordContent {
	readonly offset: number;
	readonly pending: number;
	/** Where the write began, in the segment, that brought the record to the disk, perhaps with others. */
	readonly group: number;
}

/** A record found in the bytes of a segment. */
export interface FoundRecord extends NewRecord {
	/** Where it starts in the segment. */
	readonly position: number;
	/** Frame, header and body. */
	readonly length: number;
}

/** What a search through a segment has found besides records. */
export interface ScanResult {
	/** Behind the last record that was found. */
	readonly end: number;
	/** Damaged places with a good record behind them. */
	readonly damaged: number;
	/** Whether something that is no record follows `end`. */
	readonly torn: boolean;
}

export function recordLength(header: Uint8Array, body: Uint8Array): number {
	return frameBytes + header.byteLength + body.byteLength;
}

/** Writes a record into `target`. @returns the position behind it. */
export function encodeRecord(
	target: Buffer,
	position: number,
	record: NewRecord,
	salt: number,
): number {
	const { header, body, offset } = record;
	const content = position + frameBytes;
	const end = content + header.byteLength + body.byteLength;
	target.set(header, content);
	target.set(body, content + header.byteLength);
	target.writeUInt32LE(magicNumber, position);
	target.writeUInt32LE(crc32(target.subarray(content, end)), position + 8);
	target.writeUInt32LE(header.byteLength, position + 12);
	target.writeUInt32LE(body.byteLength, position + 16);
	target.writeUInt32LE(offset % 2 ** 32, position + 20);
	target.writeUInt32LE(Math.floor(offset / 2 ** 32), position + 24);
	target.writeUInt32LE(record.pending, position + 28);
	target.writeUInt32LE(record.group, position + 32);
	const frame = target.subarray(position + checkedFrom, content);
	target.writeUInt32LE(crc32(frame, salt), position + 4);
	return end;
}

/** The record at a position, or undefined where there is no whole and undamaged one. */
export function decodeRecord(
	bytes: Buffer,
	position: number,
	salt: number,
): FoundRecord | undefined {
	const length = frameLength(bytes, position, salt);
	if (length === undefined) return undefined;
	const content = position + frameBytes;
	const end = position + length;
	if (crc32(bytes.subarray(content, end)) !== bytes.readUInt32LE(position + 8)) return undefined;
	const bodyStart = content + bytes.readUInt32LE(position + 12);
	return {
		position,
		length,
		offset: bytes.readUInt32LE(position + 20) + bytes.readUInt32LE(position + 24) * 2 ** 32,
		pending: bytes.readUInt32LE(position + 28),
		group: bytes.readUInt32LE(position + 32),
		header: bytes.subarray(content, bodyStart),
		body: bytes.subarray(bodyStart, end),
	};
}

/**
 * Finds every good record from `start` on, in order; steps over damage.
 *
 * @param sealed whether every write was finished. If not, the last one may have reached the disk in
 * parts: nobody was told that its records are stored, and those behind the first bad one are left
 * out, because the sender of that one repeats them in order.
 */
export function scanRecords(
	bytes: Buffer,
	start: number,
	salt: number,
	sealed: boolean,
	found: (record: FoundRecord) => void,
): ScanResult {
	let end = start;
	let damaged = 0;
	let broken: { readonly position: number; places: number } | undefined;
	/** Good ones that were written together with the broken one before them. */
	let doubtful: FoundRecord[] = [];
	const accept = (records: readonly FoundRecord[]) => {
		damaged += broken?.places ?? 0;
		broken = undefined;
		doubtful = [];
		for (const record of records) {
			found(record);
			end = record.position + record.length;
		}
	};
	for (let position = start; position < bytes.byteLength; ) {
		const record = decodeRecord(bytes, position, salt);
		if (record === undefined) {
			broken ??= { position, places: 0 };
			broken.places += 1;
			position = behindDamage(bytes, position, salt);
			continue;
		}
		position += record.length;
		// A later write is begun when those before it are finished.
		if (broken !== undefined && record.group <= broken.position) doubtful.push(record);
		else accept([...doubtful, record]);
	}
	if (sealed && doubtful.length > 0) accept(doubtful);
	return { end, damaged, torn: end < bytes.byteLength };
}

/** Length of the record whose frame is good and that fits into the bytes. */
function frameLength(bytes: Buffer, position: number, salt: number): number | undefined {
	const content = position + frameBytes;
	if (content > bytes.byteLength || bytes.readUInt32LE(position) !== magicNumber) return undefined;
	const frame = bytes.subarray(position + checkedFrom, content);
	if (crc32(frame, salt) !== bytes.readUInt32LE(position + 4)) return undefined;
	const length = frameBytes + bytes.readUInt32LE(position + 12) + bytes.readUInt32LE(position + 16);
	return position + length <= bytes.byteLength ? length : undefined;
}

/** Where to look on: behind a record with a good frame, else at the next good frame. */
function behindDamage(bytes: Buffer, position: number, salt: number): number {
	const length = frameLength(bytes, position, salt);
	if (length !== undefined) return position + length;
	let next = bytes.indexOf(magic, position + 1);
	while (next >= 0 && frameLength(bytes, next, salt) === undefined) {
		next = bytes.indexOf(magic, next + 1);
	}
	return next < 0 ? bytes.byteLength : next;
}
