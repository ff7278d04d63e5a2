import type { Identity } from '../../protocol/identity.ts';
import type { Message } from '../../protocol/message.ts';
import type { JsonValue } from '../../runtime/json.ts';
import type { Admission } from '../access/device-authentication.ts';

/** A device-to-cloud message with what the hub has added to it. */
export interface TelemetryEvent {
	/** Grows by one with every event of this hub. */
	readonly sequenceNumber: number;
	/** Milliseconds since the epoch. */
	readonly enqueuedTime: number;
	readonly identity: Identity;
	/** Under the names of the Event Hubs-compatible endpoint, `iothub-connection-device-id`… */
	readonly systemProperties: Readonly<Record<string, string>>;
	readonly properties: Readonly<Record<string, string>>;
	readonly body: Uint8Array;
}

/** An event that has no place in the log yet. */
export type NewTelemetryEvent = Omit<TelemetryEvent, 'sequenceNumber'>;

/** Name of a system property in a message → its name in an event. */
const eventNames: ReadonlyMap<string, string> = new Map([
	['messageId', 'message-id'],
	['cid', 'correlation-id'],
	['userId', 'user-id'],
	['to', 'to'],
	['absolute-expiry-time', 'absolute-expiry-time'],
	['contentType', 'content-type'],
	['contentEncoding', 'content-encoding'],
	['messageSchema', 'iothub-message-schema'],
	['creationTime', 'iothub-creation-time-utc'],
	['iothub-interface-id', 'iothub-interface-id'],
	['dt-subject', 'dt-subject'],
	['outputName', 'iothub-outputname'],
	['ack', 'iothub-ack'],
	['operation', 'iothub-operation'],
]);

/** The event of a message that an identity has sent. */
export function telemetryEvent(
	message: Message,
	sender: { readonly identity: Identity; readonly admission: Admission; readonly modelId?: string },
	now: number,
): NewTelemetryEvent {
	const systemProperties = new Map<string, string>();
	for (const [name, value] of message.systemProperties) {
		const eventName = eventNames.get(name);
		if (eventName !== undefined) systemProperties.set(eventName, value);
	}
	for (const [name, value] of annotations(sender, now)) systemProperties.set(name, value);
	const properties = [...message.properties].map(([name, value]) => [name, value ?? ''] as const);
	return {
		enqueuedTime: now,
		identity: sender.identity,
		systemProperties: Object.fromEntries(systemProperties),
		properties: Object.fromEntries(properties),
		body: message.body,
	};
}

/** What IoT Hub says of the sender (IoT Hub documentation, "Create and read IoT Hub messages"). */
function annotations(
	sender: { readonly identity: Identity; readonly admission: Admission; readonly modelId?: string },
	now: number,
): [string, string][] {
	const { identity, admission, modelId } = sender;
	const method = { ...admission.method, issuer: 'iothub', acceptingIpFilterRule: null };
	const annotated: [string, string][] = [['iothub-connection-device-id', identity.deviceId]];
	if (identity.moduleId !== undefined) {
		annotated.push(['iothub-connection-module-id', identity.moduleId]);
	}
	annotated.push(
		['iothub-connection-auth-method', JSON.stringify(method)],
		['iothub-connection-auth-generation-id', admission.generationId],
		['iothub-enqueuedtime', new Date(now).toISOString()],
		['iothub-message-source', 'Telemetry'],
	);
	if (modelId) annotated.push(['dt-dataschema', modelId]);
	return annotated;
}

/** An event as JSON: `body` where the bytes are JSON, `bodyBase64` where not. */
export function telemetryDocument(event: TelemetryEvent) {
	const { deviceId, moduleId = null } = event.identity;
	return {
		sequenceNumber: event.sequenceNumber,
		enqueuedTimeUtc: new Date(event.enqueuedTime).toISOString(),
		deviceId,
		moduleId,
		systemProperties: event.systemProperties,
		properties: event.properties,
		...bodyMember(event.body),
	};
}

function bodyMember(body: Uint8Array): { body: JsonValue } | { bodyBase64: string } {
	try {
		const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
		return { body: JSON.parse(text) as JsonValue };
	} catch {
		return { bodyBase64: Buffer.from(body).toString('base64') };
	}
}
