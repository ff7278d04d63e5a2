import type { Publication } from '../../mqtt/mqtt-server.ts';
import { type Identity, sameIdentity } from '../../protocol/identity.ts';
import { type Message, messageFromBag } from '../../protocol/message.ts';
import { parsePropertyBag } from '../../protocol/property-bag.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import type { HubServices } from '../hub-services.ts';
import { ingestOfKind, telemetryKind } from '../telemetry.ts';
import type { MqttClient } from './mqtt-client.ts';

const noBody = new Uint8Array();

/**
 * A message of a client. It is acknowledged when it is on disk for everybody whom a route leads it
 * to. The sender is the client of the connection, whatever the topic or the properties claim.
 *
 * @throws EdgeError EDGE_MESSAGE_INVALID, EDGE_PROPERTY_BAG_INVALID, EDGE_STORAGE_FULL: the
 * connection is closed without acknowledgement
 */
export function handleTelemetry(
	services: HubServices,
	client: MqttClient,
	topic: { readonly identity: Identity; readonly bag: string },
	publication: Publication,
): Promise<void> {
	if (!sameIdentity(topic.identity, client.identity)) {
		throw new EdgeError('EDGE_MESSAGE_INVALID', 'The topic names another client than the sender.');
	}
	const kind = telemetryKind(services, client, propertiesOf(topic.bag, publication));
	if (!isFlagged(publication)) client.lastTelemetry = { topic: publication.topic, kind };
	return ingestOfKind(services, kind, publication.payload);
}

/**
 * A message of a client to the same topic as its last one, which says all but the body.
 *
 * @returns undefined where it is not
 * @throws as `handleTelemetry`
 */
export function handleRepeatedTelemetry(
	services: HubServices,
	client: MqttClient,
	publication: Publication,
): Promise<void> | undefined {
	const last = client.lastTelemetry;
	if (last?.topic !== publication.topic || isFlagged(publication)) return undefined;
	return ingestOfKind(services, last.kind, publication.payload);
}

/** Flags become properties of the message. */
function isFlagged({ retain = false, duplicate = false }: Publication): boolean {
	return retain || duplicate;
}

function propertiesOf(bagText: string, { retain, duplicate }: Publication): Omit<Message, 'body'> {
	// IoT Hub's documentation shows bags with a question mark in front.
	const bag = parsePropertyBag(bagText.startsWith('?') ? bagText.slice(1) : bagText);
	if (retain) bag.set('mqtt-retain', 'true');
	if (duplicate) bag.set('mqtt-dup', 'true');
	return messageFromBag(bag, noBody);
}
