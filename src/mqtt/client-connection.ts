import type { ISubscribePacket, IUnsubscribePacket } from 'mqtt-packet';
import type { Clock } from '../runtime/clock.ts';
import { EdgeError, messageOf } from '../runtime/edge-error.ts';
import type { Logger } from '../runtime/logger.ts';
import { RateLimit } from '../runtime/rate-limit.ts';
import { InboundWindow } from './inbound-window.ts';
import { KeepAlive } from './keep-alive.ts';
import type { ReceivedPublish } from './message-packet.ts';
import type {
	ConnectRequest,
	DeliveryReceipt,
	MqttConnection,
	MqttServerHandler,
	MqttServerLimits,
	Publication,
} from './mqtt-server.ts';
import { OutboundQueue } from './outbound-queue.ts';
import type { ReceivedPacket } from './packet-decoder.ts';
import type { PacketStream } from './packet-stream.ts';
import { isTopicFilter } from './topic-filter.ts';

/** SUBACK return code of a refused subscription [MQTT-3.9.3-2]. */
const subscriptionRefused = 0x80;

/** Filters of one client: they are kept in its session, and must not grow without end. */
const maxSubscriptions = 100;

export interface ClientConnectionOptions {
	readonly request: ConnectRequest;
	readonly stream: PacketStream;
	/** What the session remembers: topic filter → granted QoS. */
	readonly subscriptions: Map<string, 0 | 1>;
	readonly handler: MqttServerHandler;
	readonly limits: MqttServerLimits;
	readonly clock: Clock;
	readonly logger: Logger;
	/** The subscriptions have changed. */
	readonly changed: () => void;
	/** The connection has ended; called before the handler hears of it. */
	readonly ended: () => void;
}

/** One accepted client: from CONNACK to the end of its connection. */
export class ClientConnection implements MqttConnection {
	readonly request: ConnectRequest;
	readonly #options: ClientConnectionOptions;
	readonly #closed = new AbortController();
	readonly #inbound: InboundWindow;
	readonly #outbound: OutboundQueue;
	/** Absent: there is no limit. */
	readonly #rate: RateLimit | undefined;
	#keepAlive: KeepAlive | undefined;
	#will: ConnectRequest['will'];

