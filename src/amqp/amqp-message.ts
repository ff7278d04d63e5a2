import rhea, { type Message, type Typed } from 'rhea';
import { AmqpError } from './amqp-error.ts';

/** A value of an application property or annotation as it is read. */
export type AmqpValue = string | number | boolean | Date | Uint8Array | null | undefined;

/** A body as the library has decoded it. */
interface Section {
	readonly typecode?: number;
	readonly content?: unknown;
}

const dataSection = 0x75;

/** A message in its parts, typed ids already turned into text [AMQP 1.0, 3.2]. */
export interface AmqpMessage {
	readonly messageId?: string;
	/** Whether the id has come as a number, as libraries in C send it. */
	readonly hasNumericId?: boolean;
	readonly correlationId?: string;
	/** Whether the correlation id is written as a number, as the id that it answers. */
	readonly hasNumericCorrelationId?: boolean;
	readonly to?: string;
	readonly replyTo?: string;
	readonly subject?: string;
	readonly userId?: string;
	readonly contentType?: string;
	readonly contentEncoding?: string;
	/** Milliseconds since the epoch. */
	readonly absoluteExpiryTime?: number;
	/** Milliseconds since the epoch. */
	readonly creationTime?: number;
	/** Times that it has been delivered in vain. */
	readonly deliveryCount?: number;
	readonly properties?: ReadonlyMap<string, AmqpValue | Typed>;
	readonly annotations?: ReadonlyMap<string, AmqpValue | Typed>;
	/** Bytes of a data section. Absent where the message has a value, or nothing. */
	readonly data?: Uint8Array;
	/** An AMQP value section, e.g. the token of a claims-based request. */
	readonly value?: unknown;
}

/** A value that is written as `int`. */
export function int(value: number): Typed {
	return rhea.types.wrap_int(value);
}

/** A value that is written as `long`. */
export function long(value: number): Typed {
	return rhea.types.wrap_long(value);
}

/** A value that is written as `timestamp`. @param ms since the epoch */
export function timestamp(ms: number): Typed {
	return rhea.types.wrap_timestamp(ms);
}

/** A list that is written as an array of strings. */
export function stringArray(values: readonly string[]): Typed {
	const str32 = 0xb1;
	return rhea.types.wrap_array([...values], str32, undefined);
}

/** Reads what the library has decoded. Sections of an unexpected kind are left out. */
export function messageFromWire(wire: Message): AmqpMessage {
	const parts: Record<string, unknown> = {
		messageId: textOfId(wire['message_id']),
		hasNumericId: typeof wire['message_id'] === 'number' ? true : undefined,
		correlationId: textOfId(wire['correlation_id']),
		to: text(wire['to']),
		replyTo: text(wire['reply_to']),
		subject: text(wire['subject']),
		userId: Buffer.isBuffer(wire['user_id']) ? wire['user_id'].toString() : undefined,
		contentType: text(wire['content_type']),
		contentEncoding: text(wire['content_encoding']),
		absoluteExpiryTime: milliseconds(wire['absolute_expiry_time']),
		creationTime: milliseconds(wire['creation_time']),
		...bodyFrom(wire['body']),
	};
	const known = Object.entries(parts).filter(([, value]) => value !== undefined);
	return {
		...(Object.fromEntries(known) as AmqpMessage),
		properties: mapFrom(wire['application_properties']),
		annotations: mapFrom(wire['message_annotations']),
	};
}

/**
 * The messages of a batch: each data section holds a whole message.
 *
 * @param bytes of the batch, which is encoded as a message itself
 * @throws AmqpError amqp:decode-error
 */
export function messagesFromBatch(bytes: Uint8Array): readonly AmqpMessage[] {
	try {
		const { body } = rhea.message.decode(Buffer.from(bytes)) as { body?: Section | null };
		if (body?.typecode !== dataSection) return [];
		return chunksOf(body).map((chunk) =>
			messageFromWire(rhea.message.decode(chunk) as unknown as Message),
		);
	} catch {
		throw new AmqpError('amqp:decode-error', 'The batch of messages cannot be read.');
	}
}

/** What the library encodes. */
export function messageToWire(message: AmqpMessage): Message {
	const wire: Record<string, unknown> = {
		message_id: message.messageId,
		correlation_id: message.hasNumericCorrelationId
			? Number(message.correlationId)
			: message.correlationId,
		to: message.to,
		reply_to: message.replyTo,
		subject: message.subject,
		user_id: message.userId === undefined ? undefined : Buffer.from(message.userId),
		content_type: message.contentType,
		content_encoding: message.contentEncoding,
		absolute_expiry_time: message.absoluteExpiryTime,
		creation_time: message.creationTime,
		delivery_count: message.deliveryCount,
		application_properties: objectFrom(message.properties),
		message_annotations: objectFrom(message.annotations),
		body: message.value ?? rhea.message.data_section(Buffer.from(message.data ?? [])),
	};
	const known = Object.entries(wire).filter(([, value]) => value !== undefined);
	return Object.fromEntries(known) as unknown as Message;
}

/** A body as bytes: a data section's own, text as UTF-8, none for anything else. */
export function bytesOf(message: AmqpMessage): Uint8Array {
	if (message.data !== undefined) return message.data;
	return typeof message.value === 'string' ? Buffer.from(message.value) : new Uint8Array();
}

function bodyFrom(body: unknown): Pick<AmqpMessage, 'data' | 'value'> {
	const section = body as Section | null | undefined;
	if (section === null || section === undefined) return {};
	if (section.typecode !== dataSection) return { value: body };
	const chunks = chunksOf(section);
	const [only, ...more] = chunks;
	return { data: only !== undefined && more.length === 0 ? only : Buffer.concat(chunks) };
}

/** The bytes of one data section, or of several. */
function chunksOf({ content }: Section): readonly Buffer[] {
	return (Array.isArray(content) ? content : [content]).filter((chunk) => Buffer.isBuffer(chunk));
}

/** Ids may be of type uuid, which the library reads as 16 bytes, ulong or binary. */
function textOfId(id: unknown): string | undefined {
	if (id === undefined || id === null) return undefined;
	if (!Buffer.isBuffer(id)) return String(id);
	return id.length === 16 ? rhea.uuid_to_string(id) : id.toString();
}

function text(value: unknown): string | undefined {
	return typeof value === 'string' ? value : undefined;
}

function milliseconds(value: unknown): number | undefined {
	const ms = value instanceof Date ? value.getTime() : value;
	return typeof ms === 'number' && !Number.isNaN(ms) ? ms : undefined;
}

function mapFrom(section: unknown): ReadonlyMap<string, AmqpValue> {
	return new Map(Object.entries((section ?? {}) as Record<string, AmqpValue>));
}

function objectFrom(map: ReadonlyMap<string, unknown> | undefined) {
	return map === undefined || map.size === 0 ? undefined : Object.fromEntries(map);
}
