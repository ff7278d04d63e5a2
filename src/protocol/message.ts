/**
 * A telemetry, module or cloud-to-device message, the same on every transport.
 *
 * System properties carry the names that route conditions use: `messageId`, `cid` (correlation id),
 * `userId`, `to`, `contentType`, `contentEncoding`, `outputName`, `inputName`, `connectionDeviceId`,
 * `connectionModuleId`, `creationTime`, `messageSchema`, `absolute-expiry-time`, `dt-subject`…
 */
export interface Message {
	readonly body: Uint8Array;
	/** Application properties. Null is a property without a value. */
	readonly properties: ReadonlyMap<string, string | null>;
	readonly systemProperties: ReadonlyMap<string, string>;
}

/** Bytes that body and properties of a message may have together (IoT Hub quotas, 256 KB). */
export const maxMessageSize = 262_144;

/** Wire name → system property. Source: the property bag of IoT Hub's MQTT documentation. */
const systemNames: ReadonlyMap<string, string> = new Map([
	['$.mid', 'messageId'],
	['$.cid', 'cid'],
	['$.uid', 'userId'],
	['$.to', 'to'],
	['$.exp', 'absolute-expiry-time'],
	['$.ct', 'contentType'],
	['$.ce', 'contentEncoding'],
	['$.on', 'outputName'],
	['$.schema', 'messageSchema'],
	['$.ctime', 'creationTime'],
	['$.ifid', 'iothub-interface-id'],
	['$.sub', 'dt-subject'],
	['$.cdid', 'connectionDeviceId'],
	['$.cmid', 'connectionModuleId'],
	['ack', 'ack'],
	['iothub-operation', 'operation'],
]);

/** What messages may have as system properties in an edge hub, from their senders or from the hub itself. */
export const systemPropertyNames: ReadonlySet<string> = new Set([
	...systemNames.values(),
	...['inputName', 'enqueuedTime', 'messageType', 'modelId', 'edgeHubOriginInterface'],
	...['rpSenderDeviceId', 'rpSenderModuleId'],
]);

/** Only ever read from a client, never sent to one. */
const inboundOnly = new Set(['outputName', 'iothub-interface-id']);

/** Told by the connection, never believed from a client. */
const assignedByServer = new Set(['connectionDeviceId', 'connectionModuleId']);

/** Who caused a message that the hub itself sends. */
const realSenders: ReadonlyMap<string, string> = new Map([
	['connectionDeviceId', 'rpSenderDeviceId'],
	['connectionModuleId', 'rpSenderModuleId'],
]);

const wireNames: ReadonlyMap<string, string> = new Map(
	[...systemNames].map(([wire, name]) => [name, wire]),
);

/** A message that a client has published with this bag. Who sent it is for the caller to add. */
export function messageFromBag(bag: ReadonlyMap<string, string | null>, body: Uint8Array): Message {
	const properties = new Map<string, string | null>();
	const systemProperties = new Map<string, string>();
	for (const [key, value] of bag) {
		const name = systemNames.get(key);
		if (name === undefined) properties.set(key, value);
		else if (value !== null && !assignedByServer.has(name)) systemProperties.set(name, value);
	}
	return { body, properties, systemProperties };
}

/**
 * The bag of a message on its way to a client: application properties, then system properties. An
 * application property that poses as a system property gives way to the real one. A twin change
 * carries the client whose twin it was in place of the hub that sends it.
 */
export function bagOfMessage(message: Message): Map<string, string | null> {
	const { systemProperties } = message;
	const bag = new Map<string, string | null>();
	for (const [key, value] of message.properties) {
		const real = systemNames.get(key);
		if (real === undefined) bag.set(key, value);
		else if (systemProperties.has(real)) bag.set(key, systemProperties.get(real) ?? null);
	}
	for (const [name, value] of systemProperties) {
		const wire = wireNames.get(name);
		if (wire === undefined || inboundOnly.has(name)) continue;
		bag.set(wire, systemProperties.get(realSenders.get(name) ?? '') ?? value);
	}
	return bag;
}

/** What counts against `maxMessageSize`: the body's bytes and the characters of all properties. */
export function messageSize(message: Message): number {
	let size = message.body.byteLength;
	for (const [key, value] of message.properties) size += key.length + (value?.length ?? 0);
	for (const [key, value] of message.systemProperties) size += key.length + value.length;
	return size;
}
