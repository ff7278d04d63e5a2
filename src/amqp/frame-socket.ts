import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Clock } from '../runtime/clock.ts';
import type { AmqpPeer } from './amqp-server.ts';
import { FrameBoundary } from './frame-boundary.ts';

/** Milliseconds that a peer has to end a connection that this side has ended. */
const endTimeout = 5_000;

export interface FrameSocketOptions {
	readonly maxFrameBytes: number;
	readonly maxUnsentBytes: number;
	readonly clock: Clock;
	/** The stream is gone. */
	readonly ended: () => void;
}

/** What the AMQP library sees of a stream: a socket, with bounds on what passes through it. */
export class FrameSocket extends EventEmitter {
	/** The library offers SASL EXTERNAL to who has shown a certificate. */
	readonly encrypted: boolean;
	readonly authorized: boolean;
	readonly #stream: Duplex;
	readonly #peer: AmqpPeer;
	readonly #options: FrameSocketOptions;
	readonly #pending: Uint8Array[] = [];

	constructor(stream: Duplex, peer: AmqpPeer, options: FrameSocketOptions) {
		super();
		this.#stream = stream;
		this.#peer = peer;
		this.#options = options;
		this.encrypted = peer.clientCertificate !== undefined;
		this.authorized = this.encrypted;
	}

	/** Lets bytes flow; to be called when somebody listens. */
	begin(): void {
		const boundary = new FrameBoundary(this.#options.maxFrameBytes);
		this.#stream.on('data', (chunk: Buffer) => {
			if (boundary.passes(chunk)) this.emit('data', chunk);
			else this.#stream.destroy();
		});
		this.#stream.on('end', () => this.#stream.end());
		this.#stream.on('error', () => this.#stream.destroy());
		this.#stream.once('close', () => {
			this.emit('end');
			this.#options.ended();
		});
	}

	/**
	 * Bytes leave when the library is done with its turn, so that an answer cannot come before, and
	 * frame by frame: rhea, which SDKs use too, mixes up the outcomes of messages that come at once.
	 */
	write(bytes: Uint8Array): void {
		if (this.#pending.length === 0) process.nextTick(() => this.#flush());
		this.#pending.push(bytes);
	}

	end(): void {
		this.#flush();
		if (this.#stream.destroyed || this.#stream.writableEnded) return;
		this.#stream.end();
		const timer = this.#options.clock.after(endTimeout, () => this.#stream.destroy());
		this.#stream.once('close', () => timer[Symbol.dispose]());
	}

	#flush(): void {
		for (const bytes of this.#pending.splice(0)) {
			if (this.#stream.destroyed || this.#stream.writableEnded) return;
			this.#stream.write(bytes);
		}
		if (this.#stream.writableLength > this.#options.maxUnsentBytes) this.#stream.destroy();
	}

	destroy(): void {
		this.#stream.destroy();
	}

	/** How the library names the connection in its own log. */
	get_id_string(): string {
		return this.#peer.remoteAddress;
	}
}
