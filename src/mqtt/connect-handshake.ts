import { randomUUID } from 'node:crypto';
import type { IConnectPacket } from 'mqtt-packet';
import type { Timer } from '../runtime/clock.ts';
import { EdgeError, messageOf } from '../runtime/edge-error.ts';
import type { Logger } from '../runtime/logger.ts';
import type { ClientConnection } from './client-connection.ts';
import type { ConnectRequest, ConnectReturnCode, Peer } from './mqtt-server.ts';
import type { ReceivedPacket } from './packet-decoder.ts';
import type { PacketStream, PacketStreamListener } from './packet-stream.ts';

/** What the handshake asks of its server. */
export interface HandshakeServer {
	readonly logger: Logger;
	authenticate(request: ConnectRequest): Promise<ConnectReturnCode>;
	/** Resolves when nobody holds the place of a client any more whose packets wait. */
	vacate(request: ConnectRequest): Promise<void>;
	/** Accepts an authenticated client; undefined when the server is full or stopping. */
	establish(request: ConnectRequest, stream: PacketStream): ClientConnection | undefined;
	/** The stream has ended. */
	ended(): void;
}

/** A connection until its CONNECT is accepted; afterwards it hands everything to the client's connection. */
export class ConnectHandshake implements PacketStreamListener {
	readonly #peer: Peer;
	readonly #server: HandshakeServer;
	#stream: PacketStream | undefined;
	#timer: Timer | undefined;
	#connection: ClientConnection | undefined;
	#over = false;

	constructor(peer: Peer, server: HandshakeServer) {
		this.#peer = peer;
		this.#server = server;
	}

	/** @param timer closes the connection when CONNECT does not come */
	begin(stream: PacketStream, timer: Timer): void {
		this.#stream = stream;
		this.#timer = timer;
	}

	/** Ends the connection, whatever has become of it. */
	close(): void {
		if (this.#connection !== undefined) this.#connection.closeQuietly();
		else this.#end();
	}

	packet(packet: ReceivedPacket): Promise<void> | undefined {
		if (this.#connection !== undefined) return this.#connection.packet(packet);
		this.#timer?.[Symbol.dispose]();
		if (packet.cmd === 'connect') return this.#connect(packet);
		this.#refuseSilently('The first packet is not CONNECT.'); // [MQTT-3.1.0-1]
		return undefined;
	}

	failed(error: unknown): void {
		if (this.#connection !== undefined) {
			this.#connection.failed(error);
		} else if (error instanceof EdgeError && error.code === 'EDGE_PROTOCOL_LEVEL') {
			this.#refuse(1, error.message); // [MQTT-3.1.2-2]
		} else {
			this.#refuseSilently(messageOf(error));
		}
	}

	drained(): void {
		this.#connection?.drained();
	}

	lastPackets(): boolean {
		this.#connection?.lastPackets();
		return this.#connection !== undefined;
	}

	ended(): void {
		this.#over = true;
		this.#timer?.[Symbol.dispose]();
		this.#connection?.ended();
		this.#server.ended();
	}

	async #connect(packet: IConnectPacket): Promise<void> {
		// A client without an identifier cannot have a session [MQTT-3.1.3-7], [MQTT-3.1.3-8].
		if (packet.clientId === '' && !packet.clean) return this.#refuse(2, 'The client id is empty.');
		const request = requestOf(packet, this.#peer);
		const code = await this.#authenticate(request);
		if (code === 0) await this.#server.vacate(request);
		if (this.#over || this.#stream === undefined) return;
		if (code !== 0) return this.#refuse(code, 'The client was refused.', request.clientId);
		this.#connection = this.#server.establish(request, this.#stream);
		if (this.#connection === undefined) this.#refuse(3, 'The server is full.', request.clientId);
	}

	async #authenticate(request: ConnectRequest): Promise<ConnectReturnCode> {
		try {
			return await this.#server.authenticate(request);
		} catch (error) {
			this.#server.logger.error('authentication failed with an internal error', {
				client: request.clientId,
				reason: messageOf(error),
			});
			return 3;
		}
	}

	/** A CONNACK with a reason, then the end [MQTT-3.2.2-4], [MQTT-3.2.2-5]. */
	#refuse(returnCode: ConnectReturnCode, reason: string, client?: string): void {
		const { remoteAddress } = this.#peer;
		this.#server.logger.info('refused a client', { client, remoteAddress, returnCode, reason });
		this.#stream?.send({ cmd: 'connack', returnCode, sessionPresent: false });
		this.#end();
	}

	#refuseSilently(reason: string): void {
		const { remoteAddress } = this.#peer;
		this.#server.logger.info('closed a connection before CONNECT', { remoteAddress, reason });
		this.#end();
	}

	#end(): void {
		this.#over = true;
		this.#timer?.[Symbol.dispose]();
		this.#stream?.end();
	}
}

function requestOf(packet: IConnectPacket, peer: Peer): ConnectRequest {
	const { will, username, password } = packet;
	return {
		// [MQTT-3.1.3-6]
		clientId: packet.clientId === '' ? `auto-${randomUUID()}` : packet.clientId,
		cleanSession: packet.clean ?? false,
		keepAlive: packet.keepalive ?? 0,
		...(username === undefined ? {} : { userName: username }),
		...(password === undefined ? {} : { password: password.toString() }),
		...(will === undefined ? {} : { will: willOf(will) }),
		...peer,
	};
}

function willOf(will: NonNullable<IConnectPacket['will']>): NonNullable<ConnectRequest['will']> {
	const payload = typeof will.payload === 'string' ? Buffer.from(will.payload) : will.payload;
	const qos = will.qos === 1 ? 1 : 0;
	return { topic: will.topic, payload, qos, ...(will.retain ? { retain: true } : {}) };
}
