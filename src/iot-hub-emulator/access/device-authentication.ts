import type { X509Certificate } from 'node:crypto';
import { actorOf, parseAuthChain } from '../../protocol/auth-chain.ts';
import { type Identity, identityKey, sameIdentity } from '../../protocol/identity.ts';
import { audienceOf, isExpired, type SasToken, verifySignature } from '../../protocol/sas-token.ts';
import type { Clock } from '../../runtime/clock.ts';
import { deviceAtChainStart } from '../registry/auth-chain.ts';
import type { AuthenticationMechanism } from '../registry/authentication-mechanism.ts';
import type { IdentityRegistry } from '../registry/identity-registry.ts';
import type { Authorities } from './authorities.ts';
import {
	bareThumbprint,
	commonNameOf,
	isValidAt,
	leadsTo,
	readChain,
} from './certificate-chain.ts';
import { coversPath } from './resource-scope.ts';
import {
	type AccessSettings,
	readToken,
	type ServiceAuthorization,
	unauthorized,
} from './service-authorization.ts';

/** What a device or module shows to prove its identity. */
export interface DeviceCredential {
	/** A shared access signature. */
	readonly token?: string;
	/** Where the token is that of an edge hub: the chain on whose authority it speaks for the identity. */
	readonly authChain?: string;
	/** DER of a TLS client certificate and of those above it, as `presentedChain` makes it. */
	readonly certificate?: Uint8Array;
}

/** A credential that was found good. */
export interface Admission {
	readonly credential: DeviceCredential;
	/** As in the annotation `iothub-connection-auth-method`. */
	readonly method: { readonly scope: 'device' | 'module' | 'hub'; readonly type: 'sas' | 'x509' };
	readonly generationId: string;
	/** When the credential ends, in milliseconds since the epoch. */
	readonly expires?: number;
}

/** Verifies that devices and modules are who they say. */
export class DeviceAuthentication {
	readonly #registry: IdentityRegistry;
	readonly #service: ServiceAuthorization;
	readonly #authorities: Authorities;
	readonly #settings: AccessSettings;
	readonly #clock: Clock;

	constructor(
		registry: IdentityRegistry,
		service: ServiceAuthorization,
		authorities: Authorities,
		settings: AccessSettings,
		clock: Clock,
	) {
		this.#registry = registry;
		this.#service = service;
		this.#authorities = authorities;
		this.#settings = settings;
		this.#clock = clock;
	}

	/**
	 * @throws IotHubError IotHubUnauthorizedAccess, also for an identity that is unknown or disabled:
	 * who has no credential must not learn which identities exist.
	 */
	admit(identity: Identity, credential: DeviceCredential): Admission {
		const device = this.#registry.findDevice(identity.deviceId);
		const { deviceId, moduleId } = identity;
		const record =
			moduleId === undefined ? device : this.#registry.findModule({ deviceId, moduleId });
		if (device === undefined || record === undefined) throw unauthorized('Unknown identity.');
		if (device.status === 'disabled') throw unauthorized('The device is disabled.');
		if (credential.authChain !== undefined) {
			return this.#admitOnBehalf(identity, record.generationId, credential);
		}
		const { authentication, generationId } = record;
		const scope = moduleId === undefined ? 'device' : 'module';
		if (credential.token) {
			const token = readToken(credential.token);
			this.#requireCover(token, identity);
			const expires = (token.expiry + this.#settings.clockSkewSeconds) * 1000;
			const byPolicy = token.keyName !== undefined;
			if (byPolicy) this.#service.authorizeToken(token, audienceOf('', identity), 'DeviceConnect');
			else this.#requireKeys(token, authentication);
			const method = { scope: byPolicy ? 'hub' : scope, type: 'sas' } as const;
			return { credential, method, generationId, expires };
		}
		if (credential.certificate) {
			this.#requireCertificate(credential.certificate, identity, authentication);
			return { credential, method: { scope, type: 'x509' }, generationId };
		}
		throw unauthorized('There is neither a token nor a certificate.');
	}

	/** An edge hub speaks for an identity below it, with a token of its own. */
	#admitOnBehalf(
		identity: Identity,
		generationId: string,
		{ token, authChain = '' }: DeviceCredential,
	): Admission {
		const chain = parseAuthChain(authChain) ?? [];
		const actor = actorOf(chain);
		const [target] = chain;
		if (token === undefined || actor === undefined || target === undefined) {
			throw unauthorized('The chain cannot be read, or there is no token.');
		}
		if (!sameIdentity(target, identity) || sameIdentity(actor, identity)) {
			throw unauthorized('The chain begins with another identity.');
		}
		deviceAtChainStart(this.#registry, authChain, actor.deviceId);
		for (const { deviceId } of chain) {
			if (this.#registry.findDevice(deviceId)?.status !== 'disabled') continue;
			throw unauthorized('A device of the chain is disabled.');
		}
		const { expires } = this.admit(actor, { token });
		const scope = identity.moduleId === undefined ? 'device' : 'module';
		return {
			credential: { token, authChain },
			method: { scope, type: 'sas' },
			generationId,
			...(expires === undefined ? {} : { expires }),
		};
	}

	#requireCover(token: SasToken, identity: Identity): void {
		const path = audienceOf('', identity);
		if (!coversPath(token.decodedResource, this.#settings.hostNames, path)) {
			throw unauthorized('The token is for another resource.');
		}
	}

	#requireKeys(token: SasToken, { type, symmetricKey }: AuthenticationMechanism): void {
		const keys = [symmetricKey.primaryKey, symmetricKey.secondaryKey].filter((key) => key !== null);
		if (type !== 'sas' || !verifySignature(token, keys)) {
			throw unauthorized('The signature of the token is not that of the identity.');
		}
		if (isExpired(token, this.#clock.now(), this.#settings.clockSkewSeconds)) {
			throw unauthorized('The token has expired.');
		}
	}

	#requireCertificate(
		presented: Uint8Array,
		identity: Identity,
		authentication: AuthenticationMechanism,
	): void {
		const chain = readPresented(presented);
		const now = this.#clock.now();
		if (authentication.type === 'certificateAuthority') {
			const named = commonNameOf(chain[0]) === identityKey(identity);
			if (named && leadsTo(this.#authorities.verified, chain, now)) return;
			throw unauthorized('The certificate is not one of the identity by an authority of the hub.');
		}
		if (!hasThumbprint(chain[0], authentication)) {
			throw unauthorized('The certificate is not that of the identity.');
		}
		if (!isValidAt(chain[0], now)) throw unauthorized('The certificate is not valid now.');
	}
}

function readPresented(presented: Uint8Array): [X509Certificate, ...X509Certificate[]] {
	const [leaf, ...above] = readChain(presented);
	if (leaf === undefined) throw unauthorized('There is no certificate.');
	return [leaf, ...above];
}

function hasThumbprint(
	certificate: X509Certificate,
	{ type, x509Thumbprint }: AuthenticationMechanism,
): boolean {
	const shown = [certificate.fingerprint, certificate.fingerprint256].map(bareThumbprint);
	const known = [x509Thumbprint.primaryThumbprint, x509Thumbprint.secondaryThumbprint]
		.filter((text) => text !== null)
		.map(bareThumbprint);
	return type === 'selfSigned' && known.some((text) => shown.includes(text));
}
