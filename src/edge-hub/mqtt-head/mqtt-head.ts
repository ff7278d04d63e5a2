import type {
	ConnectRequest,
	ConnectReturnCode,
	MqttConnection,
	MqttServerHandler,
	Publication,
} from '../../mqtt/mqtt-server.ts';
import { type Identity, identityKey, sameIdentity } from '../../protocol/identity.ts';
import { parseClientTopic, parseSubscription } from '../../protocol/mqtt-topic.ts';
import { type MqttUserName, parseMqttUserName } from '../../protocol/mqtt-user-name.ts';
import type { Clock } from '../../runtime/clock.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { ClientAuthenticator } from '../authorization/client-authenticator.ts';
import type { ClientCredential } from '../authorization/client-credential.ts';
import type { ClientRates } from '../clients/client-rates.ts';
import type { ClientRegistry } from '../clients/client-registry.ts';
import type { HubServices } from '../hub-services.ts';
import { handleMethodResponse } from './method-response-handler.ts';
import { MqttClient } from './mqtt-client.ts';
import { handleRepeatedTelemetry, handleTelemetry } from './telemetry-handler.ts';
import { handleTwinGet, handleTwinPatch } from './twin-handler.ts';

export interface MqttHeadOptions {
	/** The edge device's `$edgeHub`: nobody else may connect as it. */
	readonly hub: Identity;
	readonly services: HubServices;
	readonly clients: ClientRegistry;
	/** Undefined until the hub is ready: clients are asked to come again. */
	readonly authenticator: () => ClientAuthenticator | undefined;
	readonly clientCertificatesEnabled: boolean;
	/** Whether several connections of one module share its inputs, or the latest takes over. */
	readonly moduleReplicas: 'share' | 'takeover';
	/** How the attempt of a client to connect ended. */
	readonly connectAttempted: (identity: Identity, accepted: boolean) => void;
	readonly rates: ClientRates;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** MQTT as IoT Hub's clients speak it: connections, topics and subscriptions get their meaning here. */
export class MqttHead implements MqttServerHandler {
	readonly #options: MqttHeadOptions;
	readonly #clients = new Map<MqttConnection, MqttClient>();
	/** Clients whose use of a topic without meaning is in the log already. */
	readonly #warned = new WeakSet<MqttClient>();

	constructor(options: MqttHeadOptions) {
		this.#options = options;
	}

	async authenticate(request: ConnectRequest): Promise<ConnectReturnCode> {
		const { hub, connectAttempted } = this.#options;
		const authenticator = this.#options.authenticator();
		if (authenticator === undefined) return 3;
		const user = parseMqttUserName(request.userName ?? '');
		if (user === undefined || request.clientId !== identityKey(user.identity)) return 5;
		const credential = this.#credentialOf(request, user);
		if (credential === undefined || sameIdentity(user.identity, hub)) return 5;
		const result = await authenticator.authenticate(user.identity, credential);
		if (result === 'unavailable') return 3;
		connectAttempted(user.identity, result === 'accepted');
		return result === 'accepted' ? 0 : 5;
	}

	/**
	 * Replicas of a module have one identity, and are told apart by their addresses: whoever comes
	 * from the same address is the same pod again, whose old connection may be half open. Modules of
	 * other edge devices have their replicas there.
	 */
	placeOf({ clientId, remoteAddress }: ConnectRequest): string {
		const { hub, moduleReplicas } = this.#options;
		const own = clientId.startsWith(`${hub.deviceId}/`);
		if (!own || moduleReplicas === 'takeover') return clientId;
		return `${clientId}@${remoteAddress}`;
	}

	connected(connection: MqttConnection): void {
		const { request } = connection;
		const user = parseMqttUserName(request.userName ?? '');
		const credential = user && this.#credentialOf(request, user);
		const authenticator = this.#options.authenticator();
		if (user === undefined || credential === undefined || authenticator === undefined) {
			connection.close();
			return;
		}
		const { identity, modelId } = user;
		const check = () => authenticator.check(identity, credential);
		const place = this.placeOf(request);
		const client = new MqttClient(connection, { identity, place, modelId }, check);
		this.#clients.set(connection, client);
		this.#options.clients.add(client);
	}

	published(connection: MqttConnection, publication: Publication): Promise<void> {
		const client = this.#clients.get(connection);
		if (client === undefined) return Promise.resolve();
		const repeated = handleRepeatedTelemetry(this.#options.services, client, publication);
		return repeated ?? this.#published(client, publication);
	}

	async #published(client: MqttClient, publication: Publication): Promise<void> {
		const { services, clock } = this.#options;
		const topic = parseClientTopic(publication.topic);
		switch (topic?.kind) {
			case 'telemetry':
				return handleTelemetry(services, client, topic, publication);
			case 'twin-get':
				return handleTwinGet(services, client, topic, clock);
			case 'twin-patch':
				return handleTwinPatch(services, client, topic, publication, clock);
			case 'method-response':
				return handleMethodResponse(services, client, topic, publication);
			case 'malformed':
				throw new EdgeError(
					'EDGE_MESSAGE_INVALID',
					'The topic of a request or answer lacks its $rid.',
				);
			case undefined:
				if (!this.#warned.has(client)) services.unknownTopic(client.identity, publication.topic);
				this.#warned.add(client);
		}
	}

	heldBack(connection: MqttConnection, milliseconds: number): void {
		const identity = this.#clients.get(connection)?.identity;
		if (identity !== undefined) {
			this.#options.rates.heldBack(connection, identity, milliseconds);
		}
	}

	/** Only what has a meaning for this very client is granted. */
	subscribe(connection: MqttConnection, filter: string, qos: 0 | 1): 0 | 1 | undefined {
		const identity = this.#clients.get(connection)?.identity;
		if (identity !== undefined && parseSubscription(filter, identity) !== undefined) return qos;
		this.#options.logger.warn('refused a subscription', { client: connection.clientId, filter });
		return undefined;
	}

	subscribed(connection: MqttConnection): void {
		this.#subscriptionsChanged(connection);
	}

	unsubscribed(connection: MqttConnection): void {
		this.#subscriptionsChanged(connection);
	}

	disconnected(connection: MqttConnection): void {
		const client = this.#clients.get(connection);
		this.#clients.delete(connection);
		if (client !== undefined) this.#options.clients.remove(client);
	}

	#subscriptionsChanged(connection: MqttConnection): void {
		const client = this.#clients.get(connection);
		if (client === undefined) return;
		client.refreshSubscriptions();
		this.#options.clients.subscriptionsChanged(client);
	}

	#credentialOf(
		request: ConnectRequest,
		{ authChain }: MqttUserName,
	): ClientCredential | undefined {
		const { password, clientCertificate: leaf, clientCertificateIssuers: issuers = [] } = request;
		if (password) return { kind: 'token', text: password, authChain };
		// Only a token says which edge hub it is that speaks for others.
		if (authChain !== undefined) return undefined;
		const usable = leaf !== undefined && this.#options.clientCertificatesEnabled;
		return usable ? { kind: 'certificate', leaf, issuers } : undefined;
	}
}
