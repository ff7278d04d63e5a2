import { randomUUID } from 'node:crypto';
import type { Message } from '../../protocol/message.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { KeyValueStore } from '../../storage/key-value-store.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { requireMessageSize } from '../message-size.ts';
import type { IdentityRegistry } from '../registry/identity-registry.ts';
import { decodeQueued, encodeQueued, type QueuedMessage } from './queued-message.ts';

/** Limits and defaults of a device's queue (IoT Hub documentation, "Cloud-to-device messages"). */
export const cloudToDeviceLimits = {
	maxQueued: 50,
	maxBytes: 65_536,
	timeToLiveMs: 3_600_000,
	maxTimeToLiveMs: 172_800_000,
	maxDeliveryCount: 10,
	/** A message that is out for delivery comes back when it is not settled within this time. */
	lockMs: 60_000,
} as const;

/** A message that is out for delivery: nobody else gets it until it is settled. */
export interface LockedMessage extends QueuedMessage {
	/** Names this delivery. */
	readonly lockToken: string;
}

/** Why a message has left its queue, in the words of delivery feedback. */
export type FinalOutcome =
	| 'Success'
	| 'Rejected'
	| 'Expired'
	| 'DeliveryCountExceeded'
	| 'Purged'
	/** The device is gone, and with it everything that was meant for it. */
	| 'Deleted';

interface Entry {
	queued: QueuedMessage;
	lock?: { readonly token: string; readonly until: number };
}

const collection = 'cloud-to-device';

/** The durable queues of cloud-to-device messages, one for each device. */
export class CloudToDeviceQueues {
	readonly #store: KeyValueStore;
	readonly #registry: IdentityRegistry;
	readonly #clock: Clock;
	readonly #queues = new Map<string, Entry[]>();
	readonly #readyListeners = new Set<(deviceId: string) => void>();
	readonly #outcomeListeners = new Set<
		(deviceId: string, queued: QueuedMessage, outcome: FinalOutcome) => void
	>();
	#lastSequenceNumber = 0;

	constructor(store: KeyValueStore, registry: IdentityRegistry, clock: Clock) {
		this.#store = store;
		this.#registry = registry;
		this.#clock = clock;
		registry.onChange(({ deviceId, moduleId }, change) => {
			if (change === 'deleted' && moduleId === undefined) this.#dropAll(deviceId, 'Deleted');
		});
	}

	/** Reads what an earlier run has left. */
	load(): void {
		this.#queues.clear();
		for (const [key, value] of this.#store.entries(collection)) {
			const queued = decodeQueued(value);
			this.#queue(key.slice(0, key.lastIndexOf('/'))).push({ queued });
			this.#lastSequenceNumber = Math.max(this.#lastSequenceNumber, queued.sequenceNumber);
		}
	}

	/** Called when a device has a message to take: a new one, or one that has come back. */
	onReady(listener: (deviceId: string) => void): void {
		this.#readyListeners.add(listener);
	}

	/** Called when a message has left its queue for good. */
	onOutcome(
		listener: (deviceId: string, queued: QueuedMessage, outcome: FinalOutcome) => void,
	): void {
		this.#outcomeListeners.add(listener);
	}

	/** Messages that wait for a device, those out for delivery included. */
	count(deviceId: string): number {
		return this.#live(deviceId).length;
	}

	/**
	 * Queues a message durably.
	 *
	 * @throws IotHubError DeviceNotFound, MessageTooLarge, InvalidMessageExpiryTime,
	 * DeviceMaximumQueueDepthExceeded
	 */
	send(deviceId: string, message: Message): void {
		this.#registry.device(deviceId);
		requireMessageSize([message], cloudToDeviceLimits.maxBytes);
		const now = this.#clock.now();
		const expires = expiryOf(message, now);
		if (this.count(deviceId) >= cloudToDeviceLimits.maxQueued) {
			const message = `Device queue depth cannot exceed ${cloudToDeviceLimits.maxQueued} messages.`;
			throw new IotHubError('DeviceMaximumQueueDepthExceeded', message);
		}
		this.#lastSequenceNumber += 1;
		const queued: QueuedMessage = {
			sequenceNumber: this.#lastSequenceNumber,
			enqueuedTime: now,
			expires,
			deliveryCount: 0,
			message,
		};
		this.#keep(deviceId, queued);
		this.#queue(deviceId).push({ queued });
		this.#ready(deviceId);
	}

