import type { X509Certificate } from 'node:crypto';
import type { RegistryIdentity } from '../../iot-hub-client/registry-identity.ts';
import { actorOf, isBeginningOf, parseAuthChain } from '../../protocol/auth-chain.ts';
import { type Identity, sameIdentity } from '../../protocol/identity.ts';
import {
	isExpired,
	matchesAudience,
	parseSasToken,
	type SasToken,
	verifySignature,
} from '../../protocol/sas-token.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import { certificateFault, certificateOf, type ShownCertificate } from './certificate-chain.ts';

/** What a client shows to prove its identity. */
export type ClientCredential =
	| {
			readonly kind: 'token';
			readonly text: string;
			/** Where the token is that of a child edge hub: the chain on whose authority it speaks for the client. */
			readonly authChain?: string | undefined;
	  }
	| ({ readonly kind: 'certificate' } & ShownCertificate);

/** Where the registry's knowledge comes from while a credential is judged. */
export interface IdentityLookup {
	get(identity: Identity): RegistryIdentity | undefined;
	/** The way from an identity up to this edge device; undefined for who is not below it. */
	chainOf(identity: Identity): readonly Identity[] | undefined;
}

export interface CredentialContext {
	readonly identities: IdentityLookup;
	/** Authorities whose certificates leaf devices may show. */
	readonly authorities: readonly X509Certificate[];
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
	if (credential.kind === 'certificate') return judgeCertificate(identity, credential, context);
	let token: SasToken;
	try {
		token = parseSasToken(credential.text);
	} catch (error) {
		return { kind: 'refused', reason: messageOf(error) };
	}
	if (isExpired(token, context.now)) return { kind: 'refused', reason: 'The token has expired.' };
	if (credential.authChain !== undefined) {
		return judgeOnBehalf(identity, token, credential.authChain, context);
	}
	const holder = holderOf(token, identity, context.hostNames);
	if (holder === undefined) {
		return { kind: 'refused', reason: 'The token is made out to another identity or hub.' };
	}
	return judgeSignature(token, identity, holder, context.identities);
}

/**
 * A child edge hub speaks for a client below it: the token must be that of the hub at the end of the
 * chain that it claims, and that chain the way that is known (Azure IoT Edge, nested edge).
 */
function judgeOnBehalf(
	identity: Identity,
	token: SasToken,
	authChain: string,
	{ identities, hostNames }: CredentialContext,
): CredentialVerdict {
	const claimed = parseAuthChain(authChain) ?? [];
	const [target] = claimed;
	const actor = actorOf(claimed);
	if (target === undefined || actor === undefined || !sameIdentity(target, identity)) {
		return { kind: 'refused', reason: 'The chain does not begin with the client.' };
	}
	if (sameIdentity(actor, identity) || !matchesAudience(token, hostNames, actor)) {
		return { kind: 'refused', reason: 'The token is not that of the edge hub that speaks.' };
	}
	const known = identities.chainOf(identity);
	if (known === undefined) return { kind: 'unknown', reason: 'The identity is not known.' };
	if (claimed.length >= known.length || !isBeginningOf(claimed, known)) {
		return { kind: 'unknown', reason: 'The client is not below the edge hub that speaks.' };
	}
	return judgeSignature(token, identity, actor, identities);
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
	shown: ShownCertificate,
	context: CredentialContext,
): CredentialVerdict {
	if (identity.moduleId !== undefined) {
		return { kind: 'refused', reason: 'Modules prove themselves with tokens.' };
	}
	const fault = enabledFault(identity, context.identities);
	if (fault !== undefined) return fault;
	const authentication = context.identities.get(identity)?.authentication;
	if (authentication?.type === 'selfSigned') {
		return judgeThumbprint(shown.leaf, authentication.thumbprints, context.now);
	}
	if (authentication?.type !== 'certificateAuthority') {
		return { kind: 'unknown', reason: 'The identity does not use certificates.' };
	}
	const reason = certificateFault(identity.deviceId, shown, context.authorities, context.now);
	return reason === undefined ? { kind: 'accepted' } : { kind: 'refused', reason };
}

function judgeThumbprint(
	der: Uint8Array,
	thumbprints: readonly string[],
	now: number,
): CredentialVerdict {
	const certificate = certificateOf(der);
	const valid =
		certificate !== undefined &&
		certificate.validFromDate.getTime() <= now &&
		now <= certificate.validToDate.getTime();
	if (!valid) return { kind: 'refused', reason: 'The certificate is not valid now.' };
	const plain = (text: string) => text.replaceAll(':', '').toLowerCase();
	const known = thumbprints.map(plain);
	const own = [certificate.fingerprint, certificate.fingerprint256].map(plain);
	if (own.some((thumbprint) => known.includes(thumbprint))) return { kind: 'accepted' };
	return { kind: 'unknown', reason: 'The certificate is not the one that is registered.' };
}

/** Who is below a disabled edge device is shut out with it, whoever speaks for it. */
function enabledFault(
	identity: Identity,
	identities: IdentityLookup,
): CredentialVerdict | undefined {
	const known = identities.get(identity);
	if (known === undefined) return { kind: 'unknown', reason: 'The identity is not known.' };
	if (!known.enabled) return { kind: 'unknown', reason: 'The identity is disabled.' };
	const way = identities.chainOf(identity) ?? [{ deviceId: identity.deviceId }];
	const shut = way.find((each) => identities.get(each)?.enabled === false);
	if (shut === undefined) return undefined;
	return { kind: 'unknown', reason: `The device ${shut.deviceId} is disabled.` };
}
