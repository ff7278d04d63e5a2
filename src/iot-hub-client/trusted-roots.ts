import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import type { ClientCertificate } from './device-credential.ts';

const contexts = new Map<string, SecureContext>();
/** Certificates come and go: a context lives as long as the certificate that it is for. */
const ownContexts = new WeakMap<ClientCertificate, Map<string, SecureContext>>();

/**
 * The TLS settings of a client that trusts the system's authorities and those given. Reading some
 * 150 authorities takes milliseconds and a megabyte, so that all clients of one hub share the result.
 *
 * @param trustedCertificates PEM; absent: only the system's authorities.
 * @param own what the client shows. The same object each time, or nothing is shared.
 * @throws Error when the certificate and its key cannot be read, or are not of each other
 */
export function secureContextFor(trustedCertificates = '', own?: ClientCertificate): SecureContext {
	const shared = own === undefined ? contexts : (ownContexts.get(own) ?? new Map());
	if (own !== undefined) ownContexts.set(own, shared);
	const known = shared.get(trustedCertificates);
	if (known !== undefined) return known;
	const system = getCACertificates('default');
	const ca = trustedCertificates === '' ? system : [...system, trustedCertificates];
	const identity = own === undefined ? {} : { cert: own.certificate, key: own.privateKey };
	const context = createSecureContext({ ca: [...ca], ...identity });
	shared.set(trustedCertificates, context);
	return context;
}
