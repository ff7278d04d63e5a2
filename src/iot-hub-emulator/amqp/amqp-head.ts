import { AmqpError } from '../../amqp/amqp-error.ts';
import type { AmqpMessage } from '../../amqp/amqp-message.ts';
import type {
	AmqpConnection,
	AmqpServerHandler,
	IncomingRoute,
	LinkRequest,
	OutgoingLink,
	PutToken,
} from '../../amqp/amqp-server.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import { EventHubEndpoint } from '../event-hubs/event-hub-endpoint.ts';
import type { Faults } from '../faults.ts';
import type { Hub } from '../hub.ts';
import { RegistrationLinks } from '../provisioning/registration-links.ts';
import { parseAmqpAddress } from './amqp-address.ts';
import { AmqpClient } from './amqp-client.ts';
import { amqpRefusal } from './amqp-refusal.ts';
import { DeviceLinks } from './device-links.ts';
import { ServiceLinks } from './service-links.ts';

/** A user name of SASL PLAIN: `<device>@sas.<hub>`, or `<policy>@sas.root.<hub>`. */
const saslUser = /^([^@]+)@sas\.(root\.)?(.+)$/i;

/** IoT Hub's AMQP interface: devices and modules, services, readers of events, devices that register. */
export class AmqpHead implements AmqpServerHandler {
	readonly #hub: Hub;
	readonly #faults: Faults;
	readonly #hostName: () => string;
	readonly #devices: DeviceLinks;
	readonly #services: ServiceLinks;
	readonly #events: EventHubEndpoint;
	readonly #registrations: RegistrationLinks;
	readonly #clients = new WeakMap<AmqpConnection, AmqpClient>();

	/** @param hostName of the hub, with a port unless it is served on IoT Hub's own */
	constructor(hub: Hub, faults: Faults, hostName: () => string) {
		this.#hub = hub;
		this.#faults = faults;
		this.#hostName = hostName;
		this.#registrations = new RegistrationLinks(hub, faults, hostName);
		this.#devices = new DeviceLinks(hub, faults);
		this.#services = new ServiceLinks(hub, faults);
		this.#events = new EventHubEndpoint(hub);
	}

	async putToken(connection: AmqpConnection, request: PutToken): Promise<void> {
		try {
			this.#requirePresence();
			this.#clientOf(connection).putToken(request);
		} catch (error) {
			const refusal = amqpRefusal(error);
			this.#hub.logger.info('a token was refused', { reason: refusal.description });
			throw refusal;
		}
	}

	/** The password is a token: what `$cbs` takes, for clients that cannot speak to it. */
	async authenticatePlain(
		connection: AmqpConnection,
		user: string,
		password: string,
	): Promise<boolean> {
		try {
			this.#requirePresence();
			if (this.#registrations.serves(user)) {
				this.#registrations.authenticate(connection, user, password);
			} else this.#clientOf(connection).putToken({ ...audienceOfUser(user), token: password });
			return true;
		} catch (error) {
			this.#hub.logger.info('a login was refused', { reason: messageOf(error) });
			return false;
		}
	}

	attachIncoming(link: LinkRequest): IncomingRoute {
		const route = this.#refusing(() => this.#incoming(link));
		return (message) => this.#refusingMessage(route, message);
	}

	attachOutgoing(link: OutgoingLink): void {
		this.#refusing(() => this.#outgoing(link));
	}

	#incoming(link: LinkRequest): IncomingRoute {
		if (this.#registrations.serves(link.address)) return this.#registrations.incoming(link);
		const client = this.#clientOf(link.connection);
		if (this.#events.serves(link.address)) return this.#events.incoming(link, client);
		const address = parseAmqpAddress(link.address);
		if (address === undefined) throw unknownAddress();
		if (!('identity' in address)) return this.#services.incoming(address, client);
		return this.#devices.incoming(
			address,
			link,
			client.device(address.identity, authChainOf(link)),
		);
	}

	#outgoing(link: OutgoingLink): void {
		if (this.#registrations.serves(link.address)) {
			this.#registrations.outgoing(link);
			return;
		}
		const client = this.#clientOf(link.connection);
		if (this.#events.serves(link.address)) {
			this.#events.outgoing(link, client);
			return;
		}
		this.#events.redirect(link.address, this.#hostName(), client);
		const address = parseAmqpAddress(link.address);
		if (address === undefined) throw unknownAddress();
		if ('identity' in address) {
			this.#devices.outgoing(address, link, client.device(address.identity, authChainOf(link)));
		} else this.#services.outgoing(address, link, client);
	}

	#clientOf(connection: AmqpConnection): AmqpClient {
		const known = this.#clients.get(connection);
		if (known !== undefined) return known;
		const client = new AmqpClient(connection, this.#hub);
		this.#clients.set(connection, client);
		return client;
	}

	#requirePresence(): void {
		if (this.#faults.absence !== 'unavailable') return;
		throw new AmqpError('com.microsoft:timeout', 'The hub is away.');
	}

	#refusing<T>(attach: () => T): T {
		try {
			this.#requirePresence();
			return attach();
		} catch (error) {
			throw amqpRefusal(error);
		}
	}

	async #refusingMessage(route: IncomingRoute, message: AmqpMessage): Promise<void> {
		try {
			await route(message);
		} catch (error) {
			throw amqpRefusal(error);
		}
	}
}

/** @throws AmqpError for a user name that is none of IoT Hub's */
function audienceOfUser(user: string): Omit<PutToken, 'token'> {
	const [, name, root, host] = saslUser.exec(user) ?? [];
	if (name === undefined || host === undefined) {
		throw new AmqpError('amqp:unauthorized-access', 'The user name is not one of IoT Hub.');
	}
	const type = 'servicebus.windows.net:sastoken';
	return {
		audience: root === undefined ? `${host}/devices/${encodeURIComponent(name)}` : host,
		type,
	};
}

/** On whose authority an edge hub attaches a link for somebody below it. */
function authChainOf({ properties }: LinkRequest): string | undefined {
	const chain = properties.get('com.microsoft:auth-chain');
	return typeof chain === 'string' ? chain : undefined;
}

function unknownAddress(): AmqpError {
	return new AmqpError('amqp:not-found', 'The hub has no such address.');
}
