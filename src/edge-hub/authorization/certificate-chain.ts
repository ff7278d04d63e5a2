import { X509Certificate } from 'node:crypto';

/** What a client has shown in the TLS handshake. */
export interface ShownCertificate {
	/** DER. */
	readonly leaf: Uint8Array;
	/** DER of the certificates that it showed as its issuers. */
	readonly issuers: readonly Uint8Array[];
}

const clientAuthentication = '1.3.6.1.5.5.7.3.2';
/** Names that the workload API gives to modules, in certificates that the trust bundle leads to as well. */
const moduleName = 'URI:azureiot://';
const maxLength = 8;

/**
 * Whether a device is who its certificate says: made out to the device id, for clients, and leading
 * to an authority that is trusted (IoT Hub documentation, "Authenticate identities with X.509
 * certificates"). Limits that an authority sets to the names or the length below it are not looked at.
 *
 * @param now milliseconds since the epoch
 * @returns why it is not good; undefined where it is
 */
export function certificateFault(
	deviceId: string,
	shown: ShownCertificate,
	authorities: readonly X509Certificate[],
	now: number,
): string | undefined {
	const certificates = [shown.leaf, ...shown.issuers.slice(0, maxLength)].map(certificateOf);
	const [leaf, ...issuers] = certificates.filter((each) => each !== undefined);
	if (leaf === undefined || certificates[0] === undefined) return 'The certificate cannot be read.';
	return leafFault(deviceId, leaf) ?? chainFault(leaf, issuers, authorities, now);
}

function leafFault(deviceId: string, leaf: X509Certificate): string | undefined {
	const { CN } = leaf.toLegacyObject().subject;
	if (CN !== deviceId) return 'The certificate is made out to another device.';
	if (leaf.ca) return 'The certificate is that of an authority.';
	const uses = leaf.keyUsage;
	if (uses !== undefined && !uses.includes(clientAuthentication)) {
		return 'The certificate is not for clients.';
	}
	if (leaf.subjectAltName?.includes(moduleName)) return 'The certificate is that of a module.';
	return undefined;
}

function chainFault(
	leaf: X509Certificate,
	issuers: readonly X509Certificate[],
	authorities: readonly X509Certificate[],
	now: number,
): string | undefined {
	let current = leaf;
	for (let length = 0; length < maxLength; length += 1) {
		if (!isValid(current, now)) return 'A certificate is not valid now.';
		const anchor = authorities.find((each) => isIssuer(each, current));
		if (anchor !== undefined && isValid(anchor, now)) return undefined;
		const next = issuers.find((each) => each !== current && isIssuer(each, current));
		if (next === undefined) break;
		current = next;
	}
	return 'The certificate does not lead to an authority that is trusted.';
}

function isIssuer(issuer: X509Certificate, subject: X509Certificate): boolean {
	return issuer.ca && subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
}

function isValid({ validFromDate, validToDate }: X509Certificate, now: number): boolean {
	return validFromDate.getTime() <= now && now <= validToDate.getTime();
}

/** Whom a certificate (DER) is made out to. */
export function commonNameOf(der: Uint8Array): string | undefined {
	const name = certificateOf(der)?.toLegacyObject().subject.CN;
	return typeof name === 'string' && name !== '' ? name : undefined;
}

/** @returns undefined for what is not a certificate */
export function certificateOf(source: Uint8Array | string): X509Certificate | undefined {
	try {
		return new X509Certificate(source);
	} catch {
		return undefined;
	}
}
