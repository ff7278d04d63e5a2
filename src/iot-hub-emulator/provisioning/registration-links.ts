import { AmqpError } from '../../amqp/amqp-error.ts';
import type { AmqpMessage } from '../../amqp/amqp-message.ts';
import type {
	AmqpConnection,
	IncomingRoute,
	LinkRequest,
	OutgoingLink,
} from '../../amqp/amqp-server.ts';
import type { DeviceCredential } from '../access/device-authentication.ts';
import { withoutScheme } from '../amqp/amqp-address.ts';
import type { Faults } from '../faults.ts';
import type { Hub } from '../hub.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { retryAfterSeconds } from './provisioning-mqtt-head.ts';

const addressForm = /^\/?([^/]+)\/registrations\/([^/]+)$/;

interface Registrant {
	readonly idScope: string;
	readonly registrationId: string;
}

/**
 * DPS over AMQP: a device sends its requests to `{idScope}/registrations/{registrationId}` and
 * receives the answers from there. It has proved itself with SASL PLAIN, the address as user name and
 * its token as password, or with its certificate.
 */
export class RegistrationLinks {
	readonly #hub: Hub;
	readonly #faults: Faults;
	readonly #hostName: () => string;
	readonly #tokens = new WeakMap<AmqpConnection, string>();
	readonly #answers = new WeakMap<AmqpConnection, OutgoingLink>();

	/** @param hostName of the hub that devices are assigned to */
	constructor(hub: Hub, faults: Faults, hostName: () => string) {
		this.#hub = hub;
		this.#faults = faults;
		this.#hostName = hostName;
	}

	/** Whether an address, or a user name, is one of registrations. */
	serves(address: string): boolean {
		return registrantOf(address) !== undefined;
	}

	/** Notes the password of SASL PLAIN. @throws IotHubError IotHubUnauthorizedAccess */
	authenticate(connection: AmqpConnection, user: string, password: string): void {
		this.#require(required(user), { token: password });
		this.#tokens.set(connection, password);
	}

	/** @throws IotHubError IotHubUnauthorizedAccess */
	incoming({ address, connection }: LinkRequest): IncomingRoute {
		const registrant = required(address);
		const credential = this.#credentialOf(connection);
		this.#require(registrant, credential);
		return async (request) => {
			await this.#faults.request();
			const answer = this.#serve(request, registrant, credential);
			const { correlationId } = request;
			await this.#answers
				.get(connection)
				?.send(
					{ ...answer, ...(correlationId === undefined ? {} : { correlationId }) },
					{ settled: true },
				);
		};
	}

	/** @throws IotHubError IotHubUnauthorizedAccess */
	outgoing(link: OutgoingLink): void {
		this.#require(required(link.address), this.#credentialOf(link.connection));
		this.#answers.set(link.connection, link);
	}

	#require({ idScope, registrationId }: Registrant, credential: DeviceCredential): void {
		this.#hub.provisioning.requireRegistrant(idScope, registrationId, credential);
	}

	#credentialOf(connection: AmqpConnection): DeviceCredential {
		const token = this.#tokens.get(connection);
		const { clientCertificate } = connection.peer;
		return {
			...(token === undefined ? {} : { token }),
			...(clientCertificate === undefined ? {} : { certificate: clientCertificate }),
		};
	}

	#serve(
		{ properties }: AmqpMessage,
		{ idScope, registrationId }: Registrant,
		credential: DeviceCredential,
	): AmqpMessage {
		const { provisioning } = this.#hub;
		const operation = properties?.get('iotdps-operation-type');
		if (operation === 'iotdps-register') {
			const host = this.#hostName();
			const operationId = provisioning.register(idScope, registrationId, credential, host);
			const properties = new Map([['retry-after', String(retryAfterSeconds)]]);
			return { ...json({ operationId, status: 'assigning' }), properties };
		}
		if (operation === 'iotdps-get-operationstatus') {
			const id = String(properties?.get('iotdps-operation-id') ?? '');
			return json(provisioning.operation(idScope, registrationId, id, credential));
		}
		throw new IotHubError('ArgumentInvalid', 'The operation is not one of registrations.');
	}
}

function json(body: object): AmqpMessage {
	return { contentType: 'application/json', data: Buffer.from(JSON.stringify(body)) };
}

function registrantOf(address: string): Registrant | undefined {
	const [, idScope, registrationId] = addressForm.exec(withoutScheme(address)) ?? [];
	if (idScope === undefined || registrationId === undefined) return undefined;
	return { idScope, registrationId };
}

function required(address: string): Registrant {
	const registrant = registrantOf(address);
	if (registrant !== undefined) return registrant;
	throw new AmqpError('amqp:not-found', 'The address is not one of registrations.');
}
