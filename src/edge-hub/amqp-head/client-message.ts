import { type AmqpMessage, type AmqpValue, bytesOf } from '../../amqp/amqp-message.ts';
import type { Message } from '../../protocol/message.ts';

/** Application properties and annotations of AMQP that are system properties of IoT Hub. */
const systemNames: ReadonlyMap<string, string> = new Map([
	['iothub-ack', 'ack'],
	['iothub-operation', 'operation'],
	['iothub-outputname', 'outputName'],
	['iothub-interface-id', 'iothub-interface-id'],
	['iothub-message-schema', 'messageSchema'],
	['iothub-creation-time-utc', 'creationTime'],
	['dt-subject', 'dt-subject'],
]);

/** System properties that are standard properties of AMQP, but for times. */
const standardNames = [
	['messageId', 'messageId'],
	['cid', 'correlationId'],
	['userId', 'userId'],
	['to', 'to'],
	['contentType', 'contentType'],
	['contentEncoding', 'contentEncoding'],
] as const;

/**
 * Annotation → system properties of which the first that is there is meant. A twin change carries the
 * client whose twin it was in place of the hub that sends it.
 */
const annotationNames: ReadonlyMap<string, readonly string[]> = new Map([
	['iothub-connection-device-id', ['rpSenderDeviceId', 'connectionDeviceId']],
	['iothub-connection-module-id', ['rpSenderModuleId', 'connectionModuleId']],
	['dt-subject', ['dt-subject']],
]);

/** Application property → system property. */
const propertyNames: ReadonlyMap<string, readonly string[]> = new Map([
	['iothub-message-schema', ['messageSchema']],
	['iothub-creation-time-utc', ['creationTime']],
	['iothub-operation', ['operation']],
]);

/** A message that a client has sent. Who sent it is for the caller to add. */
export function messageFromAmqp(amqp: AmqpMessage): Message {
	const properties = new Map<string, string | null>();
	const systemProperties = new Map<string, string>();
	for (const [name, amqpName] of standardNames) {
		const value = amqp[amqpName];
		if (value !== undefined) systemProperties.set(name, value);
	}
	setTime(systemProperties, 'creationTime', amqp.creationTime);
	setTime(systemProperties, 'absolute-expiry-time', amqp.absoluteExpiryTime);
	for (const [name, value] of amqp.annotations ?? []) {
		const system = systemNames.get(name);
		if (system !== undefined) systemProperties.set(system, textOf(value as AmqpValue));
	}
	for (const [name, value] of amqp.properties ?? []) {
		const system = systemNames.get(name);
		if (system === undefined) properties.set(name, textOf(value as AmqpValue));
		else systemProperties.set(system, textOf(value as AmqpValue));
	}
	return { body: bytesOf(amqp), properties, systemProperties };
}

/**
 * A message on its way to a client.
 *
 * @param input of a module that it is for
 */
export function messageToAmqp(message: Message, input?: string): AmqpMessage {
	const { systemProperties } = message;
	const standard: Record<string, string> = {};
	for (const [name, amqpName] of standardNames) {
		const value = systemProperties.get(name);
		if (value !== undefined) standard[amqpName] = value;
	}
	const annotations = named(systemProperties, annotationNames);
	if (input !== undefined) annotations.set('x-opt-input-name', input);
	const expiry = Date.parse(systemProperties.get('absolute-expiry-time') ?? '');
	return {
		...standard,
		...(Number.isNaN(expiry) ? {} : { absoluteExpiryTime: expiry }),
		annotations,
		properties: new Map([
			...named(systemProperties, propertyNames),
			...[...message.properties].map(([name, value]) => [name, value ?? ''] as const),
		]),
		data: message.body,
	};
}

function named(
	from: ReadonlyMap<string, string>,
	names: ReadonlyMap<string, readonly string[]>,
): Map<string, string> {
	const found = new Map<string, string>();
	for (const [wire, candidates] of names) {
		const name = candidates.find((each) => from.has(each));
		if (name !== undefined) found.set(wire, from.get(name) ?? '');
	}
	return found;
}

function setTime(into: Map<string, string>, name: string, ms: number | undefined): void {
	const latest = 8_640_000_000_000_000;
	if (ms === undefined || Math.abs(ms) > latest) return;
	into.set(name, new Date(ms).toISOString());
}

function textOf(value: AmqpValue): string {
	if (value instanceof Date) return value.toISOString();
	if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
	return value === null || value === undefined ? '' : String(value);
}
