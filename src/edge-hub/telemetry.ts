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

/**
 * Takes in a message of a client, whatever protocol brought it. The sender is the client of the
 * connection, whatever the properties claim. Resolves when the message is on disk for everybody
 * whom a route leads it to.
 *
 * @throws EdgeError EDGE_MESSAGE_INVALID, EDGE_STORAGE_FULL
 */
export async function ingestTelemetry(
	services: HubServices,
	sender: TelemetrySender,
	{ body, properties, systemProperties }: Message,
): Promise<void> {
	const { deviceId, moduleId } = sender.identity;
	const own = moduleId !== undefined && deviceId === services.edgeDeviceId;
	const all = new Map(systemProperties);
	all.set('connectionDeviceId', deviceId);
	if (moduleId !== undefined) all.set('connectionModuleId', moduleId);
	all.set('edgeHubOriginInterface', own ? 'internal' : 'downstream');
	if (sender.modelId !== undefined) all.set('modelId', sender.modelId);
	const message: Message = { body, properties, systemProperties: all };
	const size = messageSize(message);
	if (size > maxMessageSize) {
		const limit = `the limit is ${maxMessageSize}`;
		throw new EdgeError('EDGE_MESSAGE_INVALID', `The message has ${size} bytes; ${limit}.`);
	}
	await services.ingest(message, telemetrySource(sender.identity, all.get('outputName')));
}
