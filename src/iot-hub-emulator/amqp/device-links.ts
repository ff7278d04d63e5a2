import type { AmqpMessage } from '../../amqp/amqp-message.ts';
import { bytesOf } from '../../amqp/amqp-message.ts';
import type { IncomingRoute, LinkRequest, OutgoingLink } from '../../amqp/amqp-server.ts';
import type { JsonValue } from '../../runtime/json.ts';
import type { Faults } from '../faults.ts';
import type { Hub } from '../hub.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { requireMessageSize } from '../message-size.ts';
import { telemetryEvent } from '../telemetry/telemetry-event.ts';
import type { AmqpAddress } from './amqp-address.ts';
import type { AmqpDeviceConnection } from './amqp-device-connection.ts';
import { messageFromAmqp } from './hub-message.ts';
import { answerTwinMessage } from './twin-link.ts';

type DeviceAddress = Extract<AmqpAddress, { identity: unknown }>;

/** The links of devices and modules. */
export class DeviceLinks {
	readonly #hub: Hub;
	readonly #faults: Faults;

	constructor(hub: Hub, faults: Faults) {
		this.#hub = hub;
		this.#faults = faults;
	}

	/** @throws IotHubError for an address that takes nothing */
	incoming(
		{ kind }: DeviceAddress,
		link: LinkRequest,
		connection: AmqpDeviceConnection,
	): IncomingRoute {
		connection.track(link);
		if (kind === 'events') return (message) => this.#telemetry(message, connection);
		if (kind === 'methods') return async (message) => this.#methodResponse(message, connection);
		if (kind === 'twin') {
			return (message) =>
				answerTwinMessage(message, connection, { hub: this.#hub, faults: this.#faults });
		}
		throw new IotHubError('MethodNotAllowed', 'Devices do not send to this address.');
	}

	outgoing(
		{ kind, identity }: DeviceAddress,
		link: OutgoingLink,
		connection: AmqpDeviceConnection,
	): void {
		connection.track(link);
		// Modules listen for inputs here, which only an IoT Edge hub sends.
		if (kind === 'events') return;
		if (kind === 'device-bound' && identity.moduleId !== undefined) {
			throw new IotHubError('MethodNotAllowed', 'Modules have no cloud-to-device messages.');
		}
		connection.attach(kind, link);
		if (kind === 'methods') {
			link.onCredit(() => this.#hub.connections.ready(connection, 'methods'));
		}
		if (kind === 'device-bound') {
			link.onCredit(() => this.#hub.connections.ready(connection, 'cloud-to-device'));
		}
	}

	async #telemetry(amqp: AmqpMessage, connection: AmqpDeviceConnection): Promise<void> {
		this.#hub.connections.touch(connection.identity);
		const message = messageFromAmqp(amqp);
		const size = requireMessageSize([message]);
		await this.#faults.request();
		this.#hub.throttles.take('telemetry');
		this.#hub.throttles.meter(size);
		const event = telemetryEvent(message, connection, this.#hub.clock.now());
		await this.#hub.routing.accept(event);
	}

	#methodResponse(message: AmqpMessage, { identity }: AmqpDeviceConnection): void {
		const status = Number(message.properties?.get('IoThub-status'));
		const requestId = message.correlationId ?? '';
		if (!Number.isInteger(status)) {
			throw new IotHubError('ArgumentInvalid', 'The answer has no IoThub-status.');
		}
		this.#hub.methods.answer(identity, requestId, { status, payload: json(bytesOf(message)) });
	}
}

/** The payload of an answer; an empty one is null. */
function json(payload: Uint8Array): JsonValue {
	if (payload.length === 0) return null;
	try {
		return JSON.parse(Buffer.from(payload).toString()) as JsonValue;
	} catch {
		throw new IotHubError('ArgumentInvalid', 'The payload is not JSON.');
	}
}
