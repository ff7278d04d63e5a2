import { X509Certificate } from 'node:crypto';
import type { Authority } from '../access/authorities.ts';
import { ifMatchOf } from './device-routes.ts';
import type { RouteContext } from './route-context.ts';

interface CertificateRoute {
	Params: { name: string };
}

/**
 * Certification authorities of devices: the certificates of Azure's resource provider, without the
 * path of subscription and resource group before them.
 */
export function addCertificateRoutes({ app, hub, authorization }: RouteContext): void {
	const { authorities } = hub;
	const path = '/certificates/:name';

	app.get('/certificates', async (request) => {
		authorization.requireService(request, 'RegistryRead');
		return { value: authorities.list().map(certificateDocument) };
	});
	app.get<CertificateRoute>(path, async (request) => {
		authorization.requireService(request, 'RegistryRead');
		return certificateDocument(authorities.get(request.params.name));
	});
	app.put<CertificateRoute>(path, async (request) => {
		authorization.requireService(request, 'RegistryWrite');
		const { params, body } = request;
		return certificateDocument(authorities.put(params.name, body, ifMatchOf(request)));
	});
	app.delete<CertificateRoute>(path, async (request, reply) => {
		authorization.requireService(request, 'RegistryWrite');
		authorities.delete(request.params.name, ifMatchOf(request));
		return reply.code(204).send();
	});
	app.post<CertificateRoute>(`${path}/generateVerificationCode`, async (request) => {
		authorization.requireService(request, 'RegistryWrite');
		const { name } = request.params;
		return certificateDocument(authorities.newVerificationCode(name, ifMatchOf(request)));
	});
	app.post<CertificateRoute>(`${path}/verify`, async (request) => {
		authorization.requireService(request, 'RegistryWrite');
		const { params, body } = request;
		return certificateDocument(authorities.verify(params.name, body, ifMatchOf(request)));
	});
}

function certificateDocument(authority: Authority) {
	const { name, etag, certificate, ...rest } = authority;
	const x509 = new X509Certificate(certificate);
	return {
		name,
		etag,
		properties: {
			...rest,
			subject: x509.subject.replaceAll('\n', ', '),
			expiry: x509.validToDate.toISOString(),
			thumbprint: x509.fingerprint.replaceAll(':', ''),
			certificate: x509.raw.toString('base64'),
		},
	};
}
