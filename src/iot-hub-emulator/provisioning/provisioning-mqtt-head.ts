import type {
	ConnectRequest,
	ConnectReturnCode,
	MqttConnection,
	MqttServerHandler,
	Publication,
} from '../../mqtt/mqtt-server.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import type { JsonObject } from '../../runtime/json.ts';
import type { DeviceCredential } from '../access/device-authentication.ts';
import type { Faults } from '../faults.ts';
import type { Hub } from '../hub.ts';
import { asIotHubError, IotHubError } from '../iot-hub-error.ts';
import { idKey } from './enrollment.ts';

/** Seconds until a device is to ask for its result. */
export const retryAfterSeconds = 1;

const responses = '$dps/registrations/res/#';

/** The user name of a device that registers. */
export const registrationUser = /^([^/]+)\/registrations\/([^/]+)\/(?:\?)?api-version=/;

/** DPS over MQTT (DPS documentation, "Communicate with DPS using the MQTT protocol"). */
export class ProvisioningMqttHead implements MqttServerHandler {
	readonly #hub: Hub;
	readonly #faults: Faults;
	readonly #hostName: () => string;

	/** @param hostName of the hub that devices are assigned to */
	constructor(hub: Hub, faults: Faults, hostName: () => string) {
		this.#hub = hub;
		this.#faults = faults;
		this.#hostName = hostName;
	}

	async authenticate(request: ConnectRequest): Promise<ConnectReturnCode> {
		if (this.#faults.absence === 'unavailable') return 3;
		const { idScope, registrationId } = registrantOf(request);
		if (idKey(request.clientId) !== idKey(registrationId)) return 5;
		try {
			const credential = credentialOf(request);
			this.#hub.provisioning.requireRegistrant(idScope, registrationId, credential);
			return 0;
		} catch (error) {
			const reason = messageOf(error);
			this.#hub.logger.info('a registration was refused', { registrationId, reason });
			return 5;
		}
	}

	connected(): void {}

	async published(connection: MqttConnection, publication: Publication): Promise<void> {
		const { topic } = publication;
		const query = new URLSearchParams(topic.slice(topic.indexOf('?') + 1));
		const { status, body } = await this.#serve(connection.request, topic, query);
		const retry = status === 202 ? `&retry-after=${retryAfterSeconds}` : '';
		await connection.publish(
			{
				topic: `$dps/registrations/res/${status}/?$rid=${query.get('$rid') ?? ''}${retry}`,
				payload: Buffer.from(JSON.stringify(body)),
			},
			0,
		);
	}

	subscribe(_: MqttConnection, filter: string, qos: 0 | 1): 0 | 1 | undefined {
		return filter === responses ? qos : undefined;
	}

	subscribed(): void {}

	unsubscribed(): void {}

	disconnected(): void {}

	async #serve(
		request: ConnectRequest,
		topic: string,
		query: URLSearchParams,
	): Promise<{ readonly status: number; readonly body: JsonObject }> {
		const { idScope, registrationId } = registrantOf(request);
		const { provisioning, clock } = this.#hub;
		const credential = credentialOf(request);
		try {
			await this.#faults.request();
			if (topic.startsWith('$dps/registrations/PUT/iotdps-register/')) {
				const hostName = this.#hostName();
				const id = provisioning.register(idScope, registrationId, credential, hostName);
				return { status: 202, body: { operationId: id, status: 'assigning' } };
			}
			if (!topic.startsWith('$dps/registrations/GET/iotdps-get-operationstatus/')) {
				throw new IotHubError('RouteNotFound', 'The topic has no meaning.');
			}
			const id = query.get('operationId') ?? '';
			const body = provisioning.operation(idScope, registrationId, id, credential);
			return { status: 200, body };
		} catch (error) {
			const refusal = asIotHubError(error);
			if (refusal !== error) {
				this.#hub.logger.error('a registration failed', { reason: messageOf(error) });
			}
			return { status: refusal.status, body: refusal.deviceBody(new Date(clock.now())) };
		}
	}
}

function registrantOf(request: ConnectRequest) {
	const [, idScope = '', registrationId = ''] = registrationUser.exec(request.userName ?? '') ?? [];
	return { idScope, registrationId };
}

function credentialOf({ password, clientCertificate }: ConnectRequest): DeviceCredential {
	return {
		...(password ? { token: password } : {}),
		...(clientCertificate ? { certificate: clientCertificate } : {}),
	};
}
