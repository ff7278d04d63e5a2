import { createHmac, timingSafeEqual } from 'node:crypto';
import { EdgeError } from '../runtime/edge-error.ts';
import { splitHostName } from './host-name.ts';
import type { Identity } from './identity.ts';

/** A shared access signature as it was received. */
export interface SasToken {
	/** `sr` exactly as it stands in the token: the signature covers these characters. */
	readonly resource: string;
	readonly decodedResource: string;
	/** Base64. */
	readonly signature: string;
	/** Unix time in seconds. */
	readonly expiry: number;
	/** The policy of a service token. */
	readonly keyName?: string;
}

/** What a token is made from. */
export interface SasTokenRequest {
	/** Not encoded, e.g. `hub.azure-devices.net/devices/edge1/modules/filter`. */
	readonly resource: string;
	/** Base64. */
	readonly key: string;
	/** Unix time in seconds. */
	readonly expiry: number;
	readonly keyName?: string;
}

/**
 * Percent-encodes everything but unreserved characters, also `! ' ( ) *` (RFC 3986). Half a surrogate
 * pair, which JSON can carry and UTF-8 cannot, becomes the replacement character.
 */
export function encodeStrict(text: string): string {
	return encodeURIComponent(text.toWellFormed()).replace(
		/[!'()*]/g,
		(character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
	);
}

/** The text that is signed: the encoded resource, a line feed, the expiry. */
export function signatureInput(encodedResource: string, expiry: number): string {
	return `${encodedResource}\n${expiry}`;
}

/** Base64 HMAC-SHA256 of `data` with a base64 key. */
export function sign(key: string, data: string): string {
	return createHmac('sha256', Buffer.from(key, 'base64')).update(data).digest('base64');
}

/** A token of the form that the Azure SDKs make. */
export function createSasToken(request: SasTokenRequest): string {
	const { resource, key, expiry, keyName } = request;
	const encoded = encodeStrict(resource);
	return formatSasToken(encoded, sign(key, signatureInput(encoded, expiry)), expiry, keyName);
}

/** Puts a token together whose signature somebody else has made. */
export function formatSasToken(
	encodedResource: string,
	signature: string,
	expiry: number,
	keyName?: string,
): string {
	const policy = keyName === undefined ? '' : `&skn=${encodeStrict(keyName)}`;
	return `SharedAccessSignature sr=${encodedResource}&sig=${encodeStrict(signature)}${policy}&se=${expiry}`;
}

const scheme = /^SharedAccessSignature /i;

/**
 * Reads a token. Its scheme, as in HTTP, and the names of its fields are taken in any case.
 *
 * @throws EdgeError EDGE_TOKEN_INVALID
 */
export function parseSasToken(text: string): SasToken {
	if (!scheme.test(text)) throw invalid('The token does not begin with its scheme.');
	const fields = new Map<string, string>();
	for (const part of text.replace(scheme, '').trim().split('&')) {
		const equals = part.indexOf('=');
		if (equals > 0) fields.set(part.slice(0, equals).toLowerCase(), part.slice(equals + 1));
	}
	const resource = fields.get('sr');
	const signature = fields.get('sig');
	const expiry = fields.get('se');
	const keyName = fields.get('skn');
	if (!resource || !signature || !expiry) throw invalid('The token lacks sr, sig or se.');
	if (!/^\d{1,15}$/.test(expiry)) throw invalid('The expiry of the token is not a number.');
	return {
		resource,
		decodedResource: decode(resource),
		signature: decode(signature),
		expiry: Number(expiry),
		...(keyName ? { keyName: decode(keyName) } : {}),
	};
}

function decode(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch (cause) {
		throw invalid('The token is not percent-encoded as it should be.', cause);
	}
}

function invalid(message: string, cause?: unknown): EdgeError {
	return new EdgeError('EDGE_TOKEN_INVALID', message, { cause });
}

/** Whether one of the keys (base64; primary, secondary) made the signature. Constant time per key. */
export function verifySignature(token: SasToken, keys: readonly string[]): boolean {
	const given = Buffer.from(token.signature, 'base64');
	const data = signatureInput(token.resource, token.expiry);
	return keys.some((key) => {
		const expected = createHmac('sha256', Buffer.from(key, 'base64')).update(data).digest();
		return given.length === expected.length && timingSafeEqual(given, expected);
	});
}

/** Whether a token is past its expiry, by more than the clocks of two machines may differ. */
export function isExpired(token: SasToken, nowMs: number, skewSeconds = 300): boolean {
	return nowMs / 1000 > token.expiry + skewSeconds;
}

/** The resource of an identity's own tokens. */
export function audienceOf(hostName: string, identity: Identity): string {
	const device = `${hostName}/devices/${identity.deviceId}`;
	return identity.moduleId === undefined ? device : `${device}/modules/${identity.moduleId}`;
}

/**
 * Whether a token speaks for an identity at one of the hosts. Case does not count, as some clients
 * lower-case the resource, and neither does a port.
 */
export function matchesAudience(
	token: SasToken,
	hostNames: readonly string[],
	identity: Identity,
): boolean {
	const resource = token.decodedResource;
	const slash = resource.indexOf('/');
	if (slash < 0) return false;
	const host = withoutPort(resource.slice(0, slash));
	const path = resource.slice(slash).toLowerCase();
	return (
		hostNames.some((name) => withoutPort(name) === host) &&
		path === audienceOf('', identity).toLowerCase()
	);
}

function withoutPort(hostName: string): string {
	return splitHostName(hostName).host.toLowerCase();
}
