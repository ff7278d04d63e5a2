import { TLSSocket } from 'node:tls';
import type { FastifyRequest } from 'fastify';
import type { Identity } from '../../protocol/identity.ts';
import { presentedChain } from '../access/certificate-chain.ts';
import type { Admission } from '../access/device-authentication.ts';
import { readToken } from '../access/service-authorization.ts';
import type { AccessRight } from '../access/shared-access-policies.ts';
import type { Hub } from '../hub.ts';
import { IotHubError } from '../iot-hub-error.ts';

/** Who may make an HTTP request. */
export class RequestAuthorization {
	readonly #hub: Hub;

	constructor(hub: Hub) {
		this.#hub = hub;
	}

	/** @throws IotHubError IotHubUnauthorizedAccess unless a policy with the right has signed */
	requireService(request: FastifyRequest, right: AccessRight): void {
		const { authorization } = request.headers;
		this.#hub.serviceAuthorization.authorize(authorization, pathOf(request), right);
	}

	/** @throws IotHubError IotHubUnauthorizedAccess unless it is this device or module that asks */
	requireIdentity(request: FastifyRequest, identity: Identity): Admission {
		const { authorization } = request.headers;
		const { socket } = request.raw;
		const certificate = socket instanceof TLSSocket ? presentedChain(socket) : undefined;
		return this.#hub.deviceAuthentication.admit(identity, {
			...(authorization === undefined ? {} : { token: authorization }),
			...(certificate === undefined ? {} : { certificate }),
		});
	}

	/**
	 * A device manages its own modules, a service with the right those of any.
	 *
	 * @returns who it was
	 * @throws IotHubError IotHubUnauthorizedAccess
	 */
	requireServiceOrDevice(
		request: FastifyRequest,
		right: AccessRight,
		deviceId: string,
	): 'service' | 'device' {
		const { authorization } = request.headers;
		if (authorization !== undefined && readToken(authorization).keyName !== undefined) {
			this.requireService(request, right);
			return 'service';
		}
		this.requireIdentity(request, { deviceId });
		return 'device';
	}
}

/** The decoded path of a request, without its query. */
function pathOf(request: FastifyRequest): string {
	const [path = ''] = request.url.split('?', 1);
	try {
		return path.split('/').map(decodeURIComponent).join('/').replace(/\/+$/, '');
	} catch {
		throw new IotHubError('ArgumentInvalid', 'The path is not percent-encoded as it should be.');
	}
}
