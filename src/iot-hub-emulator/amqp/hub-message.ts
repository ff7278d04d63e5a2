import { type AmqpMessage, type AmqpValue, bytesOf } from '../../amqp/amqp-message.ts';
import type { Message } from '../../protocol/message.ts';
import type { QueuedMessage } from '../cloud-to-device/queued-message.ts';

/** Application properties and annotations that are system properties of IoT Hub. */
const systemNames: ReadonlyMap<string, string> = new Map([
	['iothub-ack', 'ack'],
	['iothub-operation', 'operation'],
	['iothub-outputname', 'outputName'],
	['iothub-interface-id', 'iothub-interface-id'],
	['iothub-message-schema', 'messageSchema'],
	['iothub-creation-time-utc', 'creationTime'],
	['dt-subject', 'dt-subject'],
]);

/** A message that a client has sent with AMQP. */
export function messageFromAmqp(amqp: AmqpMessage): Message {
	const properties = new Map<string, string | null>();
	const systemProperties = new Map<string, string>(standardProperties(amqp));
	for (const [name, value] of amqp.annotations ?? []) {
		const system = systemNames.get(name);
		if (system !== undefined) systemProperties.set(system, textOf(value as AmqpValue));
	}
	for (const [name, value] of amqp.properties ?? []) {
		const system = systemNames.get(name);
		const text = textOf(value as AmqpValue);
		if (system === undefined) properties.set(name, text);
		else systemProperties.set(system, text);
	}
	return { body: bytesOf(amqp), properties, systemProperties };
}

/** A cloud-to-device message on its way to a device. */
export function deviceMessageToAmqp(message: Message, delivery: QueuedMessage): AmqpMessage {
	const { systemProperties } = message;
	const properties = new Map<string, string>();
	for (const [name, value] of message.properties) properties.set(name, value ?? '');
	const ack = systemProperties.get('ack');
	if (ack !== undefined) properties.set('iothub-ack', ack);
	const expiry = Date.parse(systemProperties.get('absolute-expiry-time') ?? '');
	return {
		...present('messageId', systemProperties.get('messageId')),
		...present('correlationId', systemProperties.get('cid')),
		...present('userId', systemProperties.get('userId')),
		...present('to', systemProperties.get('to')),
		...present('contentType', systemProperties.get('contentType')),
		...present('contentEncoding', systemProperties.get('contentEncoding')),
		...present('absoluteExpiryTime', Number.isNaN(expiry) ? undefined : expiry),
		deliveryCount: delivery.deliveryCount - 1,
		annotations: new Map<string, AmqpValue>([
			['iothub-enqueuedtime', new Date(delivery.enqueuedTime)],
			['iothub-sequencenumber', delivery.sequenceNumber],
		]),
		properties,
		data: message.body,
	};
}

function* standardProperties(amqp: AmqpMessage): Generator<[string, string]> {
	if (amqp.messageId !== undefined) yield ['messageId', amqp.messageId];
	if (amqp.correlationId !== undefined) yield ['cid', amqp.correlationId];
	if (amqp.userId !== undefined) yield ['userId', amqp.userId];
	if (amqp.to !== undefined) yield ['to', amqp.to];
	if (amqp.contentType !== undefined) yield ['contentType', amqp.contentType];
	if (amqp.contentEncoding !== undefined) yield ['contentEncoding', amqp.contentEncoding];
	if (amqp.creationTime !== undefined) yield ['creationTime', iso(amqp.creationTime)];
	if (amqp.absoluteExpiryTime !== undefined) {
		yield ['absolute-expiry-time', iso(amqp.absoluteExpiryTime)];
	}
}

/** The latest time that there is stands for any later one. */
function iso(ms: number): string {
	const latest = 8_640_000_000_000_000;
	return new Date(Math.max(-latest, Math.min(latest, ms))).toISOString();
}

function textOf(value: AmqpValue): string {
	if (value instanceof Date) return value.toISOString();
	if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
	return value === null || value === undefined ? '' : String(value);
}

function present<K extends string, V>(name: K, value: V | undefined): Partial<Record<K, V>> {
	return value === undefined ? {} : ({ [name]: value } as Record<K, V>);
}
