import { AmqpError } from '../../amqp/amqp-error.ts';
import type {
	AmqpConnection,
	IncomingRoute,
	LinkRequest,
	OutgoingLink,
} from '../../amqp/amqp-server.ts';
import { ReplyLinks } from '../../amqp/reply-links.ts';
import { endpointOf } from '../../protocol/host-name.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import { pathOfAddress } from '../amqp/amqp-address.ts';
import type { Hub } from '../hub.ts';
import { partitionInLog } from '../telemetry/event-partition.ts';
import { answerManagement, isPartition } from './event-hub-management.ts';
import { eventHubName } from './event-hub-name.ts';
import { eventMessage } from './event-message.ts';
import { type EventPosition, parseEventPosition, selectorFilter } from './event-position.ts';
import { ReaderEpochs } from './reader-epochs.ts';

const management = '$management';

/** Where readers of a hub look for its events. */
const eventsPath = /^\/messages\/events(?=\/|$)/i;

/** Checks that a connection may read. */
export interface ReaderAuthorization {
	/** @throws IotHubError IotHubUnauthorizedAccess */
	requireService(path: string): void;
}

/**
 * The Event Hubs-compatible endpoint for device-to-cloud messages (IoT Hub documentation, "Read
 * device-to-cloud messages from the built-in endpoint"), and event hubs that routing has as endpoints.
 * Every consumer group exists.
 */
export class EventHubEndpoint {
	readonly #hub: Hub;
	readonly #createdAt: number;
	readonly #replies = new WeakMap<AmqpConnection, ReplyLinks>();
	readonly #epochs = new ReaderEpochs();

	constructor(hub: Hub) {
		this.#hub = hub;
		this.#createdAt = hub.clock.now();
	}

	/** Whether an address is one of this endpoint. */
	serves(address: string): boolean {
		const [first = ''] = entityOf(address).split('/');
		return first === management || this.#numberOf(first) !== undefined;
	}

	/**
	 * Sends readers that know the hub only to the event hub behind it, as `az iot hub monitor-events`
	 * and older SDKs do.
	 *
	 * @param hub host name, with a port unless it is AMQP's own
	 * @throws AmqpError `amqp:link:redirect` for an address of events, with the same address there
	 */
	redirect(address: string, hub: string, authorization: ReaderAuthorization): void {
		const path = pathOfAddress(address);
		if (!eventsPath.test(path)) return;
		authorization.requireService('/messages/events');
		const { host, port } = endpointOf(hub, 'amqp');
		throw new AmqpError('amqp:link:redirect', 'The events are in an event hub of their own.', {
			hostname: host,
			'network-host': host,
			port,
			address: `amqps://${host}:${port}/${eventHubName}${path.replace(eventsPath, '')}`,
		});
	}

	/** @throws AmqpError, IotHubError IotHubUnauthorizedAccess */
	incoming(link: LinkRequest, authorization: ReaderAuthorization): IncomingRoute {
		if (!isManagement(link.address)) {
			throw new AmqpError('amqp:not-allowed', 'Only devices and modules send events.');
		}
		this.#requireManagement(link.address, authorization);
		const { telemetry } = this.#hub;
		const replies = this.#repliesOf(link.connection);
		const description = {
			eventHubs: (name: string) => this.#numberOf(name),
			createdAt: this.#createdAt,
			telemetry,
		};
		return async (request) => replies.reply(request, answerManagement(request, description));
	}

	/** @throws AmqpError, IotHubError IotHubUnauthorizedAccess */
	outgoing(link: OutgoingLink, authorization: ReaderAuthorization): void {
		if (isManagement(link.address)) {
			this.#requireManagement(link.address, authorization);
			this.#repliesOf(link.connection).add(link);
			return;
		}
		const { name, group, partition } = parseReaderAddress(link.address);
		const eventHub = this.#numberOf(name);
		if (eventHub === undefined) throw noPartition();
		authorization.requireService(`/${entityOf(link.address)}`);
		const position = parseEventPosition(link.filters.get(selectorFilter));
		if (position === undefined) {
			throw new AmqpError('amqp:invalid-field', 'The filter is not one of Event Hubs.');
		}
		this.#epochs.enter(`${eventHub}/${group.toLowerCase()}/${partition}`, link);
		const from = this.#sequenceNumberOf(position);
		this.#read(link, from, partitionInLog(eventHub, partition)).catch((error: unknown) => {
			this.#hub.logger.debug('a reader of events has gone', { reason: messageOf(error) });
		});
	}

	async #read(link: OutgoingLink, from: number, partition: number): Promise<void> {
		for await (const event of this.#hub.telemetry.follow(from, link.closed, partition)) {
			await link.send(eventMessage(event), { settled: true });
		}
	}

	#sequenceNumberOf(position: EventPosition): number {
		const { telemetry } = this.#hub;
		if (position.kind === 'latest') return telemetry.nextSequenceNumber;
		if (position.kind === 'enqueued-time') return telemetry.firstAfter(position.afterMs);
		return position.from;
	}

	/** The number that the log knows an event hub by; undefined where there is none of that name. */
	#numberOf(name: string): number | undefined {
		return name.toLowerCase() === eventHubName ? 0 : this.#hub.routing.eventHubOf(name);
	}

	/** A token for any of the event hubs will do where the address does not say which one it is. */
	#requireManagement(address: string, authorization: ReaderAuthorization): void {
		const [first = ''] = entityOf(address).split('/');
		const endpoints = this.#hub.routing.document.endpoints.eventHubs.map(({ name }) => name);
		const names = first === management ? [eventHubName, ...endpoints] : [first];
		let refusal: unknown;
		for (const name of names) {
			try {
				authorization.requireService(`/${name}/${management}`);
				return;
			} catch (error) {
				refusal = error;
			}
		}
		throw refusal;
	}

	#repliesOf(connection: AmqpConnection): ReplyLinks {
		const known = this.#replies.get(connection) ?? new ReplyLinks();
		this.#replies.set(connection, known);
		return known;
	}
}

/** What an address names: `$management` for `sb://host/$management`, or for itself. */
function entityOf(address: string): string {
	return address.replace(/^[a-z]+:\/\/[^/]*\/?|^\//i, '');
}

/** The node of management, alone or below an event hub. */
function isManagement(address: string): boolean {
	const [first, second, ...beyond] = entityOf(address).split('/');
	if (first === management) return second === undefined;
	return second === management && beyond.length === 0;
}

/** `<event hub>/ConsumerGroups/<group>/Partitions/<partition>`. @throws AmqpError */
function parseReaderAddress(address: string) {
	const [name = '', groups, group = '', partitions, id = '', ...beyond] =
		entityOf(address).split('/');
	const partition = /^\d+$/.test(id) ? Number(id) : Number.NaN;
	const wellFormed =
		groups?.toLowerCase() === 'consumergroups' && partitions?.toLowerCase() === 'partitions';
	if (!wellFormed || group === '' || beyond.length > 0 || !isPartition(partition)) {
		throw noPartition();
	}
	return { name, group, partition };
}

function noPartition(): AmqpError {
	return new AmqpError('amqp:not-found', 'The event hub has no such partition.');
}
