import type { Message } from '../../protocol/message.ts';

/** A message that waits for its device. */
export interface QueuedMessage {
	/** Grows with every message of the hub. */
	readonly sequenceNumber: number;
	/** Milliseconds since the epoch. */
	readonly enqueuedTime: number;
	/** When it is dropped undelivered, in milliseconds since the epoch. */
	readonly expires: number;
	readonly deliveryCount: number;
	readonly message: Message;
}

interface StoredMessage extends Omit<QueuedMessage, 'message'> {
	readonly properties: readonly [string, string | null][];
	readonly systemProperties: readonly [string, string][];
	readonly body: string;
}

/** The stored form of a message. */
export function encodeQueued({ message, ...rest }: QueuedMessage): Uint8Array {
	const stored: StoredMessage = {
		...rest,
		properties: [...message.properties],
		systemProperties: [...message.systemProperties],
		body: Buffer.from(message.body).toString('base64'),
	};
	return Buffer.from(JSON.stringify(stored));
}

/** The message of a stored form. */
export function decodeQueued(value: Uint8Array): QueuedMessage {
	const stored = JSON.parse(Buffer.from(value).toString()) as StoredMessage;
	const { properties, systemProperties, body, ...rest } = stored;
	const message = {
		body: Buffer.from(body, 'base64'),
		properties: new Map(properties),
		systemProperties: new Map(systemProperties),
	};
	return { ...rest, message };
}
