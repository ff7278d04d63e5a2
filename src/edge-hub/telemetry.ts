import type { Identity } from '../protocol/identity.ts';
import { type Message, maxMessageSize, messageSize } from '../protocol/message.ts';
import { EdgeError } from '../runtime/edge-error.ts';
import type { HubServices } from './hub-services.ts';
import { telemetrySource } from './routing/message-source.ts';

/** Who has sent a message, as its connection tells. */
export interface TelemetrySender {
	readonly identity: Identity;
	/** Announced model (IoT Plug and Play). */
	readonly modelId?: string | undefined;
}

/** What messages of one sender with the same properties have in common. */
export interface TelemetryKind {
	readonly properties: Message['properties'];
	/** With those that tell the sender: its connection says who it is, whatever the message claims. */
	readonly systemProperties: Message['systemProperties'];
	/** For the FROM of routes. */
	readonly source: string;
	/** Of all properties, as `messageSize` counts. */
	readonly propertyBytes: number;
}

const noBody = new Uint8Array();

export function telemetryKind(
	services: HubServices,
	sender: TelemetrySender,
	{ properties, systemProperties }: Omit<Message, 'body'>,
): TelemetryKind {
	const { deviceId, moduleId } = sender.identity;
	const own = moduleId !== undefined && deviceId === services.edgeDeviceId;
	const all = new Map(systemProperties);
	all.set('connectionDeviceId', deviceId);
	if (moduleId !== undefined) all.set('connectionModuleId', moduleId);
	all.set('edgeHubOriginInterface', own ? 'internal' : 'downstream');
	if (sender.modelId !== undefined) all.set('modelId', sender.modelId);
	return {
		properties,
		systemProperties: all,
		source: telemetrySource(sender.identity, all.get('outputName')),
		propertyBytes: messageSize({ body: noBody, properties, systemProperties: all }),
	};
}

/**
 * Takes in a message of a client. Resolves when it is on disk for everybody whom a route leads it to.
 *
 * @throws EdgeError EDGE_MESSAGE_INVALID, EDGE_STORAGE_FULL
 */
export function ingestOfKind(
	services: HubServices,
	{ properties, systemProperties, source, propertyBytes }: TelemetryKind,
	body: Uint8Array,
): Promise<void> {
	const size = body.byteLength + propertyBytes;
	if (size <= maxMessageSize)
		return services.ingest({ body, properties, systemProperties }, source);
	const fault = `The message has ${size} bytes; the limit is ${maxMessageSize}.`;
	return Promise.reject(new EdgeError('EDGE_MESSAGE_INVALID', fault));
}

/** As `ingestOfKind`, for a message whose kind is not known, whatever protocol brought it. */
export function ingestTelemetry(
	services: HubServices,
	sender: TelemetrySender,
	message: Message,
): Promise<void> {
	return ingestOfKind(services, telemetryKind(services, sender, message), message.body);
}
