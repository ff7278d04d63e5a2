import { type Message, maxMessageSize } from '../protocol/message.ts';
import { IotHubError } from './iot-hub-error.ts';

/**
 * The size by which IoT Hub limits and counts a message, the same on every protocol: the bytes of its
 * body, of the values of its system properties, and of names and values of its application
 * properties (IoT Hub documentation, "Message size").
 */
export function meteredSize({ body, properties, systemProperties }: Message): number {
	let size = body.byteLength;
	for (const value of systemProperties.values()) size += Buffer.byteLength(value);
	for (const [name, value] of properties) {
		size += Buffer.byteLength(name) + Buffer.byteLength(value ?? '');
	}
	return size;
}

/**
 * @returns the size of one message, or of all messages of a batch
 * @throws IotHubError MessageTooLarge
 */
export function requireMessageSize(messages: readonly Message[], limit = maxMessageSize): number {
	const size = messages.reduce((sum, message) => sum + meteredSize(message), 0);
	if (size <= limit) return size;
	const what = messages.length === 1 ? 'message has' : 'messages have';
	throw new IotHubError('MessageTooLarge', `The ${what} ${size} bytes, at most ${limit} may be.`);
}
