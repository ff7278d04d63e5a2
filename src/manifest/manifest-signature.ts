import { verify, X509Certificate } from 'node:crypto';
import { isJsonObject, type JsonObject, type JsonValue, jsonText } from '../runtime/json.ts';

/** Whether a manifest may be used, or why not. */
export type SignatureVerdict =
	| { readonly accepted: true; readonly signed: boolean }
	| { readonly accepted: false; readonly reason: string };

/** What a manifest's signature is checked against. */
export interface SignatureCheck {
	/** Certificates of the authorities whose signers are trusted, PEM. Absent: manifests are not signed. */
	readonly trustBundle?: string;
	/** The time at which certificates must be valid. */
	readonly now: Date;
}

/** Sections have their own members signed. */
export type SignedSection = '$edgeAgent' | '$edgeHub';

const signedMembers: Record<SignedSection, readonly string[]> = {
	$edgeAgent: ['modules', 'runtime', 'schemaVersion', 'systemModules'],
	$edgeHub: ['routes', 'schemaVersion', 'storeAndForwardConfiguration'],
};
const algorithm = /^(ES|RS)(256|384|512)$/i;
const certificates = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/**
 * Checks the signature of desired properties: signed exactly when a trust bundle is configured, by
 * a certificate that leads, through the intermediate one of the header, to one of the bundle.
 * Source: Azure IoT Edge, manifest trust bundle (schema 1.3 of `$edgeHub`); the chain, which Azure
 * never checked, is checked here.
 */
export function checkSignature(
	desired: JsonObject,
	section: SignedSection,
	{ trustBundle, now }: SignatureCheck,
): SignatureVerdict {
	const integrity = desired['integrity'];
	const isSigned = isJsonObject(integrity);
	if (!isSigned && trustBundle === undefined) return { accepted: true, signed: false };
	if (!isSigned)
		return refuse('A manifest trust bundle is configured, but the manifest is not signed.');
	if (trustBundle === undefined) {
		return refuse('The manifest is signed, but no manifest trust bundle is configured.');
	}
	try {
		return checkSigned(integrity, payloadOf(desired, section), trustBundle, now);
	} catch (error) {
		return refuse(`The signature cannot be read: ${(error as Error).message}.`);
	}
}

/** Whether a signature fits header and payload; the certificate itself is not judged. */
export function isSignatureValid(integrity: JsonObject, payload: JsonObject): boolean {
	const header = objectAt(integrity, 'header');
	const signature = objectAt(integrity, 'signature');
	const [, family, bits] = algorithm.exec(jsonText(signature['algorithm'])) ?? [];
	if (family === undefined) return false;
	const signed = Buffer.from(canonicalJson(header) + canonicalJson(payload));
	const { publicKey } = certificateOf(header, 'signercert');
	const isElliptic = family.toUpperCase() === 'ES';
	if (publicKey.asymmetricKeyType !== (isElliptic ? 'ec' : 'rsa')) return false;
	return verify(
		`sha${bits}`,
		signed,
		isElliptic ? { key: publicKey, dsaEncoding: 'ieee-p1363' } : publicKey,
		Buffer.from(jsonText(signature['bytes']), 'base64'),
	);
}

/**
 * JSON as RFC 8785 writes it: members in the order of their UTF-16 units, no white space, numbers
 * and strings as ECMAScript writes them.
 */
export function canonicalJson(value: JsonValue | undefined): string {
	if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
	if (!isJsonObject(value)) return JSON.stringify(value ?? null);
	const members = Object.keys(value)
		.filter((name) => value[name] !== undefined)
		.sort()
		.map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name])}`);
	return `{${members.join(',')}}`;
}

function checkSigned(
	integrity: JsonObject,
	payload: JsonObject,
	trustBundle: string,
	now: Date,
): SignatureVerdict {
	if (!isSignatureValid(integrity, payload)) {
		return refuse('The signature does not fit the manifest.');
	}
	const header = objectAt(integrity, 'header');
	const signer = certificateOf(header, 'signercert');
	const intermediate = certificateOf(header, 'intermediatecacert');
	const roots = [...trustBundle.matchAll(certificates)].map(([pem]) => new X509Certificate(pem));
	if (![signer, intermediate].every((certificate) => isCurrent(certificate, now))) {
		return refuse('A certificate of the signature has expired, or is not valid yet.');
	}
	const trusted = roots.some((root) => {
		if (!isCurrent(root, now)) return false;
		if (isIssuer(root, signer)) return true;
		return isIssuer(intermediate, signer) && isIssuer(root, intermediate);
	});
	return trusted
		? { accepted: true, signed: true }
		: refuse('The signer is not vouched for by the manifest trust bundle.');
}

/** Whether an authority signed a certificate; an authority may be the certificate of the bundle itself. */
function isIssuer(authority: X509Certificate, certificate: X509Certificate): boolean {
	if (authority.fingerprint256 === certificate.fingerprint256) return authority.ca;
	return (
		authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey)
	);
}

function isCurrent({ validFromDate, validToDate }: X509Certificate, now: Date): boolean {
	return validFromDate <= now && now <= validToDate;
}

/** A certificate that a header holds as base64 of its DER, cut into chunks. */
function certificateOf(header: JsonObject, name: string): X509Certificate {
	const chunks = header[name];
	if (!Array.isArray(chunks)) throw new Error(`"${name}" is missing`);
	return new X509Certificate(Buffer.from(chunks.map(String).join(''), 'base64'));
}

function payloadOf(desired: JsonObject, section: SignedSection): JsonObject {
	const members = signedMembers[section].filter((name) => Object.hasOwn(desired, name));
	return Object.fromEntries(members.map((name) => [name, desired[name]]));
}

function objectAt(object: JsonObject, name: string): JsonObject {
	const value = object[name];
	if (!isJsonObject(value)) throw new Error(`"${name}" is missing`);
	return value;
}

function refuse(reason: string): SignatureVerdict {
	return { accepted: false, reason };
}
