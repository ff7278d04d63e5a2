import { type AmqpMessage, long, timestamp } from '../../amqp/amqp-message.ts';
import type { TelemetryEvent } from '../telemetry/telemetry-event.ts';

/** System properties that are AMQP properties; all others are annotations. */
const amqpProperties = {
	'message-id': 'messageId',
	'correlation-id': 'correlationId',
	'user-id': 'userId',
	to: 'to',
	'content-type': 'contentType',
	'content-encoding': 'contentEncoding',
} as const;

/** An event as the Event Hubs-compatible endpoint hands it out. */
export function eventMessage(event: TelemetryEvent): AmqpMessage {
	const properties: Record<string, string> = {};
	const annotations = new Map<string, unknown>([
		['x-opt-sequence-number', long(event.sequenceNumber)],
		['x-opt-offset', String(event.sequenceNumber)],
		['x-opt-enqueued-time', timestamp(event.enqueuedTime)],
	]);
	for (const [name, value] of Object.entries(event.systemProperties)) {
		if (isAmqpProperty(name)) properties[amqpProperties[name]] = value;
		else if (name === 'iothub-enqueuedtime') annotations.set(name, timestamp(Date.parse(value)));
		else annotations.set(name, value);
	}
	return {
		...properties,
		annotations: annotations as NonNullable<AmqpMessage['annotations']>,
		properties: new Map(Object.entries(event.properties)),
		data: event.body,
	};
}

function isAmqpProperty(name: string): name is keyof typeof amqpProperties {
	return Object.hasOwn(amqpProperties, name);
}
