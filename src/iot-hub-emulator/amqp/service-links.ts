import type { AmqpMessage } from '../../amqp/amqp-message.ts';
import type { IncomingRoute, OutgoingLink } from '../../amqp/amqp-server.ts';
import type {
	ServiceBoundBatch,
	ServiceBoundQueue,
} from '../cloud-to-device/service-bound-queue.ts';
import type { Faults } from '../faults.ts';
import type { Hub } from '../hub.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { meteredSize } from '../message-size.ts';
import { type AmqpAddress, parseAmqpAddress } from './amqp-address.ts';
import type { AmqpClient } from './amqp-client.ts';
import { messageFromAmqp } from './hub-message.ts';

type ServiceAddress = Exclude<AmqpAddress, { identity: unknown }>;

/** Records of delivery feedback that go into one message. */
const feedbackBatch = 64;

/** The links of services: messages to devices, delivery feedback, notifications of uploaded files. */
export class ServiceLinks {
	readonly #hub: Hub;
	readonly #faults: Faults;

	constructor(hub: Hub, faults: Faults) {
		this.#hub = hub;
		this.#faults = faults;
	}

	/** @throws IotHubError IotHubUnauthorizedAccess, or for an address that takes nothing */
	incoming({ kind }: ServiceAddress, client: AmqpClient): IncomingRoute {
		if (kind !== 'service-device-bound') {
			throw new IotHubError('MethodNotAllowed', 'Services do not send to this address.');
		}
		client.requireService('/messages/deviceBound');
		return (message) => this.#send(message);
	}

	/** @throws IotHubError IotHubUnauthorizedAccess, or for an address that gives nothing */
	outgoing({ kind }: ServiceAddress, link: OutgoingLink, client: AmqpClient): void {
		if (kind === 'service-device-bound') {
			throw new IotHubError('MethodNotAllowed', 'Services do not receive from this address.');
		}
		client.requireService('/messages/serviceBound');
		if (kind === 'feedback') {
			pump(this.#hub.feedback, feedbackBatch, link, ({ documents }) => ({
				contentType: 'application/vnd.microsoft.iothub.feedback.json',
				data: Buffer.from(JSON.stringify(documents)),
			}));
		} else {
			pump(this.#hub.fileNotifications, 1, link, ({ documents }) => ({
				contentType: 'application/vnd.microsoft.iothub.filenotification.json',
				data: Buffer.from(JSON.stringify(documents[0])),
			}));
		}
	}

	async #send(amqp: AmqpMessage): Promise<void> {
		await this.#faults.request();
		const target = parseAmqpAddress(amqp.to ?? '');
		if (target === undefined || !('identity' in target) || target.kind !== 'device-bound') {
			throw new IotHubError('ArgumentInvalid', 'The message does not name a device in "to".');
		}
		const { deviceId, moduleId } = target.identity;
		if (moduleId !== undefined) {
			throw new IotHubError('ArgumentInvalid', 'Modules have no cloud-to-device messages.');
		}
		this.#hub.throttles.take('cloud-to-device-send');
		const message = messageFromAmqp(amqp);
		this.#hub.throttles.meter(meteredSize(message));
		this.#hub.cloudToDevice.send(deviceId, message);
	}
}

/** Gives a receiver what there is, as much as it asks for. */
function pump(
	queue: ServiceBoundQueue,
	batchSize: number,
	link: OutgoingLink,
	messageOf: (batch: ServiceBoundBatch) => AmqpMessage,
): void {
	const serve = () => {
		while (link.credit > 0 && !link.closed.aborted) {
			const batch = queue.take(batchSize);
			if (batch === undefined) return;
			void deliver(batch);
		}
	};
	const deliver = async (batch: ServiceBoundBatch) => {
		const outcome = await link.send(messageOf(batch)).catch(() => 'released' as const);
		if (outcome === 'released') queue.abandon(batch);
		else queue.complete(batch);
	};
	const ready = queue.onReady(serve);
	link.closed.addEventListener('abort', () => ready[Symbol.dispose]());
	link.onCredit(serve);
}
