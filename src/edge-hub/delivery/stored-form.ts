import type { Message } from '../../protocol/message.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import type { MessageOrigin } from './delivery-metrics.ts';

/** Version of the stored form, the first byte of headers and bodies in the message log. */
const formatVersion = 1;

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

/** What the log keeps in a record's header: all that queues must know, so that bodies stay on disk. */
export interface StoredHeader {
	readonly origin: MessageOrigin;
	/** As `messageSize` counts. */
	readonly size: number;
	readonly targets: readonly StoredTarget[];
}

/** What the log keeps in a record's body. */
export interface StoredBody {
	readonly message: Message;
	/** When the hub took it in, milliseconds since the epoch. */
	readonly enqueuedAt: number;
}

type Properties = readonly (readonly [string, string | null])[];

/**
 * version u8 · size u32 · count u8 · count × (expiry f64 · priority u32, with a bit for newest first · endpoint) · sender · output,
 * little-endian; a text is its length in bytes (u16) and UTF-8.
 */
export function encodeHeader({ origin, size, targets }: StoredHeader): Uint8Array {
	let length = 6 + textLength(origin.sender) + textLength(origin.output);
	for (const { endpoint } of targets) length += 12 + textLength(endpoint);
	const bytes = Buffer.allocUnsafe(length);
	bytes[0] = formatVersion;
	bytes.writeUInt32LE(size, 1);
	bytes[5] = targets.length;
	let position = 6;
	for (const { endpoint, priority, newestFirst, expiresAt } of targets) {
		position = bytes.writeDoubleLE(expiresAt, position);
		position = bytes.writeUInt32LE(newestFirst ? priority + newestFirstBit : priority, position);
		position = writeText(bytes, endpoint, position);
	}
	position = writeText(bytes, origin.sender, position);
	writeText(bytes, origin.output, position);
	return bytes;
}

/** @throws EdgeError EDGE_STORAGE_VERSION for a header of another version. */
export function decodeHeader(header: Uint8Array): StoredHeader {
	const bytes = view(header);
	checkVersion(bytes);
	const reader = new HeaderReader(bytes, 5);
	const targets = Array.from({ length: reader.byte() }, () => {
		const expiresAt = reader.double();
		const order = reader.integer();
		const newestFirst = order >= newestFirstBit;
		const priority = newestFirst ? order - newestFirstBit : order;
		return { expiresAt, priority, newestFirst, endpoint: reader.text() };
	});
	return {
		targets,
		origin: { sender: reader.text(), output: reader.text() },
		size: bytes.readUInt32LE(1),
	};
}

/**
 * version u8 · time f64 · length u32 · properties as JSON, [application, system] · body.
 *
 * Messages that follow each other often share their properties: those are not encoded again.
 */
export class BodyEncoder {
	#properties: Message['properties'] | undefined;
	#systemProperties: Message['systemProperties'] | undefined;
	#json: Buffer = Buffer.alloc(0);

	encode({ message, enqueuedAt }: StoredBody): Uint8Array {
		const json = this.#encodeProperties(message);
		const bytes = Buffer.allocUnsafe(13 + json.byteLength + message.body.byteLength);
		bytes[0] = formatVersion;
		bytes.writeDoubleLE(enqueuedAt, 1);
		bytes.writeUInt32LE(json.byteLength, 9);
		bytes.set(json, 13);
		bytes.set(message.body, 13 + json.byteLength);
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

/** @throws EdgeError EDGE_STORAGE_VERSION for a body of another version. */
export function decodeBody(body: Uint8Array): StoredBody {
	const bytes = view(body);
	checkVersion(bytes);
	const end = 13 + bytes.readUInt32LE(9);
	const json = JSON.parse(bytes.toString('utf8', 13, end)) as [Properties, [string, string][]];
	const [properties, systemProperties] = json;
	return {
		message: {
			body: bytes.subarray(end),
			properties: new Map(properties),
			systemProperties: new Map(systemProperties),
		},
		enqueuedAt: bytes.readDoubleLE(1),
	};
}

function view(bytes: Uint8Array): Buffer {
	return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function checkVersion(bytes: Buffer): void {
	if (bytes[0] === formatVersion) return;
	throw new EdgeError('EDGE_STORAGE_VERSION', `A stored message has version ${bytes[0]}.`);
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

	#step(length: number): number {
		const start = this.#position;
		this.#position += length;
		return start;
	}
}
