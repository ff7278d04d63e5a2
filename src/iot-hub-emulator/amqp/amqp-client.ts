import { AmqpError } from '../../amqp/amqp-error.ts';
import type { AmqpConnection, PutToken } from '../../amqp/amqp-server.ts';
import { actorOf, parseAuthChain } from '../../protocol/auth-chain.ts';
import { type Identity, identityKey, sameIdentity } from '../../protocol/identity.ts';
import type { SasToken } from '../../protocol/sas-token.ts';
import type { Timer } from '../../runtime/clock.ts';
import type { DeviceCredential } from '../access/device-authentication.ts';
import { readToken, unauthorized } from '../access/service-authorization.ts';
import type { Hub } from '../hub.ts';
import { identityOfPath, pathOfAudience, withoutScheme } from './amqp-address.ts';
import { AmqpDeviceConnection } from './amqp-device-connection.ts';

/** A policy's token. Clients of Event Hubs write a scheme before the resource, and sign otherwise. */
interface PolicyToken extends SasToken {
	readonly keyForm: 'bytes' | 'text';
}

/** Tokens that one connection may hold. */
const maxTokens = 1_024;

/** What one AMQP connection has proved: the devices and modules that it is, the policies it knows. */
export class AmqpClient {
	readonly #connection: AmqpConnection;
	readonly #hub: Hub;
	readonly #devices = new Map<string, AmqpDeviceConnection>();
	/** Tokens of edge hubs by the identity that they were put for. */
	readonly #edgeHubTokens = new Map<string, string>();
	/** Tokens of policies by audience. */
	readonly #tokens = new Map<string, PolicyToken>();
	#expiry: Timer | undefined;

	constructor(connection: AmqpConnection, hub: Hub) {
		this.#connection = connection;
		this.#hub = hub;
		connection.closed.addEventListener('abort', () => this.#end());
	}

	/** @throws IotHubError IotHubUnauthorizedAccess */
	putToken({ audience, token }: PutToken): void {
		const identity = identityOfPath(pathOfAudience(audience));
		if (identity === undefined) {
			this.#holdPolicyToken(audience, token);
			return;
		}
		const speaker = edgeHubOf(token);
		if (speaker !== undefined) this.#holdEdgeHubToken(speaker, identity, token);
		if (speaker === undefined || sameIdentity(speaker, identity)) this.#admit(identity, { token });
	}

	/** An edge hub has put its own token, under its own name or under that of whom it speaks for. */
	#holdEdgeHubToken(speaker: Identity, identity: Identity, token: string): void {
		this.#hub.deviceAuthentication.admit(speaker, { token });
		const key = identityKey(identity);
		if (this.#edgeHubTokens.size >= maxTokens && !this.#edgeHubTokens.has(key)) {
			throw unauthorized('The connection has too many tokens.');
		}
		this.#edgeHubTokens.set(key, token);
		for (const { identity: other, admission } of [...this.#devices.values()]) {
			const { authChain } = admission.credential;
			if (authChain === undefined) continue;
			const actor = actorOf(parseAuthChain(authChain) ?? []);
			const concerned = [other, actor].some((each) => each && sameIdentity(each, identity));
			if (concerned) this.#admit(other, { token, authChain });
		}
	}

	/**
	 * The device or module, when this connection is allowed to act as it: by its token, by that of an
	 * edge hub above it, or by the certificate of the TLS handshake.
	 *
	 * @param authChain on whose authority an edge hub speaks for it
	 * @throws IotHubError IotHubUnauthorizedAccess
	 */
	device(identity: Identity, authChain?: string): AmqpDeviceConnection {
		const known = this.#devices.get(identityKey(identity));
		if (known !== undefined) return known;
		if (authChain !== undefined) {
			const token = this.#edgeHubTokenFor(identity, authChain);
			return this.#admit(identity, { ...(token === undefined ? {} : { token }), authChain });
		}
		const certificate = this.#connection.peer.clientCertificate;
		if (certificate === undefined) throw unauthorized('There is no token for this identity.');
		return this.#admit(identity, { certificate });
	}

	#edgeHubTokenFor(identity: Identity, authChain: string): string | undefined {
		const actor = actorOf(parseAuthChain(authChain) ?? []) ?? identity;
		const tokens = this.#edgeHubTokens;
		return tokens.get(identityKey(identity)) ?? tokens.get(identityKey(actor));
	}

