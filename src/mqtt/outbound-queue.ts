import type { Clock, Timer } from '../runtime/clock.ts';
import { EdgeError } from '../runtime/edge-error.ts';
import { Fifo } from './fifo.ts';
import type { OutgoingPublish } from './message-packet.ts';
import type { DeliveryReceipt, Publication } from './mqtt-server.ts';
import { isTopicName } from './topic-filter.ts';

const maxPacketId = 65_535;
/** Messages that may wait for a slow client before it is given up. */
const maxQueued = 1_000;

/** What the queue needs of its connection. */
export interface OutboundChannel {
	/** Whether the peer must read before more is written. */
	readonly needsDrain: boolean;
	/**
	 * Until when the client was last not read because it sends too fast, on the monotonic clock: its
	 * acknowledgements may stand behind what it sent. Undefined when that never happened.
	 */
	readonly unreadUntil: number | undefined;
	send(message: OutgoingPublish): void;
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

/** A message that waits, and then is on its way. */
class Outbound implements OutgoingPublish {
	readonly topic: string;
	readonly topicBytes: number;
	readonly payload: Uint8Array;
	readonly duplicate: boolean;
	readonly receipt: DeliveryReceipt;
	readonly qos: 0 | 1;
	packetId: number | undefined;
	/** On the monotonic clock. */
	sentAt = 0;
	acknowledged = false;

	constructor(publication: Publication, qos: 0 | 1, receipt: DeliveryReceipt) {
		this.topic = publication.topic;
		this.topicBytes = Buffer.byteLength(publication.topic);
		this.payload = publication.payload;
		this.duplicate = publication.duplicate ?? false;
		this.qos = qos;
		this.receipt = receipt;
	}
}

/**
 * Messages to one client: in order, no faster than it reads, at most so many unacknowledged. A
 * message counts as acknowledged when all before it are [MQTT-4.6.0-2], so that what failed and
 * what comes after it fail together. Costs one timer, whatever the traffic.
 */
export class OutboundQueue {
	readonly #options: OutboundQueueOptions;
	readonly #waiting = new Fifo<Outbound>();
	/** The oldest first; their packet identifiers follow each other. */
	readonly #inFlight = new Fifo<Outbound>();
	#timer: Timer | undefined;
	#lastId = 0;
	#closed = false;

	constructor(options: OutboundQueueOptions) {
		this.#options = options;
	}

	/** As {@link MqttConnection.deliver}. */
	deliver(publication: Publication, qos: 0 | 1, receipt: DeliveryReceipt): void {
		const message = new Outbound(publication, qos, receipt);
		const fault = this.#closed ? gone('The client is not connected.') : this.#fault(message);
		if (fault !== undefined) {
			receipt.failed(fault);
			return;
		}
		this.#waiting.push(message);
		this.pump();
		if (this.#waiting.length > maxQueued) {
			this.#options.channel.overwhelmed('Too many messages wait for the client to read.');
		}
	}

	/** Sends what may be sent now. */
	pump(): void {
		const { channel, maxInFlight } = this.#options;
		while (!channel.needsDrain) {
			const next = this.#waiting.peek();
			if (next === undefined || (next.qos === 1 && this.#inFlight.length >= maxInFlight)) return;
			this.#waiting.shift();
			if (next.qos === 1) this.#track(next);
			channel.send(next);
			if (next.qos === 0) next.receipt.delivered();
		}
	}

	/** A PUBACK. One for an unknown identifier is ignored. */
	acknowledged(packetId: number): void {
		const first = this.#inFlight.peek()?.packetId ?? 0;
		const sent = this.#inFlight.at((packetId - first + maxPacketId) % maxPacketId);
		if (sent?.packetId !== packetId) return;
		sent.acknowledged = true;
		for (let oldest = this.#inFlight.peek(); oldest?.acknowledged; oldest = this.#inFlight.peek()) {
			this.#inFlight.shift();
			oldest.receipt.delivered();
		}
		this.pump();
	}

	/** Fails everything that waits. */
	close(): void {
		this.#closed = true;
		this.#timer?.[Symbol.dispose]();
		const open = [...this.#inFlight.takeAll(), ...this.#waiting.takeAll()];
		for (const { receipt } of open) receipt.failed(gone('The connection of the client has ended.'));
	}

	/**
	 * Gives a message the next packet identifier. Far fewer are under way than there are identifiers:
	 * the next one is free [MQTT-2.3.1-1], [MQTT-2.3.1-2].
	 */
	#track(message: Outbound): void {
		const { clock, acknowledgementTimeout } = this.#options;
		this.#lastId = (this.#lastId % maxPacketId) + 1;
		message.packetId = this.#lastId;
		message.sentAt = clock.monotonic();
		this.#inFlight.push(message);
		this.#timer ??= clock.after(acknowledgementTimeout, () => this.#checkOldest());
	}

	#checkOldest(): void {
		const { clock, acknowledgementTimeout, channel } = this.#options;
		this.#timer = undefined;
		const oldest = this.#inFlight.peek();
		if (oldest === undefined) return;
		const since = Math.max(oldest.sentAt, channel.unreadUntil ?? 0);
		const left = since + acknowledgementTimeout - clock.monotonic();
		if (left > 0) this.#timer = clock.after(left, () => this.#checkOldest());
		else channel.overwhelmed('The client did not acknowledge a message in time.');
	}

	#fault({ topic, topicBytes, payload }: Outbound): EdgeError | undefined {
		if (!isTopicName(topic)) {
			return new EdgeError('EDGE_PUBLICATION_INVALID', 'The topic is not one of MQTT.');
		}
		const size = payload.byteLength + topicBytes;
		if (size <= this.#options.maxPacketBytes) return undefined;
		return new EdgeError('EDGE_PUBLICATION_INVALID', `A message of ${size} bytes is too large.`);
	}
}

function gone(message: string): EdgeError {
	return new EdgeError('EDGE_CLIENT_GONE', message);
}
