import type { Credential } from './iot-hub-client.ts';

/** A certificate with which a client proves itself in the TLS handshake. */
export interface ClientCertificate {
	/** PEM: the leaf first, then the certificates that lead to the authority. */
	readonly certificate: string;
	/** PEM. A secret. */
	readonly privateKey: string;
}

/** How a device proves itself: by tokens, or by a certificate. */
export type DeviceCredential = Credential | ({ readonly kind: 'certificate' } & ClientCertificate);