	/**
	 * Takes the oldest message that is not out already; its delivery is counted. It has to be settled
	 * with `complete`, `reject` or `abandon`.
	 */
	take(deviceId: string): LockedMessage | undefined {
		const entry = this.#live(deviceId).find(({ lock }) => lock === undefined);
		if (entry === undefined) return undefined;
		const token = randomUUID();
		entry.queued = { ...entry.queued, deliveryCount: entry.queued.deliveryCount + 1 };
		entry.lock = { token, until: this.#clock.now() + cloudToDeviceLimits.lockMs };
		this.#keep(deviceId, entry.queued);
		return { ...entry.queued, lockToken: token };
	}

	/** The device has accepted a message. @returns false when the lock is lost */
	complete(deviceId: string, { lockToken }: Pick<LockedMessage, 'lockToken'>): boolean {
		return this.#settle(deviceId, lockToken, 'Success');
	}

	/** The device wants a message never again. @returns false when the lock is lost */
	reject(deviceId: string, { lockToken }: Pick<LockedMessage, 'lockToken'>): boolean {
		return this.#settle(deviceId, lockToken, 'Rejected');
	}

	/** The device wants a message later. @returns false when the lock is lost */
	abandon(deviceId: string, { lockToken }: Pick<LockedMessage, 'lockToken'>): boolean {
		const entry = this.#locked(deviceId, lockToken);
		if (entry === undefined) return false;
		delete entry.lock;
		this.#ready(deviceId);
		return true;
	}

	/** Removes all messages of a device. @returns how many there were */
	purge(deviceId: string): number {
		return this.#dropAll(deviceId, 'Purged');
	}

	/** Drops what has expired and takes back what was out too long; to be called now and then. */
	sweep(): void {
		for (const deviceId of [...this.#queues.keys()]) {
			const before = this.#unlocked(deviceId);
			this.#live(deviceId);
			if (this.#unlocked(deviceId) > before) this.#ready(deviceId);
		}
	}

	#ready(deviceId: string): void {
		for (const listener of this.#readyListeners) listener(deviceId);
	}

	#unlocked(deviceId: string): number {
		return (this.#queues.get(deviceId) ?? []).filter(({ lock }) => lock === undefined).length;
	}

	#settle(deviceId: string, lockToken: string, outcome: FinalOutcome): boolean {
		const entry = this.#locked(deviceId, lockToken);
		if (entry === undefined) return false;
		this.#drop(deviceId, (other) => (other === entry ? outcome : undefined));
		return true;
	}

	#locked(deviceId: string, lockToken: string): Entry | undefined {
		return this.#live(deviceId).find(({ lock }) => lock?.token === lockToken);
	}

	/** What is there after expired locks and messages are gone. */
	#live(deviceId: string): Entry[] {
		const now = this.#clock.now();
		for (const entry of this.#queues.get(deviceId) ?? []) {
			if (entry.lock !== undefined && entry.lock.until <= now) delete entry.lock;
		}
		this.#drop(deviceId, ({ queued, lock }) => {
			if (lock !== undefined) return undefined;
			if (queued.expires <= now) return 'Expired';
			const tooOften = queued.deliveryCount >= cloudToDeviceLimits.maxDeliveryCount;
			return tooOften ? 'DeliveryCountExceeded' : undefined;
		});
		return this.#queues.get(deviceId) ?? [];
	}

	#dropAll(deviceId: string, outcome: FinalOutcome): number {
		return this.#drop(deviceId, () => outcome);
	}

	/** @param fate why an entry goes, undefined when it stays */
	#drop(deviceId: string, fate: (entry: Entry) => FinalOutcome | undefined): number {
		const gone: [QueuedMessage, FinalOutcome][] = [];
		const kept: Entry[] = [];
		for (const entry of this.#queues.get(deviceId) ?? []) {
			const outcome = fate(entry);
			if (outcome === undefined) kept.push(entry);
			else gone.push([entry.queued, outcome]);
		}
		if (gone.length === 0) return 0;
		if (kept.length === 0) this.#queues.delete(deviceId);
		else this.#queues.set(deviceId, kept);
		for (const [queued, outcome] of gone) {
			this.#store.delete(collection, keyOf(deviceId, queued.sequenceNumber));
			for (const listener of this.#outcomeListeners) listener(deviceId, queued, outcome);
		}
		return gone.length;
	}

	#queue(deviceId: string): Entry[] {
		const queue = this.#queues.get(deviceId) ?? [];
		this.#queues.set(deviceId, queue);
		return queue;
	}

	#keep(deviceId: string, queued: QueuedMessage): void {
		this.#store.set(collection, keyOf(deviceId, queued.sequenceNumber), encodeQueued(queued));
	}
}

/** When a message is over: at the time that it says itself, or after the time that is usual. */
function expiryOf({ systemProperties }: Message, now: number): number {
	const expiry = Date.parse(systemProperties.get('absolute-expiry-time') ?? '');
	if (Number.isNaN(expiry)) return now + cloudToDeviceLimits.timeToLiveMs;
	if (expiry <= now + cloudToDeviceLimits.maxTimeToLiveMs) return expiry;
	throw new IotHubError('InvalidMessageExpiryTime', 'A message lives for at most two days.');
}

/** Keys sort by device, then by age. */
function keyOf(deviceId: string, sequenceNumber: number): string {
	return `${deviceId}/${String(sequenceNumber).padStart(16, '0')}`;
}
