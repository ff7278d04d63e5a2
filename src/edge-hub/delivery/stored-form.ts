import type { Message } from '../../protocol/message.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import type { RecordContent } from '../../storage/message-log.ts';
import type { MessageOrigin } from './delivery-metrics.ts';

/** Version of the stored form, the first byte of headers in the message log. */
const formatVersion = 2;

/** Up to the first target. */
const fixedBytes = 14;

/** Beside the priority, which is smaller. */
const newestFirstBit = 2 ** 31;

/** An endpoint that a stored message is owed to; its place in the list is the record's part. */
export interface StoredTarget {
	readonly endpoint: string;
	readonly priority: number;
	/** Whether it goes before what came in earlier. */
	readonly newestFirst: boolean;
	/** Milliseconds since the epoch; infinite for no end. */
	readonly expiresAt: number;
}

/** What queues must know of a stored message, so that the rest stays on disk. */
export interface StoredEntry {
	readonly origin: MessageOrigin;
	/** As `messageSize` counts. */
	readonly size: number;
	readonly targets: readonly StoredTarget[];
}

/** A message as endpoints get it. */
export interface StoredBody {
	readonly message: Message;
	/** When the hub took it in, milliseconds since the epoch. */
	readonly enqueuedAt: number;
}

type StoredProperties = readonly [
	application: readonly (readonly [string, string | null])[],
	system: readonly (readonly [string, string])[],
];

/**
 * Writes what the log keeps in a record's header: all but the message's own bytes, which are the
 * record's body as they came. Properties that a message shares with the one before it, as most do,
 * are not encoded again.
 *
 * version u8 · size u32 · time f64 · count u8 · count × (expiry f64 · priority u32, with a bit for newest
 * first · endpoint) · sender · output · properties as JSON, [application, system]; little-endian. A text
 * is its length in bytes (u16) and UTF-8.
 */
export class HeaderEncoder {
	#properties: Message['properties'] | undefined;
	#systemProperties: Message['systemProperties'] | undefined;
	#json: Buffer = Buffer.alloc(0);

	encode({ origin, size, targets }: StoredEntry, { message, enqueuedAt }: StoredBody): Uint8Array {
		const json = this.#encodeProperties(message);
		let length = fixedBytes + textLength(origin.sender) + textLength(origin.output);
		for (const { endpoint } of targets) length += 12 + textLength(endpoint);
		const bytes = Buffer.allocUnsafe(length + json.byteLength);
		bytes[0] = formatVersion;
		bytes.writeUInt32LE(size, 1);
		bytes.writeDoubleLE(enqueuedAt, 5);
		bytes[13] = targets.length;
		let position = fixedBytes;
		for (const { endpoint, priority, newestFirst, expiresAt } of targets) {
			position = bytes.writeDoubleLE(expiresAt, position);
			position = bytes.writeUInt32LE(newestFirst ? priority + newestFirstBit : priority, position);
			position = writeText(bytes, endpoint, position);
		}
		position = writeText(bytes, origin.sender, position);
		position = writeText(bytes, origin.output, position);
		bytes.set(json, position);
		return bytes;
	}

	#encodeProperties({ properties, systemProperties }: Message): Buffer {
		if (this.#properties === properties && this.#systemProperties === systemProperties) {
			return this.#json;
		}
		this.#json = Buffer.from(JSON.stringify([[...properties], [...systemProperties]]));
		this.#properties = properties;
		this.#systemProperties = systemProperties;
		return this.#json;
	}
}

/** @throws EdgeError EDGE_STORAGE_VERSION for a header of another version. */
export function decodeEntry(header: Uint8Array): StoredEntry {
	const reader = readerOf(header);
	const size = reader.integer();
	reader.double();
	const targets = readTargets(reader);
	return { targets, origin: { sender: reader.text(), output: reader.text() }, size };
}

/** @throws EdgeError EDGE_STORAGE_VERSION for a header of another version. */
export function decodeMessage({ header, body }: RecordContent): StoredBody {
	const reader = readerOf(header);
	reader.integer();
	const enqueuedAt = reader.double();
	readTargets(reader);
	reader.text();
	reader.text();
	const [properties, systemProperties]: StoredProperties = JSON.parse(reader.rest());
	return {
		message: {
			body,
			properties: new Map(properties),
			systemProperties: new Map(systemProperties),
		},
		enqueuedAt,
	};
}

function readTargets(reader: HeaderReader): StoredTarget[] {
	return Array.from({ length: reader.byte() }, () => {
		const expiresAt = reader.double();
		const order = reader.integer();
		const newestFirst = order >= newestFirstBit;
		const priority = newestFirst ? order - newestFirstBit : order;
		return { expiresAt, priority, newestFirst, endpoint: reader.text() };
	});
}

function readerOf(header: Uint8Array): HeaderReader {
	if (header[0] !== formatVersion) {
		throw new EdgeError('EDGE_STORAGE_VERSION', `A stored message has version ${header[0]}.`);
	}
	return new HeaderReader(Buffer.from(header.buffer, header.byteOffset, header.byteLength), 1);
}

function textLength(text: string): number {
	return 2 + Buffer.byteLength(text);
}

function writeText(bytes: Buffer, text: string, position: number): number {
	const length = bytes.write(text, position + 2);
	bytes.writeUInt16LE(length, position);
	return position + 2 + length;
}

class HeaderReader {
	readonly #bytes: Buffer;
	#position: number;

	constructor(bytes: Buffer, position: number) {
		this.#bytes = bytes;
		this.#position = position;
	}

	byte(): number {
		return this.#bytes.readUInt8(this.#step(1));
	}

	integer(): number {
		return this.#bytes.readUInt32LE(this.#step(4));
	}

	double(): number {
		return this.#bytes.readDoubleLE(this.#step(8));
	}

	text(): string {
		const length = this.#bytes.readUInt16LE(this.#step(2));
		const start = this.#step(length);
		return this.#bytes.toString('utf8', start, start + length);
	}

	/** All that follows. */
	rest(): string {
		return this.#bytes.toString('utf8', this.#position);
	}

	#step(length: number): number {
		const start = this.#position;
		this.#position += length;
		return start;
	}
}
