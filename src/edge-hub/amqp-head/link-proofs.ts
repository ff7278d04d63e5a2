import { AmqpError } from '../../amqp/amqp-error.ts';
import type { AmqpConnection, AmqpPeer, LinkRequest } from '../../amqp/amqp-server.ts';
import { actorOf, parseAuthChain } from '../../protocol/auth-chain.ts';
import { type Identity, identityKey } from '../../protocol/identity.ts';
import { commonNameOf } from '../authorization/certificate-chain.ts';
import type { ClientAuthenticator } from '../authorization/client-authenticator.ts';
import type { ClientCredential, CredentialVerdict } from '../authorization/client-credential.ts';

/** What a link's client has shown, other than a token of its own. */
export interface LinkProof {
	readonly check: () => CredentialVerdict;
	readonly speaker?: Speaker;
}

/** The child edge hub that speaks for a client. */
export interface Speaker {
	readonly identity: Identity;
	/** What judges a newer token of it. */
	readonly checkOf: (token: string) => () => CredentialVerdict;
}

export interface LinkProofsOptions {
	/** Undefined until the hub is ready. */
	readonly authenticator: () => ClientAuthenticator | undefined;
	readonly clientCertificatesEnabled: boolean;
	/** How the attempt of a client to connect ended. */
	readonly connectAttempted: (identity: Identity, accepted: boolean) => void;
}

/** Property of a link that names the chain on whose authority it is attached. */
const authChainProperty = 'com.microsoft:auth-chain';
/** Clients for which one connection may speak. */
const maxTokens = 1_000;

/**
 * Who may attach a link without a token of its own: a device that has shown a certificate, and a client
 * for which a child edge hub speaks. A link is accepted or refused at once.
 */
export class LinkProofs {
	readonly #options: LinkProofsOptions;
	/** Tokens of child edge hubs on each connection, by the identity that they were put for. */
	readonly #tokens = new WeakMap<AmqpConnection, Map<string, string>>();

	constructor(options: LinkProofsOptions) {
		this.#options = options;
	}

	/** Asks the registry about the device that a certificate names, where nothing is known of it. */
	async prepare(peer: AmqpPeer): Promise<void> {
		const credential = this.#certificateOf(peer);
		const authenticator = this.#options.authenticator();
		if (credential === undefined || authenticator === undefined) return;
		const deviceId = commonNameOf(credential.leaf);
		if (deviceId === undefined) return;
		const { kind } = authenticator.check({ deviceId }, credential);
		if (kind === 'unknown') await authenticator.authenticate({ deviceId }, credential);
	}

	/** Keeps the token of a child edge hub. @returns whether there is room */
	keep(connection: AmqpConnection, identity: Identity, token: string): boolean {
		const tokens = this.#tokens.get(connection) ?? new Map<string, string>();
		this.#tokens.set(connection, tokens);
		const key = identityKey(identity);
		if (tokens.size >= maxTokens && !tokens.has(key)) return false;
		tokens.set(key, token);
		return true;
	}

	/** @throws AmqpError where nothing has been shown that is good for the client of the link */
	of(link: LinkRequest, identity: Identity): LinkProof {
		const authenticator = this.#options.authenticator();
		if (authenticator === undefined) throw unavailable();
		const authChain = link.properties.get(authChainProperty);
		if (typeof authChain === 'string') {
			return this.#onBehalf(authenticator, link.connection, identity, authChain);
		}
		const credential = this.#certificateOf(link.connection.peer);
		if (credential === undefined || identity.moduleId !== undefined) throw unauthorized();
		return { check: this.#judged(authenticator, identity, credential) };
	}

	/** As Azure IoT Edge does it: a token of the child edge hub, the chain in the properties of the link. */
	#onBehalf(
		authenticator: ClientAuthenticator,
		connection: AmqpConnection,
		identity: Identity,
		authChain: string,
	): LinkProof {
		const tokens = this.#tokens.get(connection);
		const actor = actorOf(parseAuthChain(authChain) ?? []) ?? identity;
		const token = tokens?.get(identityKey(identity)) ?? tokens?.get(identityKey(actor));
		if (token === undefined) throw unauthorized();
		const credentialOf = (text: string) => ({ kind: 'token', text, authChain }) as const;
		return {
			check: this.#judged(authenticator, identity, credentialOf(token)),
			speaker: {
				identity: actor,
				checkOf: (newer) => () => authenticator.check(identity, credentialOf(newer)),
			},
		};
	}

	/** What is not known now may be known when the client comes again. */
	#judged(
		authenticator: ClientAuthenticator,
		identity: Identity,
		credential: ClientCredential,
	): LinkProof['check'] {
		const check = () => authenticator.check(identity, credential);
		const { kind } = check();
		this.#options.connectAttempted(identity, kind === 'accepted');
		if (kind === 'accepted') return check;
		if (kind === 'unknown') void authenticator.authenticate(identity, credential);
		throw unauthorized();
	}

	#certificateOf(peer: AmqpPeer): (ClientCredential & { kind: 'certificate' }) | undefined {
		const { clientCertificate: leaf, clientCertificateIssuers: issuers = [] } = peer;
		const usable = leaf !== undefined && this.#options.clientCertificatesEnabled;
		return usable ? { kind: 'certificate', leaf, issuers } : undefined;
	}
}

export function unauthorized(): AmqpError {
	return new AmqpError('amqp:unauthorized-access', 'The client has not shown who it is.');
}

export function unavailable(): AmqpError {
	return new AmqpError('com.microsoft:timeout', 'The hub cannot serve this now.');
}
