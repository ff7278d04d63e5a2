import { crc32 } from 'node:zlib';

/** A part or parts of a record that were released. */
export interface Release {
	/** The record's offset, less the base of its segment. */
	readonly delta: number;
	/** One bit for every part that is done. */
	readonly parts: number;
}

/**
 * Releases of a segment are a file beside it, of groups: count u32 · checksum u32 · count × (delta
 * u32 · parts u32), little-endian. Eight bytes a release, gone with its segment.
 */
export function encodeReleases(releases: readonly Release[]): Buffer {
	const bytes = Buffer.allocUnsafe(8 + releases.length * 8);
	bytes.writeUInt32LE(releases.length, 0);
	let position = 8;
	for (const { delta, parts } of releases) {
		bytes.writeUInt32LE(delta, position);
		bytes.writeUInt32LE(parts, position + 4);
		position += 8;
	}
	bytes.writeUInt32LE(crc32(bytes.subarray(8), releases.length), 4);
	return bytes;
}

/** What a file of releases says: released parts by delta, and where its last good group ends. */
export interface DecodedReleases {
	readonly parts: ReadonlyMap<number, number>;
	readonly end: number;
}

/**
 * Reads groups up to the first that is torn or damaged. What follows is lost: those records are
 * delivered again, which at-least-once delivery allows.
 */
export function decodeReleases(bytes: Buffer): DecodedReleases {
	const parts = new Map<number, number>();
	let start = 0;
	while (start + 8 <= bytes.byteLength) {
		const count = bytes.readUInt32LE(start);
		const end = start + 8 + count * 8;
		if (count === 0 || end > bytes.byteLength) break;
		const content = bytes.subarray(start + 8, end);
		if (crc32(content, count) !== bytes.readUInt32LE(start + 4)) break;
		for (let position = 0; position < content.byteLength; position += 8) {
			const delta = content.readUInt32LE(position);
			const released = (parts.get(delta) ?? 0) | content.readUInt32LE(position + 4);
			parts.set(delta, released >>> 0);
		}
		start = end;
	}
	return { parts, end: start };
}
