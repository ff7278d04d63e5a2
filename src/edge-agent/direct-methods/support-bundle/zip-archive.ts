import { promisify } from 'node:util';
import { crc32, deflateRaw } from 'node:zlib';

/** A file of an archive. */
export interface ArchiveEntry {
	/** With `/` between folders. */
	readonly name: string;
	readonly content: Uint8Array;
}

const deflated = promisify(deflateRaw);
/** Names are UTF-8. */
const utf8 = 0x0800;
const method = { deflate: 8 } as const;
/** Version 2.0 of the format: folders and deflate. */
const version = 20;
const maxOffset = 0xffff_ffff;
const maxEntries = 0xffff;

interface Written {
	readonly name: Buffer;
	/** What the header before the content and the one in the directory have both. */
	readonly fields: Buffer;
	readonly offset: number;
}

/**
 * A zip archive, piece by piece (PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16). Every
 * content is compressed in memory; archives beyond 4 GiB or 65 535 files are not written.
 *
 * @param modified wall time in milliseconds, of all files.
 * @throws RangeError for an archive beyond those limits
 */
export async function* zipArchive(
	entries: AsyncIterable<ArchiveEntry> | Iterable<ArchiveEntry>,
	modified: number,
): AsyncGenerator<Buffer> {
	const written: Written[] = [];
	let offset = 0;
	for await (const { name: text, content } of entries) {
		const name = Buffer.from(text);
		const compressed = await deflated(content);
		const fields = fieldsOf(name, content, compressed, modified);
		written.push({ name, fields, offset });
		const header = Buffer.concat([signature(0x0403_4b50), fields, name]);
		yield header;
		yield compressed;
		offset += header.length + compressed.length;
		if (offset > maxOffset || written.length > maxEntries) {
			throw new RangeError('The archive is too large.');
		}
	}
	const directory = Buffer.concat(written.map(directoryEntry));
	yield directory;
	yield endOf(written.length, directory.length, offset);
}

function fieldsOf(
	name: Buffer,
	content: Uint8Array,
	compressed: Uint8Array,
	modified: number,
): Buffer {
	const fields = Buffer.alloc(26);
	fields.writeUInt16LE(version, 0);
	fields.writeUInt16LE(utf8, 2);
	fields.writeUInt16LE(method.deflate, 4);
	fields.writeUInt32LE(dosTime(modified), 6);
	fields.writeUInt32LE(crc32(content), 10);
	fields.writeUInt32LE(compressed.length, 14);
	fields.writeUInt32LE(content.length, 18);
	fields.writeUInt16LE(name.length, 22);
	return fields;
}

function directoryEntry({ name, fields, offset }: Written): Buffer {
	const madeBy = Buffer.alloc(2);
	madeBy.writeUInt16LE(version);
	// Comment, disk and attributes are left empty.
	const rest = Buffer.alloc(14);
	rest.writeUInt32LE(offset, 10);
	return Buffer.concat([signature(0x0201_4b50), madeBy, fields, rest, name]);
}

function endOf(count: number, size: number, offset: number): Buffer {
	const end = Buffer.alloc(18);
	end.writeUInt16LE(count, 4);
	end.writeUInt16LE(count, 6);
	end.writeUInt32LE(size, 8);
	end.writeUInt32LE(offset, 12);
	return Buffer.concat([signature(0x0605_4b50), end]);
}

function signature(value: number): Buffer {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32LE(value);
	return bytes;
}

/** Date and time as MS-DOS had them, in UTC, from 1980 on. */
function dosTime(milliseconds: number): number {
	const time = new Date(milliseconds);
	const year = Math.max(0, time.getUTCFullYear() - 1980);
	const date = (year << 9) | ((time.getUTCMonth() + 1) << 5) | time.getUTCDate();
	const clock =
		(time.getUTCHours() << 11) | (time.getUTCMinutes() << 5) | (time.getUTCSeconds() >> 1);
	return ((date << 16) | clock) >>> 0;
}
