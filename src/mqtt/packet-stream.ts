import type { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import mqttPacket, { type Packet } from 'mqtt-packet';
import type { Clock, Timer } from '../runtime/clock.ts';
import {
	type OutgoingPublish,
	publishLength,
	writeAcknowledgement,
	writePublish,
} from './message-packet.ts';
import { PacketDecoder, type ReceivedPacket } from './packet-decoder.ts';

// Else it prepares 65,536 buffers, one for every packet identifier: 7 MB.
mqttPacket.writeToStream.cacheNumbers = false;

/** Bytes of a PUBACK. */
const acknowledgementLength = 4;

/** Milliseconds that a peer has to read our last packet and close its side. */
const lingerTime = 2_000;
/** Milliseconds in which what a peer has sent is still handled when it has gone, or another takes its place. */
const lastPacketsTime = 2_000;

/** What the owner of a packet stream is told. */
export interface PacketStreamListener {
	/** A packet. Nothing more is read until a returned promise settles. It never rejects. */
	packet(packet: ReceivedPacket): Promise<void> | undefined;
	/** The peer broke the protocol (an EdgeError), or `packet` threw. */
	failed(error: unknown): void;
	/** The peer reads again after `needsDrain`. */
	drained(): void;
	/**
	 * The stream is gone, or has to make room, while packets of the peer may wait.
	 * @returns whether they are to be handled before `ended`
	 */
	lastPackets(): boolean;
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
	/** Nothing more is read or written. */
	#closing = false;
	/** The stream is gone; what has been read of it is still being handled. */
	#gone = false;
	/** Pieces that have come. */
	#chunks = 0;
	#idle: (() => void) | undefined;
	/** What leaves at the end of the turn; a number is the identifier of a PUBACK. */
	#leaving: (Buffer | OutgoingPublish | number)[] = [];
	#leavingBytes = 0;
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
		this.#stream.once('close', () => this.#lost());
	}

	/** Whether reading has stopped until the owner is done with a packet. */
	get waiting(): boolean {
		return this.#waiting;
	}

	/** Whether the peer reads more slowly than we write. */
	get needsDrain(): boolean {
		const { writableNeedDrain, writableLength, writableHighWaterMark } = this.#stream;
		return writableNeedDrain || writableLength + this.#leavingBytes >= writableHighWaterMark;
	}

	/** Writes a packet. Packets of one turn of the event loop leave in one piece. */
	send(packet: Packet): void {
		const bytes = mqttPacket.generate(packet);
		this.#leave(bytes, bytes.byteLength);
	}

	/** Writes a PUBLISH, as {@link send}. */
	sendPublish(message: OutgoingPublish): void {
		this.#leave(message, publishLength(message));
	}

	/** Writes a PUBACK, as {@link send}. */
	sendAcknowledgement(packetId: number): void {
		this.#leave(packetId, acknowledgementLength);
	}

	/**
	 * Ends the stream after what was sent. What the peer still sends is read and dropped: closing
	 * with unread bytes would reset the connection, and the peer would lose our last packet.
	 */
	end(): void {
		if (this.#closing) return;
		if (this.#gone) {
			this.#over();
			return;
		}
		this.#flush();
		this.#closing = true;
		this.#stream.end();
		this.#stream.resume();
		this.#linger = this.#clock.after(lingerTime, () => this.#stream.destroy());
	}

	/**
	 * Resolves when what the peer has sent so far has been handled, as far as that is soon. Only a peer
	 * that is not read at the moment can have sent more than has been seen.
	 */
	async readOut(): Promise<void> {
		if (!this.#waiting || this.#closing || !this.#listener.lastPackets()) return;
		let late = false;
		using _ = this.#clock.after(lastPacketsTime, () => {
			late = true;
			this.#idle?.();
		});
		for (let seen = -1; seen !== this.#chunks && !late && !this.#closing; ) {
			if (this.#waiting) await this.#untilIdle();
			seen = this.#chunks;
			// Within two turns of the event loop whatever has arrived is read.
			await turn();
			await turn();
		}
	}

	#untilIdle(): Promise<void> {
		return new Promise((resolve) => {
			this.#idle = resolve;
		});
	}

	#lost(): void {
		this.#linger?.[Symbol.dispose]();
		if (this.#closing || !this.#listener.lastPackets()) {
			this.#over();
			return;
		}
		this.#gone = true;
		this.#linger = this.#clock.after(lastPacketsTime, () => this.#over());
		for (let rest = this.#stream.read(); rest !== null; rest = this.#stream.read()) {
			this.#decoder.push(rest as Buffer);
		}
		this.#dispatch();
		this.#overWhenIdle();
	}

	/** What a peer that has gone had sent is handled. */
	#overWhenIdle(): void {
		if (this.#gone && !this.#waiting && !this.#closing) this.#over();
	}

	#over(): void {
		this.#linger?.[Symbol.dispose]();
		this.#closing = true;
		this.#idle?.();
		this.#listener.ended();
	}

	#leave(packet: Buffer | OutgoingPublish | number, length: number): void {
		if (this.#closing || !this.#stream.writable) return;
		if (this.#leaving.length === 0) process.nextTick(() => this.#flush());
		this.#leaving.push(packet);
		this.#leavingBytes += length;
	}

	#flush(): void {
		const leaving = this.#leaving;
		const length = this.#leavingBytes;
		this.#leaving = [];
		this.#leavingBytes = 0;
		if (length === 0 || this.#closing || !this.#stream.writable) return;
		const bytes = Buffer.allocUnsafe(length);
		let end = 0;
		for (const packet of leaving) {
			if (typeof packet === 'number') end = writeAcknowledgement(bytes, end, packet);
			else if (Buffer.isBuffer(packet)) end += packet.copy(bytes, end);
			else end = writePublish(bytes, end, packet);
		}
		this.#stream.write(bytes);
	}

	#received(chunk: Buffer): void {
		if (this.#closing) return;
		this.#chunks += 1;
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
			if (this.#waiting) return;
			this.#idle?.();
			this.#overWhenIdle();
		});
	}
}
