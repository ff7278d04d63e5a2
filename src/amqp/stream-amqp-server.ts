import type { Duplex } from 'node:stream';
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
		const socket = new FrameSocket(stream, peer, {
			maxFrameBytes,
			maxUnsentBytes,
			clock,
			ended: () => {
				connection.end();
				this.#open.delete(socket);
				resolve();
			},
		});
		this.#open.set(socket, promise);
		connection.begin(socket);
	}

	async stop(): Promise<void> {
		this.#stopping = true;
		for (const socket of this.#open.keys()) socket.destroy();
		await Promise.all(this.#open.values());
	}
}
