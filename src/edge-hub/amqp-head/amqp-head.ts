import { AmqpError } from '../../amqp/amqp-error.ts';
import { type AmqpMessage, bytesOf } from '../../amqp/amqp-message.ts';
import type {
	AmqpConnection,
	AmqpPeer,
	AmqpServerHandler,
	IncomingRoute,
	LinkRequest,
	OutgoingLink,
	PutToken,
} from '../../amqp/amqp-server.ts';
import { type Identity, identityKey, sameIdentity } from '../../protocol/identity.ts';
import { parseSasToken } from '../../protocol/sas-token.ts';
import type { Clock } from '../../runtime/clock.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import type { JsonValue } from '../../runtime/json.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { ClientAuthenticator } from '../authorization/client-authenticator.ts';
import type { ClientRates } from '../clients/client-rates.ts';
import type { ClientRegistry } from '../clients/client-registry.ts';
import type { HubServices } from '../hub-services.ts';
import { ingestTelemetry } from '../telemetry.ts';
import { AmqpClient, type ClientLink } from './amqp-client.ts';
import { type ClientAddress, identityOfAudience, parseClientAddress } from './client-address.ts';
import { messageFromAmqp } from './client-message.ts';
import { LinkProofs, type Speaker, unauthorized, unavailable } from './link-proofs.ts';
import { handleTwinMessage } from './twin-message-handler.ts';

/** Property of a link that announces a model (IoT Plug and Play). */
const modelIdProperty = 'com.microsoft:model-id';

export interface AmqpHeadOptions {
	/** The edge device's `$edgeHub`: nobody else may connect as it. */
	readonly hub: Identity;
	readonly services: HubServices;
	readonly clients: ClientRegistry;
	readonly rates: ClientRates;
	/** Undefined until the hub is ready: clients are asked to come again. */
	readonly authenticator: () => ClientAuthenticator | undefined;
	readonly clientCertificatesEnabled: boolean;
	/** Whether several connections of one module share its inputs, or the latest takes over. */
	readonly moduleReplicas: 'share' | 'takeover';
	/** Milliseconds within which a client must settle a message. */
	readonly acknowledgementTimeout: number;
	/** How the attempt of a client to connect ended. */
	readonly connectAttempted: (identity: Identity, accepted: boolean) => void;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** AMQP as IoT Hub's clients speak it: tokens and links get their meaning here. */
export class AmqpHead implements AmqpServerHandler {
	readonly #options: AmqpHeadOptions;
	readonly #proofs: LinkProofs;
	/** Clients of each connection by identity key: a connection may be shared. */
	readonly #clients = new WeakMap<AmqpConnection, Map<string, AmqpClient>>();

	constructor(options: AmqpHeadOptions) {
		this.#options = options;
		this.#proofs = new LinkProofs(options);
	}

	connecting(peer: AmqpPeer): Promise<void> {
		return this.#proofs.prepare(peer);
	}

	async putToken(connection: AmqpConnection, { audience, token }: PutToken): Promise<void> {
		const identity = identityOfAudience(audience);
		const authenticator = this.#options.authenticator();
		if (authenticator === undefined) throw unavailable();
		if (identity === undefined || sameIdentity(identity, this.#options.hub)) throw unauthorized();
		const speaker = edgeHubOf(token);
		if (speaker !== undefined && !sameName(speaker, identity)) {
			await this.#keepToken(connection, authenticator, { speaker, identity, token });
			return;
		}
		const credential = { kind: 'token', text: token } as const;
		const result = await authenticator.authenticate(identity, credential);
		if (result === 'unavailable') throw unavailable();
		this.#options.connectAttempted(identity, result === 'accepted');
		if (result !== 'accepted') throw unauthorized();
		if (connection.closed.aborted) return;
		const check = () => authenticator.check(identity, credential);
		const known = this.#clientsOf(connection).get(identityKey(identity));
		if (known !== undefined) known.check = check;
		else this.#add(connection, identity, check);
		if (speaker === undefined) return;
		this.#proofs.keep(connection, identity, token);
		this.#renew(connection, identity, token);
	}

	/**
	 * A child edge hub has put its own token for somebody whom it speaks for. Whether it may is told by
	 * the chain that the links of that client name.
	 */
	async #keepToken(
		connection: AmqpConnection,
		authenticator: ClientAuthenticator,
		put: { readonly speaker: Identity; readonly identity: Identity; readonly token: string },
	): Promise<void> {
		const { speaker, identity, token } = put;
		const credential = { kind: 'token', text: token } as const;
		const result = await authenticator.authenticate(speaker, credential);
		if (result === 'unavailable') throw unavailable();
		const kept = result === 'accepted' && this.#proofs.keep(connection, identity, token);
		if (!kept) throw unauthorized();
		this.#renew(connection, identity, token);
	}

	/** A newer token of an edge hub is good for whom it was put, and under its own name for all. */
	#renew(connection: AmqpConnection, name: Identity, token: string): void {
		for (const client of this.#clientsOf(connection).values()) {
			const { speaker } = client;
			if (speaker === undefined) continue;
			const concerned = sameIdentity(client.identity, name) || sameName(speaker.identity, name);
			if (concerned) client.check = speaker.checkOf(token);
		}
	}

	attachIncoming(link: LinkRequest): IncomingRoute {
		const { address, client } = this.#meaningOf(link);
		const route = this.#routeOf(address, client);
		const { rate } = client;
		if (rate === undefined) return route;
		// What waits is not settled, and so the client is soon without credit.
		return async (message) => {
			await rate.turn();
			return route(message);
		};
	}

