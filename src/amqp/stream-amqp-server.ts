import type { Duplex } from 'node:stream';
import { messageOf } from '../runtime/edge-error.ts';
import type { AmqpPeer, AmqpServer } from './amqp-server.ts';
import { FrameSocket } from './frame-socket.ts';
import { PeerConnection, type PeerConnectionOptions } from './peer-connection.ts';

/** The AMQP server: its connections. The protocol itself is the work of `rhea`. */
export class StreamAmqpServer implements AmqpServer {
	readonly #options: PeerConnectionOptions;
	readonly #open = new Map<FrameSocket, Promise<void>>();
	#stopping = false;

	constructor(options: PeerConnectionOptions) {
		this.#options = options;
	}

	accept(stream: Duplex, peer: AmqpPeer): void {
		const { limits, clock } = this.#options;
		if (this.#stopping || this.#open.size >= limits.maxConnections) {
			stream.on('error', () => {});
			stream.destroy();
			return;
		}
		const { promise, resolve } = Promise.withResolvers<void>();
		const connection = new PeerConnection(peer, this.#options);
		const { maxFrameBytes, maxUnsentBytes } = limits;
		const ended = () => {
			connection.end();
			this.#open.delete(socket);
			resolve();
		};
		const socket = new FrameSocket(stream, peer, { maxFrameBytes, maxUnsentBytes, clock, ended });
		this.#open.set(socket, promise);
		void this.#admit(stream, peer).then(() => {
			if (stream.destroyed) ended();
			else connection.begin(socket);
		});
	}

	/** A stream that breaks meanwhile is found destroyed. */
	async #admit(stream: Duplex, peer: AmqpPeer): Promise<void> {
		const { handler, logger } = this.#options;
		if (handler.connecting === undefined) return;
		stream.on('error', () => stream.destroy());
		await handler.connecting(peer).catch((error: unknown) => {
			logger.error('a peer could not be looked into', { reason: messageOf(error) });
		});
	}

	async stop(): Promise<void> {
		this.#stopping = true;
		for (const socket of this.#open.keys()) socket.destroy();
		await Promise.all(this.#open.values());
	}
}
