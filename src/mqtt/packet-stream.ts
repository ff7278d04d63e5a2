import type { Duplex } from 'node:stream';
import { generate, type Packet } from 'mqtt-packet';
import type { Clock, Timer } from '../runtime/clock.ts';
import { PacketDecoder } from './packet-decoder.ts';

/** Milliseconds that a peer has to read our last packet and close its side. */
const lingerTime = 2_000;

/** What the owner of a packet stream is told. */
export interface PacketStreamListener {
	/** A packet. Nothing more is read until a returned promise settles. It never rejects. */
	packet(packet: Packet): Promise<void> | undefined;
	/** The peer broke the protocol (an EdgeError), or `packet` threw. */
	failed(error: unknown): void;
	/** The peer reads again after `needsDrain`. */
	drained(): void;
	/** The stream has ended, whoever ended it. */
	ended(): void;
}

/** MQTT packets over a byte stream: one at a time, with back-pressure both ways. */
export class PacketStream {
	readonly #stream: Duplex;
	readonly #decoder: PacketDecoder;
	readonly #clock: Clock;
	readonly #listener: PacketStreamListener;
	#waiting = false;
	#closing = false;
	#corked = false;
	#linger: Timer | undefined;

	constructor(
		stream: Duplex,
		listener: PacketStreamListener,
		options: { readonly maxPacketBytes: number; readonly clock: Clock },
	) {
		this.#stream = stream;
		this.#listener = listener;
		this.#decoder = new PacketDecoder(options.maxPacketBytes);
		this.#clock = options.clock;
	}

	start(): void {
		this.#stream.on('data', (chunk: Buffer) => this.#received(chunk));
		this.#stream.on('drain', () => this.#listener.drained());
		this.#stream.on('error', () => this.#stream.destroy());
		this.#stream.on('end', () => this.#stream.end());
		this.#stream.once('close', () => {
			this.#closing = true;
			this.#linger?.[Symbol.dispose]();
			this.#listener.ended();
		});
	}

	/** Whether reading has stopped until the owner is done with a packet. */
	get waiting(): boolean {
		return this.#waiting;
	}

	/** Whether the peer reads more slowly than we write. */
	get needsDrain(): boolean {
		return this.#stream.writableNeedDrain;
	}

	/** Writes a packet. Packets of one turn of the event loop leave in one piece. */
	send(packet: Packet): void {
		if (this.#closing || !this.#stream.writable) return;
		if (!this.#corked) {
			this.#corked = true;
			this.#stream.cork();
			process.nextTick(() => {
				this.#corked = false;
				this.#stream.uncork();
			});
		}
		this.#stream.write(generate(packet));
	}

	/**
	 * Ends the stream after what was sent. What the peer still sends is read and dropped: closing
	 * with unread bytes would reset the connection, and the peer would lose our last packet.
	 */
	end(): void {
		if (this.#closing) return;
		this.#closing = true;
		this.#stream.end();
		this.#stream.resume();
		this.#linger = this.#clock.after(lingerTime, () => this.#stream.destroy());
	}

	#received(chunk: Buffer): void {
		if (this.#closing) return;
		this.#decoder.push(chunk);
		this.#dispatch();
	}

	#dispatch(): void {
		try {
			while (!this.#waiting && !this.#closing) {
				const packet = this.#decoder.next();
				if (packet === undefined) return;
				const done = this.#listener.packet(packet);
				if (done !== undefined) this.#wait(done);
			}
		} catch (error) {
			this.#listener.failed(error);
		}
	}

	#wait(done: Promise<void>): void {
		this.#waiting = true;
		this.#stream.pause();
		void done.then(() => {
			this.#waiting = false;
			if (!this.#closing) this.#stream.resume();
			this.#dispatch();
		});
	}
}
