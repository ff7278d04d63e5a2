import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

/** Certificates of one chain at most. */
const maxLength = 10;

/**
 * What a TLS client has presented: the DER of its certificate, and behind it that of those above it.
 * Whoever reads only a certificate from these bytes reads the client's own one.
 */
export function presentedChain(socket: TLSSocket): Uint8Array | undefined {
	const parts: Uint8Array[] = [];
	let certificate = socket.getPeerX509Certificate();
	while (certificate !== undefined && parts.length < maxLength) {
		parts.push(certificate.raw);
		const issuer: X509Certificate | undefined = certificate.issuerCertificate;
		certificate = issuer?.fingerprint256 === certificate.fingerprint256 ? undefined : issuer;
	}
	return parts.length === 0 ? undefined : Buffer.concat(parts);
}

/**
 * Reads what `presentedChain` has written.
 *
 * @returns the client's own certificate first
 * @throws Error of OpenSSL for bytes that are no certificates
 */
export function readChain(bytes: Uint8Array): X509Certificate[] {
	const certificates: X509Certificate[] = [];
	for (let at = 0; at < bytes.length && certificates.length < maxLength; ) {
		const certificate = new X509Certificate(bytes.subarray(at));
		certificates.push(certificate);
		at += certificate.raw.length;
	}
	return certificates;
}

/**
 * Whether a chain leads from its first certificate to one of the authorities, every signature good
 * and every certificate valid now.
 *
 * @param now milliseconds since the epoch
 */
export function leadsTo(
	authorities: readonly X509Certificate[],
	[leaf, ...presented]: readonly X509Certificate[],
	now: number,
): boolean {
	let current = leaf;
	for (let length = 0; current !== undefined && length < maxLength; length += 1) {
		const certificate: X509Certificate = current;
		if (!isValidAt(certificate, now)) return false;
		if (authorities.some((authority) => hasIssued(authority, certificate))) return true;
		current = presented.find(
			(issuer) =>
				issuer.ca &&
				issuer.fingerprint256 !== certificate.fingerprint256 &&
				hasIssued(issuer, certificate),
		);
	}
	return false;
}

export function hasIssued(issuer: X509Certificate, certificate: X509Certificate): boolean {
	return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

export function isValidAt(certificate: X509Certificate, now: number): boolean {
	const { validFromDate, validToDate } = certificate;
	return now >= validFromDate.getTime() && now <= validToDate.getTime();
}

/** The common name of a certificate's subject. */
export function commonNameOf(certificate: X509Certificate): string | undefined {
	return /^CN=(.*)$/m.exec(certificate.subject)?.[1];
}

/** Hexadecimal digits of a thumbprint, in lower case and without colons. */
export function bareThumbprint(thumbprint: string): string {
	return thumbprint.replaceAll(':', '').toLowerCase();
}