	/** @throws IotHubError IotHubUnauthorizedAccess unless a policy's token covers the path */
	requireService(path: string): void {
		let refusal: unknown = unauthorized('There is no token for this address.');
		for (const token of this.#tokens.values()) {
			try {
				this.#authorize(token, path);
				return;
			} catch (error) {
				refusal = error;
			}
		}
		throw refusal;
	}

	#admit(identity: Identity, credential: DeviceCredential): AmqpDeviceConnection {
		const admission = this.#hub.deviceAuthentication.admit(identity, credential);
		const key = identityKey(identity);
		const known = this.#devices.get(key);
		if (known !== undefined) {
			known.renew(admission);
			this.#hub.logger.debug('a client has renewed its token', { identity: key });
			return known;
		}
		if (this.#devices.size >= maxTokens) throw unauthorized('The connection has too many tokens.');
		this.#hub.throttles.take('connect');
		const device = new AmqpDeviceConnection(identity, admission, () => this.#expel(device));
		this.#devices.set(key, device);
		this.#hub.connections.add(device);
		this.#hub.logger.debug('a client has connected', { identity: key });
		return device;
	}

	#holdPolicyToken(audience: string, text: string): void {
		const read = readToken(text);
		const decodedResource = withoutScheme(read.decodedResource);
		const keyForm = decodedResource === read.decodedResource ? 'bytes' : 'text';
		const token: PolicyToken = { ...read, decodedResource, keyForm };
		this.#authorize(token, pathOfAudience(decodedResource));
		if (this.#tokens.size >= maxTokens) throw unauthorized('The connection has too many tokens.');
		this.#tokens.set(audience, token);
		this.#watchExpiry();
	}

	#authorize(token: PolicyToken, path: string): void {
		const { serviceAuthorization } = this.#hub;
		serviceAuthorization.authorizeToken(token, path, 'ServiceConnect', token.keyForm);
	}

	/** Nobody but devices is watched by the hub itself. */
	#watchExpiry(): void {
		this.#expiry?.[Symbol.dispose]();
		const first = Math.min(...[...this.#tokens.values()].map(({ expiry }) => expiry));
		const skew = this.#hub.serviceAuthorization.clockSkewSeconds;
		const wait = (first + skew) * 1000 - this.#hub.clock.now();
		// A timer cannot wait longer; tokens that long are looked at again.
		this.#expiry = this.#hub.clock.after(Math.min(Math.max(wait, 0), 2 ** 31 - 1), () =>
			this.#dropExpired(),
		);
	}

	#dropExpired(): void {
		const skew = this.#hub.serviceAuthorization.clockSkewSeconds;
		for (const { expiry } of this.#tokens.values()) {
			if ((expiry + skew) * 1000 > this.#hub.clock.now()) continue;
			this.#connection.drop();
			return;
		}
		this.#watchExpiry();
	}

	/**
	 * One of several goes with its links, the only one with the connection: after a CLOSE, the device
	 * SDK for Node.js would wait 45 seconds for answers that nobody may send any more.
	 */
	#expel(device: AmqpDeviceConnection): void {
		const key = identityKey(device.identity);
		if (this.#devices.get(key) !== device) return;
		if (this.#devices.size === 1 && this.#tokens.size === 0) {
			this.#connection.drop();
			return;
		}
		this.#devices.delete(key);
		this.#hub.connections.remove(device);
		device.detach(new AmqpError('amqp:unauthorized-access', 'The hub has ended the connection.'));
	}

	#end(): void {
		this.#expiry?.[Symbol.dispose]();
		for (const device of this.#devices.values()) {
			this.#hub.connections.remove(device);
			const identity = identityKey(device.identity);
			this.#hub.logger.debug('a client has disconnected', { identity });
		}
		this.#devices.clear();
	}
}

/** The edge hub that a token is made out to; undefined for other tokens, and for what is none. */
function edgeHubOf(token: string): Identity | undefined {
	const holder = identityOfPath(pathOfAudience(readToken(token).decodedResource));
	return holder?.moduleId?.toLowerCase() === '$edgehub' ? holder : undefined;
}
