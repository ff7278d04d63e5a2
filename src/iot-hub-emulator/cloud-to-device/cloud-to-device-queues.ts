import type { Message } from '../../protocol/message.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { KeyValueStore } from '../../storage/key-value-store.ts';
import { IotHubError } from '../iot-hub-error.ts';
import type { IdentityRegistry } from '../registry/identity-registry.ts';

/** Limits and defaults of a device's queue (IoT Hub documentation, "Cloud-to-device messages"). */
export const cloudToDeviceLimits = {
	maxQueued: 50,
	maxBytes: 65_536,
	timeToLiveMs: 3_600_000,
	maxDeliveryCount: 10,
} as const;

/** A message that waits for its device. */
export interface QueuedMessage {
	/** Grows with every message of the hub. */
	readonly sequenceNumber: number;
	/** Milliseconds since the epoch. */
	readonly enqueuedTime: number;
	/** When it is dropped undelivered, in milliseconds since the epoch. */
	readonly expires: number;
	readonly deliveryCount: number;
	readonly message: Message;
}

interface StoredMessage extends Omit<QueuedMessage, 'message'> {
	readonly properties: readonly [string, string | null][];
	readonly systemProperties: readonly [string, string][];
	readonly body: string;
}

const collection = 'cloud-to-device';

/** The durable queues of cloud-to-device messages, one for each device. */
export class CloudToDeviceQueues {
	readonly #store: KeyValueStore;
	readonly #registry: IdentityRegistry;
	readonly #clock: Clock;
	readonly #queues = new Map<string, QueuedMessage[]>();
	readonly #listeners = new Set<(deviceId: string) => void>();
	#lastSequenceNumber = 0;

	constructor(store: KeyValueStore, registry: IdentityRegistry, clock: Clock) {
		this.#store = store;
		this.#registry = registry;
		this.#clock = clock;
		registry.onChange(({ deviceId, moduleId }, change) => {
			if (change === 'deleted' && moduleId === undefined) this.purge(deviceId);
		});
	}

	/** Reads what an earlier run has left. */
	load(): void {
		this.#queues.clear();
		for (const [key, value] of this.#store.entries(collection)) {
			const queued = decode(JSON.parse(Buffer.from(value).toString()) as StoredMessage);
			this.#queue(key.slice(0, key.lastIndexOf('/'))).push(queued);
			this.#lastSequenceNumber = Math.max(this.#lastSequenceNumber, queued.sequenceNumber);
		}
	}

	/** Called when a device has a new message. */
	onQueued(listener: (deviceId: string) => void): void {
		this.#listeners.add(listener);
	}

	/** Messages that wait for a device. */
	count(deviceId: string): number {
		return this.#live(deviceId).length;
	}

	/**
	 * Queues a message durably.
	 *
	 * @throws IotHubError DeviceNotFound, MessageTooLarge, DeviceMaximumQueueDepthExceeded
	 */
	send(deviceId: string, message: Message): void {
		this.#registry.device(deviceId);
		if (message.body.byteLength > cloudToDeviceLimits.maxBytes) {
			throw new IotHubError('MessageTooLarge', 'A message to a device has at most 64 KB.');
		}
		if (this.count(deviceId) >= cloudToDeviceLimits.maxQueued) {
			const message = `Device queue depth cannot exceed ${cloudToDeviceLimits.maxQueued} messages.`;
			throw new IotHubError('DeviceMaximumQueueDepthExceeded', message);
		}
		const now = this.#clock.now();
		const expiry = Date.parse(message.systemProperties.get('absolute-expiry-time') ?? '');
		this.#lastSequenceNumber += 1;
		const queued: QueuedMessage = {
			sequenceNumber: this.#lastSequenceNumber,
			enqueuedTime: now,
			expires: Number.isNaN(expiry) ? now + cloudToDeviceLimits.timeToLiveMs : expiry,
			deliveryCount: 0,
			message,
		};
		this.#keep(deviceId, queued);
		this.#queue(deviceId).push(queued);
		for (const listener of this.#listeners) listener(deviceId);
	}

	/** The oldest message that is neither expired nor delivered too often; its delivery is counted. */
	take(deviceId: string): QueuedMessage | undefined {
		const [oldest] = this.#live(deviceId);
		if (oldest === undefined) return undefined;
		const queued = { ...oldest, deliveryCount: oldest.deliveryCount + 1 };
		this.#keep(deviceId, queued);
		this.#queue(deviceId)[0] = queued;
		return queued;
	}

	/** The device has accepted a message. */
	complete(deviceId: string, { sequenceNumber }: QueuedMessage): void {
		this.#drop(deviceId, (queued) => queued.sequenceNumber === sequenceNumber);
	}

	/** Removes all messages of a device. @returns how many there were */
	purge(deviceId: string): number {
		return this.#drop(deviceId, () => true);
	}

	#live(deviceId: string): QueuedMessage[] {
		const now = this.#clock.now();
		this.#drop(
			deviceId,
			({ expires, deliveryCount }) =>
				expires <= now || deliveryCount >= cloudToDeviceLimits.maxDeliveryCount,
		);
		return this.#queues.get(deviceId) ?? [];
	}

	#drop(deviceId: string, unwanted: (queued: QueuedMessage) => boolean): number {
		const queue = this.#queues.get(deviceId);
		if (queue === undefined) return 0;
		const dropped = queue.filter(unwanted);
		for (const { sequenceNumber } of dropped) {
			this.#store.delete(collection, keyOf(deviceId, sequenceNumber));
		}
		if (dropped.length === queue.length) this.#queues.delete(deviceId);
		else if (dropped.length > 0) {
			this.#queues.set(
				deviceId,
				queue.filter((queued) => !dropped.includes(queued)),
			);
		}
		return dropped.length;
	}

	#queue(deviceId: string): QueuedMessage[] {
		const queue = this.#queues.get(deviceId) ?? [];
		this.#queues.set(deviceId, queue);
		return queue;
	}

	#keep(deviceId: string, queued: QueuedMessage): void {
		const value = Buffer.from(JSON.stringify(encode(queued)));
		this.#store.set(collection, keyOf(deviceId, queued.sequenceNumber), value);
	}
}

/** Keys sort by device, then by age. */
function keyOf(deviceId: string, sequenceNumber: number): string {
	return `${deviceId}/${String(sequenceNumber).padStart(16, '0')}`;
}

function encode({ message, ...rest }: QueuedMessage): StoredMessage {
	return {
		...rest,
		properties: [...message.properties],
		systemProperties: [...message.systemProperties],
		body: Buffer.from(message.body).toString('base64'),
	};
}

function decode(stored: StoredMessage): QueuedMessage {
	const { properties, systemProperties, body, ...rest } = stored;
	const message = {
		body: Buffer.from(body, 'base64'),
		properties: new Map(properties),
		systemProperties: new Map(systemProperties),
	};
	return { ...rest, message };
}