	constructor(options: ClientConnectionOptions) {
		const { request, limits, stream, clock, handler } = options;
		this.request = request;
		this.#options = options;
		this.#will = request.will;
		this.#inbound = new InboundWindow({
			max: limits.maxUnacknowledged,
			maxBytes: limits.maxUnacknowledgedBytes,
			acknowledge: (packetId) => stream.sendAcknowledgement(packetId), // [MQTT-3.3.4-1]
			failed: (error) => this.#abandon(`A message was not accepted: ${messageOf(error)}`),
		});
		const perSecond = limits.maxPublishesPerSecond;
		const held = (milliseconds: number) => handler.heldBack?.(this, milliseconds);
		const rate = perSecond > 0 ? new RateLimit({ perSecond, clock, held }) : undefined;
		this.#rate = rate;
		this.#outbound = new OutboundQueue({
			...limits,
			clock,
			channel: {
				get needsDrain() {
					return stream.needsDrain;
				},
				get unreadUntil() {
					return rate?.heldUntil;
				},
				send: (message) => stream.sendPublish(message),
				overwhelmed: (reason) => this.#abandon(reason),
			},
		});
	}

	get clientId(): string {
		return this.request.clientId;
	}

	get subscriptions(): ReadonlyMap<string, 0 | 1> {
		return this.#options.subscriptions;
	}

	get closed(): AbortSignal {
		return this.#closed.signal;
	}

	/** Accepts the client [MQTT-3.2.0-1]. */
	open(sessionPresent: boolean): void {
		const { stream, handler, clock, limits } = this.#options;
		stream.send({ cmd: 'connack', returnCode: 0, sessionPresent });
		const seconds = Math.min(this.request.keepAlive || limits.maxKeepAlive, limits.maxKeepAlive);
		this.#keepAlive = new KeepAlive(clock, seconds, {
			reading: () => !stream.waiting,
			expired: () => this.#abandon('The client was silent for longer than its keep-alive.'),
		});
		handler.connected(this);
	}

	publish(publication: Publication, qos: 0 | 1): Promise<void> {
		return new Promise((delivered, failed) =>
			this.#outbound.deliver(publication, qos, { delivered, failed }),
		);
	}

	deliver(publication: Publication, qos: 0 | 1, receipt: DeliveryReceipt): void {
		this.#outbound.deliver(publication, qos, receipt);
	}

	close(): void {
		this.ended();
		this.#options.stream.end();
	}

	/** As {@link close}, without the will. */
	closeQuietly(): void {
		this.#will = undefined;
		this.close();
	}

	/** Resolves when what the client has sent so far has been handled, as far as that is soon. */
	readOut(): Promise<void> {
		return this.#options.stream.readOut();
	}

	/** No more than what the client has sent is to come: it is not held back. */
	lastPackets(): void {
		this.#rate?.lift();
	}

	/** The peer reads again. */
	drained(): void {
		this.#outbound.pump();
	}

	/** A packet of the client, CONNECT excepted. */
	packet(packet: ReceivedPacket): Promise<void> | undefined {
		this.#keepAlive?.heard();
		switch (packet.cmd) {
			case 'publish':
				return this.#rate === undefined
					? this.#publish(packet)
					: this.#publishAtRate(packet, this.#rate);
			case 'puback':
				this.#outbound.acknowledged(packet.messageId);
				return undefined;
			case 'subscribe':
				this.#subscribe(packet);
				return undefined;
			case 'unsubscribe':
				this.#unsubscribe(packet);
				return undefined;
			case 'pingreq':
				this.#options.stream.send({ cmd: 'pingresp' }); // [MQTT-3.12.4-1]
				return undefined;
			case 'disconnect':
				this.closeQuietly(); // [MQTT-3.14.4-3]
				return undefined;
			default:
				// A second CONNECT [MQTT-3.1.0-2], packets of QoS 2, and those that only servers send.
				this.#abandon(`A client may not send ${packet.cmd} here.`);
				return undefined;
		}
	}

	/** The stream has failed or ended, or we end it. Only the first call counts. */
	ended(): void {
		if (this.#closed.signal.aborted) return;
		const { handler, ended } = this.#options;
		this.#keepAlive?.stop();
		this.#rate?.lift();
		this.#inbound.close();
		this.#outbound.close();
		this.#closed.abort();
		ended();
		this.#publishWill();
		handler.disconnected(this);
	}

	#publishAtRate(packet: ReceivedPublish, rate: RateLimit): Promise<void> | undefined {
		const turn = rate.turn();
		return turn === undefined ? this.#publish(packet) : this.#publishLater(packet, turn);
	}

	async #publishLater(packet: ReceivedPublish, turn: Promise<void>): Promise<void> {
		await turn;
		if (this.#closed.signal.aborted) return;
		try {
			await this.#publish(packet);
		} catch (error) {
			this.failed(error);
		}
	}

	#publish(packet: ReceivedPublish): Promise<void> | undefined {
		const { topic, payload, qos, retain, dup: duplicate, messageId } = packet;
		if (qos === 2) {
			this.#abandon('QoS 2 is not offered.');
			return undefined;
		}
		const flags = retain || duplicate;
		const publication = flags ? { topic, payload, retain, duplicate } : { topic, payload };
		const handled = this.#options.handler.published(this, publication, qos);
		return this.#inbound.add(payload.byteLength + topic.length, handled, messageId);
	}

	/** [MQTT-3.8.4-1], [MQTT-3.8.4-5]: one return code for each filter, in order. */
	#subscribe(packet: ISubscribePacket): void {
		const { handler, stream, subscriptions, changed } = this.#options;
		const granted: string[] = [];
		const codes = packet.subscriptions.map(({ topic, qos }) => {
			const full = subscriptions.size >= maxSubscriptions && !subscriptions.has(topic);
			const acceptable = isTopicFilter(topic) && !full;
			const code = acceptable ? handler.subscribe(this, topic, qos === 0 ? 0 : 1) : undefined;
			if (code === undefined) return subscriptionRefused;
			subscriptions.set(topic, code); // [MQTT-3.8.4-3]
			granted.push(topic);
			return code;
		});
		if (granted.length > 0) changed();
		stream.send({ cmd: 'suback', messageId: packet.messageId as number, granted: codes });
		if (granted.length > 0) handler.subscribed(this, granted);
	}

	/** [MQTT-3.10.4-4], [MQTT-3.10.4-5]: acknowledged even when nothing was subscribed. */
	#unsubscribe(packet: IUnsubscribePacket): void {
		const { handler, stream, subscriptions, changed } = this.#options;
		const removed = packet.unsubscriptions.filter((filter) => subscriptions.delete(filter));
		if (removed.length > 0) changed();
		stream.send({ cmd: 'unsuback', messageId: packet.messageId as number, granted: [] });
		if (removed.length > 0) handler.unsubscribed(this, removed);
	}

	#abandon(reason: string): void {
		if (this.#closed.signal.aborted) return;
		this.#options.logger.warn('closing the connection of a client', {
			client: this.clientId,
			reason,
		});
		this.close();
	}

	/** [MQTT-3.1.2-8], [MQTT-3.1.2-10] */
	#publishWill(): void {
		const will = this.#will;
		this.#will = undefined;
		if (will === undefined) return;
		const { topic, payload, retain, qos } = will;
		const publication = { topic, payload, ...(retain === undefined ? {} : { retain }) };
		this.#options.handler.published(this, publication, qos).catch((error: unknown) => {
			this.#options.logger.warn('the will of a client was not accepted', {
				client: this.clientId,
				reason: messageOf(error),
			});
		});
	}

	/** Ends the connection because of what the stream reported. */
	failed(error: unknown): void {
		const fault =
			error instanceof EdgeError ? error.message : `Internal error: ${messageOf(error)}`;
		this.#abandon(fault);
	}
}
