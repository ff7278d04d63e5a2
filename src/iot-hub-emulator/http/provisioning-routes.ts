import { TLSSocket } from 'node:tls';
import type { FastifyRequest } from 'fastify';
import { isJsonObject } from '../../runtime/json.ts';
import { presentedChain } from '../access/certificate-chain.ts';
import type { DeviceCredential } from '../access/device-authentication.ts';
import { asIotHubError, IotHubError } from '../iot-hub-error.ts';
import { retryAfterSeconds } from '../provisioning/provisioning-mqtt-head.ts';
import { registrationDocument } from '../provisioning/registration.ts';
import type { RouteContext } from './route-context.ts';

interface RegistrationRoute {
	Params: { idScope: string; registrationId: string; operationId: string };
}

/** DPS for devices: `/{idScope}/registrations/{registrationId}`. Errors have the form of DPS. */
export function addProvisioningRoutes({ app, hub }: Pick<RouteContext, 'app' | 'hub'>): void {
	const base = '/:idScope/registrations/:registrationId';

	app.setErrorHandler((error, _request, reply) => {
		const refusal = asIotHubError(error);
		return reply.code(refusal.status).send(refusal.deviceBody(new Date(hub.clock.now())));
	});
	app.put<RegistrationRoute>(`${base}/register`, async (request, reply) => {
		if (isJsonObject(request.body) && isJsonObject(request.body['tpm'])) throw noTpm();
		const { idScope, registrationId } = request.params;
		const operationId = hub.provisioning.register(
			idScope,
			registrationId,
			credentialOf(request),
			request.host,
		);
		return reply
			.code(202)
			.header('retry-after', retryAfterSeconds)
			.send({ operationId, status: 'assigning' });
	});
	app.get<RegistrationRoute>(`${base}/operations/:operationId`, async (request) => {
		const { idScope, registrationId, operationId } = request.params;
		const credential = credentialOf(request);
		return hub.provisioning.operation(idScope, registrationId, operationId, credential);
	});
	app.post<RegistrationRoute>(base, async (request) => {
		const { idScope, registrationId } = request.params;
		const credential = credentialOf(request);
		return registrationDocument(hub.provisioning.lookUp(idScope, registrationId, credential));
	});
}

function noTpm(): IotHubError {
	const message =
		'TPMs are not served here, register with a symmetric key or an X.509 certificate.';
	return new IotHubError('ArgumentInvalid', message);
}

function credentialOf({ headers, raw }: FastifyRequest): DeviceCredential {
	const certificate = raw.socket instanceof TLSSocket ? presentedChain(raw.socket) : undefined;
	return {
		...(headers.authorization ? { token: headers.authorization } : {}),
		...(certificate ? { certificate } : {}),
	};
}
