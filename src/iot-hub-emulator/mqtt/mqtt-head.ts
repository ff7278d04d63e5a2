import type {
	ConnectRequest,
	ConnectReturnCode,
	MqttConnection,
	MqttServerHandler,
	Publication,
} from '../../mqtt/mqtt-server.ts';
import { splitHostName } from '../../protocol/host-name.ts';
import { type Identity, identityKey, sameIdentity } from '../../protocol/identity.ts';
import { messageFromBag } from '../../protocol/message.ts';
import {
	type ClientTopic,
	parseClientTopic,
	parseSubscription,
} from '../../protocol/mqtt-topic.ts';
import { parseMqttUserName } from '../../protocol/mqtt-user-name.ts';
import { parsePropertyBag } from '../../protocol/property-bag.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import type { JsonValue } from '../../runtime/json.ts';
import type { Admission } from '../access/device-authentication.ts';
import type { Faults } from '../faults.ts';
import type { Hub } from '../hub.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { requireMessageSize } from '../message-size.ts';
import { telemetryEvent } from '../telemetry/telemetry-event.ts';
import { MqttDeviceConnection } from './mqtt-device-connection.ts';
import { answerTwinRequest } from './twin-request.ts';

interface Client {
	readonly identity: Identity;
	readonly admission: Admission;
	readonly modelId?: string;
}

/** IoT Hub's MQTT interface for devices (IoT Hub documentation, "Use MQTT directly"). */
export class MqttHead implements MqttServerHandler {
	readonly #hub: Hub;
	readonly #faults: Faults;
	readonly #hostNames: readonly string[];
	readonly #clients = new WeakMap<ConnectRequest, Client>();
	readonly #connections = new WeakMap<MqttConnection, MqttDeviceConnection>();

	constructor(hub: Hub, faults: Faults, hostNames: readonly string[]) {
		this.#hub = hub;
		this.#faults = faults;
		this.#hostNames = hostNames.map(bareHost);
	}

	async authenticate(request: ConnectRequest): Promise<ConnectReturnCode> {
		if (this.#faults.absence === 'unavailable') return 3;
		const user = parseMqttUserName(request.userName ?? '');
		if (user === undefined) return 4;
		const { identity, hostName, modelId, authChain } = user;
		if (request.clientId !== identityKey(identity)) return this.#refuse(identity, 'client id');
		if (!this.#hostNames.includes(bareHost(hostName))) return this.#refuse(identity, 'host name');
		try {
			this.#hub.throttles.take('connect');
			const admission = this.#hub.deviceAuthentication.admit(identity, {
				...(request.password ? { token: request.password } : {}),
				...(authChain === undefined ? {} : { authChain }),
				...(request.clientCertificate ? { certificate: request.clientCertificate } : {}),
			});
			this.#clients.set(request, { identity, admission, ...(modelId ? { modelId } : {}) });
			return 0;
		} catch (error) {
			if (!(error instanceof IotHubError)) throw error;
			if (error.code === 'ThrottlingException') return 3;
			return this.#refuse(identity, error.message);
		}
	}

	connected(mqtt: MqttConnection): void {
		const client = this.#clients.get(mqtt.request);
		if (client === undefined) {
			mqtt.close();
			return;
		}
		const connection = new MqttDeviceConnection(mqtt, client);
		this.#connections.set(mqtt, connection);
		this.#hub.connections.add(connection);
		if (client.modelId !== undefined) this.#hub.twins.setModelId(client.identity, client.modelId);
		this.#hub.logger.debug('a client has connected', { identity: identityKey(client.identity) });
		this.#ready(connection, [...mqtt.subscriptions.keys()]);
	}

	async published(mqtt: MqttConnection, publication: Publication, _qos: 0 | 1): Promise<void> {
		const connection = this.#connections.get(mqtt);
		if (connection === undefined) return;
		try {
			this.#hub.connections.touch(connection.identity);
			await this.#serve(mqtt, connection, publication);
		} catch (error) {
			const identity = identityKey(connection.identity);
			this.#hub.logger.info('a publish was refused', { identity, reason: messageOf(error) });
			throw error;
		}
	}

