import type { Clock, Timer } from '../runtime/clock.ts';
import { EdgeError } from '../runtime/edge-error.ts';
import { Fifo } from './fifo.ts';
import type { Publication } from './mqtt-server.ts';
import { isTopicName } from './topic-filter.ts';

const maxPacketId = 65_535;
/** Messages that may wait for a slow client before it is given up. */
const maxQueued = 1_000;

/** What the queue needs of its connection. */
export interface OutboundChannel {
	/** Whether the peer must read before more is written. */
	readonly needsDrain: boolean;
	send(publication: Publication, qos: 0 | 1, packetId: number | undefined): void;
	/** The client reads or acknowledges so little that it must be given up. */
	overwhelmed(reason: string): void;
}

export interface OutboundQueueOptions {
	readonly channel: OutboundChannel;
	readonly maxInFlight: number;
	readonly maxPacketBytes: number;
	/** Milliseconds. */
	readonly acknowledgementTimeout: number;
	readonly clock: Clock;
}

interface Queued {
	readonly publication: Publication;
	readonly qos: 0 | 1;
	resolve(): void;
	reject(error: EdgeError): void;
}

/** A message of QoS 1 on its way. */
interface Sent extends Queued {
	/** On the monotonic clock. */
	readonly sentAt: number;
	acknowledged: boolean;
}

/**
 * Messages to one client: in order, no faster than it reads, at most so many unacknowledged. A
 * message counts as acknowledged when all before it are [MQTT-4.6.0-2], so that what failed and
 * what comes after it fail together. Costs one timer, whatever the traffic.
 */
export class OutboundQueue {
	readonly #options: OutboundQueueOptions;
	readonly #waiting = new Fifo<Queued>();
	/** By packet identifier, the oldest first. */
	readonly #inFlight = new Map<number, Sent>();
	#timer: Timer | undefined;
	#lastId = 0;
	#closed = false;

	constructor(options: OutboundQueueOptions) {
		this.#options = options;
	}

	/** As {@link MqttConnection.publish}. */
	publish(publication: Publication, qos: 0 | 1): Promise<void> {
		return new Promise((resolve, reject) => {
			const fault = this.#closed ? gone('The client is not connected.') : this.#fault(publication);
			if (fault !== undefined) return reject(fault);
			this.#waiting.push({ publication, qos, resolve, reject });
			this.pump();
			if (this.#waiting.length > maxQueued) {
				this.#options.channel.overwhelmed('Too many messages wait for the client to read.');
			}
		});
	}

	/** Sends what may be sent now. */
	pump(): void {
		const { channel, maxInFlight } = this.#options;
		while (!channel.needsDrain) {
			const next = this.#waiting.peek();
			if (next === undefined || (next.qos === 1 && this.#inFlight.size >= maxInFlight)) return;
			this.#waiting.shift();
			if (next.qos === 1) this.#sendTracked(next);
			else {
				channel.send(next.publication, 0, undefined);
				next.resolve();
			}
		}
	}

	/** A PUBACK. One for an unknown identifier is ignored. */
	acknowledged(packetId: number): void {
		const sent = this.#inFlight.get(packetId);
		if (sent === undefined) return;
		sent.acknowledged = true;
		for (const [id, oldest] of this.#inFlight) {
			if (!oldest.acknowledged) break;
			this.#inFlight.delete(id);
			oldest.resolve();
		}
		this.pump();
	}

	/** Fails everything that waits. */
	close(): void {
		this.#closed = true;
		this.#timer?.[Symbol.dispose]();
		const open = [...this.#inFlight.values(), ...this.#waiting.takeAll()];
		this.#inFlight.clear();
		for (const { reject } of open) reject(gone('The connection of the client has ended.'));
	}

	#sendTracked(entry: Queued): void {
		const { channel, clock, acknowledgementTimeout } = this.#options;
		const id = this.#freeId();
		const { publication, qos, resolve, reject } = entry;
		const sentAt = clock.monotonic();
		this.#inFlight.set(id, { publication, qos, resolve, reject, sentAt, acknowledged: false });
		this.#timer ??= clock.after(acknowledgementTimeout, () => this.#checkOldest());
		channel.send(publication, 1, id);
	}

	/** A non-zero identifier that no unacknowledged message uses [MQTT-2.3.1-1], [MQTT-2.3.1-2]. */
	#freeId(): number {
		do {
			this.#lastId = (this.#lastId % maxPacketId) + 1;
		} while (this.#inFlight.has(this.#lastId));
		return this.#lastId;
	}

	#checkOldest(): void {
		const { clock, acknowledgementTimeout, channel } = this.#options;
		this.#timer = undefined;
		const [oldest] = this.#inFlight.values();
		if (oldest === undefined) return;
		const left = oldest.sentAt + acknowledgementTimeout - clock.monotonic();
		if (left > 0) this.#timer = clock.after(left, () => this.#checkOldest());
		else channel.overwhelmed('The client did not acknowledge a message in time.');
	}

	#fault(publication: Publication): EdgeError | undefined {
		const { topic, payload } = publication;
		if (!isTopicName(topic)) {
			return new EdgeError('EDGE_PUBLICATION_INVALID', 'The topic is not one of MQTT.');
		}
		const size = payload.byteLength + Buffer.byteLength(topic);
		if (size <= this.#options.maxPacketBytes) return undefined;
		return new EdgeError('EDGE_PUBLICATION_INVALID', `A message of ${size} bytes is too large.`);
	}
}

function gone(message: string): EdgeError {
	return new EdgeError('EDGE_CLIENT_GONE', message);
}
