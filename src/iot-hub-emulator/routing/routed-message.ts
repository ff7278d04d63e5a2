import type { Message } from '../../protocol/message.ts';
import type { NewTelemetryEvent } from '../telemetry/telemetry-event.ts';
import type { RoutingSource } from './routing-document.ts';

/**
 * Name of a system property in an event → the one that conditions use. What is not here has one name
 * for both (IoT Hub documentation, "Message routing query syntax", system properties).
 */
const conditionNames: ReadonlyMap<string, readonly string[]> = new Map([
	['message-id', ['messageId']],
	['correlation-id', ['correlationId', 'cid']],
	['user-id', ['userId']],
	['content-type', ['contentType']],
	['content-encoding', ['contentEncoding']],
	['iothub-message-schema', ['messageSchema']],
	['iothub-creation-time-utc', ['creationTime']],
	['iothub-connection-device-id', ['connectionDeviceId']],
	['iothub-connection-module-id', ['connectionModuleId']],
	['iothub-enqueuedtime', ['enqueuedTime']],
	['iothub-outputname', ['outputName']],
	['iothub-ack', ['ack']],
	['iothub-operation', ['operation']],
]);

/**
 * An event as conditions see it: each system property under its own name, and that of conditions.
 * Most hubs have no conditions, so nothing is copied before one asks.
 */
export class RoutedMessage implements Message {
	readonly body: Uint8Array;
	readonly #event: NewTelemetryEvent;
	#properties: Map<string, string> | undefined;
	#systemProperties: Map<string, string> | undefined;

	constructor(event: NewTelemetryEvent) {
		this.body = event.body;
		this.#event = event;
	}

	get properties(): ReadonlyMap<string, string> {
		this.#properties ??= new Map(Object.entries(this.#event.properties));
		return this.#properties;
	}

	get systemProperties(): ReadonlyMap<string, string> {
		this.#systemProperties ??= withConditionNames(this.#event.systemProperties);
		return this.#systemProperties;
	}
}

/** System properties under the names that they have in events, and those that conditions use. */
export function withConditionNames(properties: Readonly<Record<string, string>>) {
	const named = new Map<string, string>();
	for (const [name, value] of Object.entries(properties)) {
		named.set(name, value);
		for (const alias of conditionNames.get(name) ?? []) named.set(alias, value);
	}
	return named;
}

/** The source that routes name, of the one that an event names as its `iothub-message-source`. */
export function routingSourceOf(source: string): RoutingSource {
	if (source === 'Telemetry') return 'DeviceMessages';
	return `${source.slice(0, 1).toUpperCase()}${source.slice(1)}` as RoutingSource;
}