	#routeOf(address: ClientAddress, client: AmqpClient): IncomingRoute {
		if (address.kind === 'events') return (message) => this.#telemetry(client, message);
		if (address.kind === 'methods') {
			return async (message) => this.#methodResponse(client, message);
		}
		if (address.kind !== 'twin') throw notAllowed();
		const { services, clock } = this.#options;
		return (message) => handleTwinMessage(services, client, message, clock);
	}

	attachOutgoing(link: OutgoingLink): void {
		const { address, client } = this.#meaningOf(link);
		client.attach(linkKind(address), link);
	}

	/** @throws AmqpError for an address without meaning, or of somebody who has shown no token */
	#meaningOf(link: LinkRequest): { address: ClientAddress; client: AmqpClient } {
		const address = parseClientAddress(link.address);
		if (address === undefined) throw new AmqpError('amqp:not-found', 'There is no such address.');
		const known = this.#clientsOf(link.connection).get(identityKey(address.identity));
		const client = known ?? this.#addWith(link, address.identity);
		client.track(link);
		const modelId = link.properties.get(modelIdProperty);
		if (typeof modelId === 'string') client.modelId = modelId;
		return { address, client };
	}

	#addWith(link: LinkRequest, identity: Identity): AmqpClient {
		const { check, speaker } = this.#proofs.of(link, identity);
		return this.#add(link.connection, identity, check, speaker);
	}

	#add(
		connection: AmqpConnection,
		identity: Identity,
		check: AmqpClient['check'],
		speaker?: Speaker,
	): AmqpClient {
		const all = this.#clientsOf(connection);
		const { clients, rates, clock, acknowledgementTimeout } = this.#options;
		const client = new AmqpClient({
			identity,
			rate: rates.connected(identity),
			place: this.#placeOf(identity, connection),
			check,
			clock,
			acknowledgementTimeout,
			subscriptionsChanged: (changed) => clients.subscriptionsChanged(changed),
			expelled: (expelled) => this.#expel(connection, expelled),
		});
		client.speaker = speaker;
		all.set(identityKey(identity), client);
		connection.closed.addEventListener('abort', () => this.#remove(client));
		clients.add(client);
		return client;
	}

	/** The only client of a connection goes with it: SDKs wait long for answers after a CLOSE. */
	#expel(connection: AmqpConnection, client: AmqpClient): void {
		const all = this.#clientsOf(connection);
		if (all.get(identityKey(client.identity)) !== client) return;
		if (all.size === 1) {
			connection.drop();
			return;
		}
		all.delete(identityKey(client.identity));
		this.#remove(client);
		client.detach();
	}

	/** What has come of a client that goes does not wait any more. */
	#remove(client: AmqpClient): void {
		client.rate?.lift();
		this.#options.clients.remove(client);
	}

	/** As with MQTT: replicas of a module are told apart by their addresses. */
	#placeOf(identity: Identity, { peer }: AmqpConnection): string {
		const key = identityKey(identity);
		const { hub, moduleReplicas } = this.#options;
		const own = identity.deviceId === hub.deviceId && identity.moduleId !== undefined;
		const alone = !own || moduleReplicas === 'takeover';
		return alone ? key : `${key}@${peer.remoteAddress}`;
	}

	#clientsOf(connection: AmqpConnection): Map<string, AmqpClient> {
		const known = this.#clients.get(connection) ?? new Map<string, AmqpClient>();
		this.#clients.set(connection, known);
		return known;
	}

	async #telemetry(client: AmqpClient, message: AmqpMessage): Promise<void> {
		try {
			await ingestTelemetry(this.#options.services, client, messageFromAmqp(message));
		} catch (error) {
			throw refusalOf(error);
		}
	}

	#methodResponse(client: AmqpClient, message: AmqpMessage): void {
		const status = Number(message.properties?.get('IoThub-status'));
		if (!Number.isInteger(status)) {
			throw new AmqpError('com.microsoft:argument-error', 'The answer has no IoThub-status.');
		}
		const answer = { status, payload: payloadOf(message) };
		this.#options.services.respondToMethod(client.identity, message.correlationId ?? '', answer);
	}
}

/**
 * What is sent to a client on a link. Modules take their inputs from where they send to, and some from
 * where devices take what the cloud sends, which modules do not get.
 *
 * @throws AmqpError
 */
function linkKind({ kind, identity }: ClientAddress): ClientLink {
	if (identity.moduleId !== undefined && kind === 'cloud-to-device') return 'inputs';
	if (kind !== 'events') return kind;
	if (identity.moduleId !== undefined) return 'inputs';
	throw notAllowed();
}

/** Some clients make out their tokens in lower case. */
function sameName(a: Identity, b: Identity): boolean {
	return identityKey(a).toLowerCase() === identityKey(b).toLowerCase();
}

/** The edge hub that a token is made out to; undefined for other tokens, and for what is none. */
function edgeHubOf(token: string): Identity | undefined {
	try {
		const holder = identityOfAudience(parseSasToken(token).decodedResource);
		return holder?.moduleId?.toLowerCase() === '$edgehub' ? holder : undefined;
	} catch {
		return undefined;
	}
}

/** An empty payload, or none that is JSON, counts as null. */
function payloadOf(message: AmqpMessage): JsonValue {
	try {
		return JSON.parse(Buffer.from(bytesOf(message)).toString());
	} catch {
		return null;
	}
}

/** The SDKs know these conditions; a full disk is a reason to try again. */
function refusalOf(error: unknown): unknown {
	if (!(error instanceof EdgeError)) return error;
	if (error.code === 'EDGE_MESSAGE_INVALID') {
		return new AmqpError('amqp:link:message-size-exceeded', error.message);
	}
	if (error.code === 'EDGE_STORAGE_FULL') return unavailable();
	return error;
}

function notAllowed(): AmqpError {
	return new AmqpError('amqp:not-allowed', 'The link goes the wrong way.');
}
