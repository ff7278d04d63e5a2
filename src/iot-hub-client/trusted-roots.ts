import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';

const contexts = new Map<string, SecureContext>();

/**
 * The TLS settings of a client that trusts the system's authorities and those given. Reading some
 * 150 authorities takes milliseconds and a megabyte, so that all clients of one hub share the result.
 *
 * @param trustedCertificates PEM; absent: only the system's authorities.
 */
export function secureContextFor(trustedCertificates = ''): SecureContext {
	const known = contexts.get(trustedCertificates);
	if (known !== undefined) return known;
	const system = getCACertificates('default');
	const ca = trustedCertificates === '' ? system : [...system, trustedCertificates];
	const context = createSecureContext({ ca: [...ca] });
	contexts.set(trustedCertificates, context);
	return context;
}