	subscribe(mqtt: MqttConnection, filter: string, qos: 0 | 1): 0 | 1 | undefined {
		const connection = this.#connections.get(mqtt);
		if (connection === undefined) return undefined;
		return parseSubscription(filter, connection.identity) === undefined ? undefined : qos;
	}

	subscribed(mqtt: MqttConnection, filters: readonly string[]): void {
		const connection = this.#connections.get(mqtt);
		if (connection !== undefined) this.#ready(connection, filters);
	}

	unsubscribed(): void {}

	disconnected(mqtt: MqttConnection): void {
		const connection = this.#connections.get(mqtt);
		if (connection === undefined) return;
		this.#hub.connections.remove(connection);
		const identity = identityKey(connection.identity);
		this.#hub.logger.debug('a client has disconnected', { identity });
	}

	#refuse(identity: Identity, reason: string): 5 {
		this.#hub.logger.info('a client was refused', { identity: identityKey(identity), reason });
		return 5;
	}

	#ready(connection: MqttDeviceConnection, filters: readonly string[]): void {
		for (const filter of filters) {
			const subscription = parseSubscription(filter, connection.identity);
			if (subscription === undefined || subscription === 'inputs') continue;
			if (subscription !== 'twin-responses') this.#hub.connections.ready(connection, subscription);
		}
	}

	async #serve(
		mqtt: MqttConnection,
		connection: MqttDeviceConnection,
		publication: Publication,
	): Promise<void> {
		const { topic, payload } = publication;
		const meaning = parseClientTopic(topic);
		if (meaning === undefined || meaning.kind === 'malformed') {
			throw invalid('The topic has no meaning.');
		}
		if (meaning.kind === 'telemetry')
			await this.#telemetry(connection, meaning, payload, marks(mqtt, publication));
		else if (meaning.kind === 'method-response') this.#methodResponse(connection, meaning, payload);
		else {
			await answerTwinRequest(meaning, payload, {
				hub: this.#hub,
				faults: this.#faults,
				identity: connection.identity,
				mqtt,
			});
		}
	}

	async #telemetry(
		connection: MqttDeviceConnection,
		{ identity, bag }: ClientTopic & { readonly kind: 'telemetry' },
		payload: Uint8Array,
		marked: readonly (readonly [string, string])[],
	): Promise<void> {
		if (!sameIdentity(identity, connection.identity)) {
			throw invalid('The topic belongs to another identity.');
		}
		const bagWithMarks = new Map([...parsePropertyBag(bag), ...marked]);
		const message = messageFromBag(bagWithMarks, payload);
		const size = requireMessageSize([message]);
		await this.#faults.request();
		this.#hub.throttles.take('telemetry');
		this.#hub.throttles.meter(size);
		const event = telemetryEvent(message, connection, this.#hub.clock.now());
		await this.#hub.routing.accept(event);
	}

	#methodResponse(
		connection: MqttDeviceConnection,
		{ status, requestId }: ClientTopic & { readonly kind: 'method-response' },
		payload: Uint8Array,
	): void {
		this.#hub.methods.answer(connection.identity, requestId, { status, payload: json(payload) });
	}
}

/** Properties that tell of MQTT's own features (IoT Hub documentation, "Use MQTT directly"). */
function marks(mqtt: MqttConnection, { payload, retain }: Publication): [string, string][] {
	const marked: [string, string][] = [];
	if (mqtt.request.will?.payload === payload) marked.push(['iothub-MessageType', 'Will']);
	if (retain) marked.push(['mqtt-retain', 'true'], ['x-opt-retain', 'true']);
	return marked;
}

/** The payload of an answer; an empty one is null. */
function json(payload: Uint8Array): JsonValue {
	if (payload.length === 0) return null;
	try {
		return JSON.parse(Buffer.from(payload).toString()) as JsonValue;
	} catch {
		throw invalid('The payload is not JSON.');
	}
}

function bareHost(hostName: string): string {
	return splitHostName(hostName).host.toLowerCase();
}

function invalid(message: string): IotHubError {
	return new IotHubError('ArgumentInvalid', message);
}
