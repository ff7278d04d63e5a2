import type { Duplex } from 'node:stream';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { ClientConnection } from './client-connection.ts';
import { ConnectHandshake } from './connect-handshake.ts';
import type {
	ConnectRequest,
	MqttConnection,
	MqttServer,
	MqttServerHandler,
	MqttServerLimits,
	Peer,
	SessionStore,
} from './mqtt-server.ts';
import { PacketStream } from './packet-stream.ts';
import { type SessionShare, SharedSessions } from './shared-session.ts';

/** Streams that may be open without being a client: before CONNECT, or about to close. */
const maxStrangers = 256;

export interface StreamMqttServerOptions {
	readonly handler: MqttServerHandler;
	readonly sessions: SessionStore;
	readonly limits: MqttServerLimits;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** The MQTT server: connections, their places and their sessions. */
export class StreamMqttServer implements MqttServer {
	readonly #options: StreamMqttServerOptions;
	readonly #sessions: SharedSessions;
	readonly #connections = new Map<string, ClientConnection>();
	/** Every open stream, accepted as a client or not. */
	readonly #open = new Map<ConnectHandshake, Promise<void>>();
	#stopping = false;

	constructor(options: StreamMqttServerOptions) {
		this.#options = options;
		this.#sessions = new SharedSessions(options.sessions);
	}

	get connections(): ReadonlyMap<string, MqttConnection> {
		return this.#connections;
	}

	accept(stream: Duplex, peer: Peer): void {
		const { limits, clock, handler, logger } = this.#options;
		if (this.#stopping || this.#open.size - this.#connections.size >= maxStrangers) {
			stream.on('error', () => {});
			stream.destroy();
			return;
		}
		const { promise, resolve } = Promise.withResolvers<void>();
		const handshake = new ConnectHandshake(peer, {
			logger,
			authenticate: (request) => handler.authenticate(request),
			vacate: (request) => this.#vacate(this.#placeOf(request)),
			establish: (request, packets) => this.#establish(request, packets),
			ended: () => {
				this.#open.delete(handshake);
				resolve();
			},
		});
		const packets = new PacketStream(stream, handshake, { ...limits, clock });
		this.#open.set(handshake, promise);
		handshake.begin(
			packets,
			clock.after(limits.connectTimeout, () => handshake.close()),
		);
		packets.start();
	}

	async stop(): Promise<void> {
		this.#stopping = true;
		for (const handshake of this.#open.keys()) handshake.close();
		await Promise.all(this.#open.values());
	}

	#establish(request: ConnectRequest, stream: PacketStream): ClientConnection | undefined {
		const { limits } = this.#options;
		const place = this.#placeOf(request);
		const previous = this.#connections.get(place);
		const full = previous === undefined && this.#connections.size >= limits.maxConnections;
		if (this.#stopping || full) return undefined;
		previous?.close(); // [MQTT-3.1.4-2]
		const session = this.#sessions.enter(request);
		const connection = this.#connection(request, stream, place, session);
		this.#connections.set(place, connection);
		connection.open(session.present); // [MQTT-3.2.2-1], [MQTT-3.2.2-2], [MQTT-3.2.2-3]
		return connection;
	}

	/** What a client sent before it came again goes before what it sends now, and is not lost. */
	async #vacate(place: string): Promise<void> {
		const previous = this.#connections.get(place);
		await previous?.readOut();
		previous?.close(); // [MQTT-3.1.4-2]
	}

	#placeOf(request: ConnectRequest): string {
		return this.#options.handler.placeOf?.(request) ?? request.clientId;
	}

	#connection(
		request: ConnectRequest,
		stream: PacketStream,
		place: string,
		session: SessionShare,
	): ClientConnection {
		const { handler, limits, clock, logger } = this.#options;
		const connection: ClientConnection = new ClientConnection({
			request,
			stream,
			subscriptions: session.subscriptions,
			handler,
			limits,
			clock,
			logger,
			changed: () => session.changed(),
			ended: () => {
				session.end();
				if (this.#connections.get(place) === connection) this.#connections.delete(place);
			},
		});
		return connection;
	}
}
