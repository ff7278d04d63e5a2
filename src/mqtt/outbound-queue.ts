import type { Clock, Timer } from '../runtime/clock.ts';
import { EdgeError } from '../runtime/edge-error.ts';
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

/** Messages to one client: in order, no faster than it reads, at most so many unacknowledged. */
export class OutboundQueue {
	readonly #options: OutboundQueueOptions;
	readonly #waiting: Queued[] = [];
	readonly #inFlight = new Map<number, Queued & { readonly timer: Timer }>();
	/** Identifiers whose acknowledgement did not come in time; it may still come [MQTT-2.3.1-4]. */
	readonly #late = new Set<number>();
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
			const next = this.#waiting[0];
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
		this.#late.delete(packetId);
		const entry = this.#inFlight.get(packetId);
		if (entry === undefined) return;
		this.#inFlight.delete(packetId);
		entry.timer[Symbol.dispose]();
		entry.resolve();
		this.pump();
	}

	/** Fails everything that waits. */
	close(): void {
		this.#closed = true;
		const open = [...this.#inFlight.values(), ...this.#waiting.splice(0)];
		for (const { timer } of this.#inFlight.values()) timer[Symbol.dispose]();
		this.#inFlight.clear();
		for (const { reject } of open) reject(gone('The connection of the client has ended.'));
	}

	#sendTracked(entry: Queued): void {
		const { channel, clock, acknowledgementTimeout } = this.#options;
		const id = this.#freeId();
		const timer = clock.after(acknowledgementTimeout, () => this.#expire(id));
		this.#inFlight.set(id, { ...entry, timer });
		channel.send(entry.publication, 1, id);
	}

	/** A non-zero identifier that no unacknowledged message uses [MQTT-2.3.1-1], [MQTT-2.3.1-2]. */
	#freeId(): number {
		do {
			this.#lastId = (this.#lastId % maxPacketId) + 1;
		} while (this.#inFlight.has(this.#lastId) || this.#late.has(this.#lastId));
		return this.#lastId;
	}

	#expire(packetId: number): void {
		const entry = this.#inFlight.get(packetId);
		this.#inFlight.delete(packetId);
		this.#late.add(packetId);
		entry?.reject(gone('The client did not acknowledge the message in time.'));
		if (this.#late.size > this.#options.maxInFlight) {
			this.#options.channel.overwhelmed('The client does not acknowledge messages.');
		} else this.pump();
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
