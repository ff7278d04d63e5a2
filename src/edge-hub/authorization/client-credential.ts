import { X509Certificate } from 'node:crypto';
import type { RegistryIdentity } from '../../iot-hub-client/registry-identity.ts';
import type { Identity } from '../../protocol/identity.ts';
import {
	isExpired,
	matchesAudience,
	parseSasToken,
	type SasToken,
	verifySignature,
} from '../../protocol/sas-token.ts';
import { messageOf } from '../../runtime/edge-error.ts';

/** What a client shows to prove its identity. */
export type ClientCredential =
	| { readonly kind: 'token'; readonly text: string }
	/** DER of the leaf certificate. */
	| { readonly kind: 'certificate'; readonly der: Uint8Array };

/** Where the registry's knowledge comes from while a credential is judged. */
export interface IdentityLookup {
	get(identity: Identity): RegistryIdentity | undefined;
}

export interface CredentialContext {
	readonly identities: IdentityLookup;
	/** Names that a token may be made out to: IoT Hub's, and this hub's own. */
	readonly hostNames: readonly string[];
	/** Milliseconds since the epoch. */
	readonly now: number;
}

/**
 * `accepted`; `refused`: it will not get better; `unknown`: the registry may know more by now than
 * this hub does (an unknown identity, another key).
 */
export type CredentialVerdict =
	| { readonly kind: 'accepted' }
	| { readonly kind: 'refused' | 'unknown'; readonly reason: string };

/**
 * Judges a credential against what is known of its identity. A module may also use a token of its
 * device (Azure IoT Edge, "Authentication": device-scoped tokens); a certificate is for leaf
 * devices only.
 */
export function judgeCredential(
	identity: Identity,
	credential: ClientCredential,
	context: CredentialContext,
): CredentialVerdict {
	if (credential.kind === 'certificate') return judgeCertificate(identity, credential.der, context);
	let token: SasToken;
	try {
		token = parseSasToken(credential.text);
	} catch (error) {
		return { kind: 'refused', reason: messageOf(error) };
	}
	if (isExpired(token, context.now)) return { kind: 'refused', reason: 'The token has expired.' };
	const holder = holderOf(token, identity, context.hostNames);
	if (holder === undefined) {
		return { kind: 'refused', reason: 'The token is made out to another identity or hub.' };
	}
	return judgeSignature(token, identity, holder, context.identities);
}

/** Whose token it is: the identity's own, or its device's. */
function holderOf(
	token: SasToken,
	identity: Identity,
	hostNames: readonly string[],
): Identity | undefined {
	if (matchesAudience(token, hostNames, identity)) return identity;
	const device = { deviceId: identity.deviceId };
	return matchesAudience(token, hostNames, device) ? device : undefined;
}

function judgeSignature(
	token: SasToken,
	identity: Identity,
	holder: Identity,
	identities: IdentityLookup,
): CredentialVerdict {
	const fault = enabledFault(identity, identities) ?? enabledFault(holder, identities);
	if (fault !== undefined) return fault;
	const { type, keys } = identities.get(holder)?.authentication ?? { type: 'none', keys: [] };
	if (type !== 'sas') return { kind: 'unknown', reason: 'The identity does not use keys.' };
	if (verifySignature(token, keys)) return { kind: 'accepted' };
	return { kind: 'unknown', reason: 'The signature of the token is wrong.' };
}

function judgeCertificate(
	identity: Identity,
	der: Uint8Array,
	{ identities, now }: CredentialContext,
): CredentialVerdict {
	if (identity.moduleId !== undefined) {
		return { kind: 'refused', reason: 'Modules prove themselves with tokens.' };
	}
	const fault = enabledFault(identity, identities);
	if (fault !== undefined) return fault;
	const authentication = identities.get(identity)?.authentication;
	if (authentication?.type !== 'selfSigned') {
		return { kind: 'unknown', reason: 'The identity does not use a self-signed certificate.' };
	}
	const certificate = certificateOf(der);
	if (certificate === undefined || now < certificate.from || now > certificate.to) {
		return { kind: 'refused', reason: 'The certificate is not valid now.' };
	}
	const known = authentication.thumbprints.map((text) => text.replaceAll(':', '').toLowerCase());
	if (certificate.thumbprints.some((thumbprint) => known.includes(thumbprint))) {
		return { kind: 'accepted' };
	}
	return { kind: 'unknown', reason: 'The certificate is not the one that is registered.' };
}

function certificateOf(der: Uint8Array) {
	try {
		const certificate = new X509Certificate(der);
		return {
			from: Date.parse(certificate.validFrom),
			to: Date.parse(certificate.validTo),
			thumbprints: [certificate.fingerprint, certificate.fingerprint256].map((text) =>
				text.replaceAll(':', '').toLowerCase(),
			),
		};
	} catch {
		return undefined;
	}
}

function enabledFault(
	identity: Identity,
	identities: IdentityLookup,
): CredentialVerdict | undefined {
	const known = identities.get(identity);
	if (known === undefined) return { kind: 'unknown', reason: 'The identity is not known.' };
	const device = identities.get({ deviceId: identity.deviceId });
	if (known.enabled && device?.enabled !== false) return undefined;
	return { kind: 'unknown', reason: 'The identity is disabled.' };
}
