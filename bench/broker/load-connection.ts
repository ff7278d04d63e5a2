import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import mqttPacket from 'mqtt-packet';
import { identityKey } from '../../src/protocol/identity.ts';
import { hubHostName, moduleOf, tokenOf } from '../../test/support/hub-world.ts';

/** First byte of a PUBLISH of QoS 1, whether or not it is sent again; of a PUBACK; of a CONNACK. */
const publishByte = 0x32;
const publishMask = 0xf6;
const acknowledgementByte = 0x40;
const acceptedByte = 0x20;

/** What is called for packets. Buffers are valid during the call only. */
export interface LoadListener {
	/** A message of QoS 1; its payload lies in the buffer. */
	published?(packetId: number, buffer: Buffer, payloadStart: number): void;
	/** So many messages are acknowledged by one read of the socket. */
	acknowledged?(count: number): void;
}

/**
 * A client of an MQTT broker over TLS that knows only what a load needs, so that it costs a fraction
 * of what the broker does: packets are copied from a template, those of one turn of the event loop
 * leave together, and what comes is read where it lies.
 */
export class LoadConnection {
	readonly #socket: TLSSocket;
	readonly #accepted = Promise.withResolvers<void>();
	#listener: LoadListener = {};
	#rest: Buffer | undefined;
	#closing = false;

	private constructor(socket: TLSSocket) {
		this.#socket = socket;
	}

	/**
	 * @param broker its port on this machine, and the PEM of its authority
	 * @param listener is called from the first packet on: a session may have messages that wait
	 */
	static async open(
		broker: { readonly port: number; readonly authority: string },
		moduleId: string,
		listener: LoadListener,
	): Promise<LoadConnection> {
		const socket = connect({ port: broker.port, host: 'localhost', ca: broker.authority });
		socket.setNoDelay(true);
		await once(socket, 'secureConnect');
		const key = identityKey(moduleOf(moduleId));
		const connection = new LoadConnection(socket);
		socket.on('data', (chunk) => connection.#received(chunk));
		socket.on('close', () => {
			if (!connection.#closing) throw new Error(`The connection of ${moduleId} was closed.`);
		});
		const connectPacket = mqttPacket.generate({
			cmd: 'connect',
			protocolId: 'MQTT',
			protocolVersion: 4,
			clientId: key,
			clean: false,
			keepalive: 60,
			username: `${hubHostName}/${key}/?api-version=2021-04-12`,
			password: Buffer.from(tokenOf(moduleOf(moduleId))),
		});
		connection.#listener = listener;
		connection.write(connectPacket);
		await connection.#accepted.promise;
		return connection;
	}

	/** Before the first message comes. */
	subscribe(packetId: number, topic: string): void {
		const subscriptions = [{ topic, qos: 1 }] as const;
		this.write(
			mqttPacket.generate({
				cmd: 'subscribe',
				messageId: packetId,
				subscriptions: [...subscriptions],
			}),
		);
	}

	write(bytes: Buffer): void {
		this.#socket.write(bytes);
	}

	close(): void {
		this.#closing = true;
		this.#socket.destroy();
	}

	#received(chunk: Buffer): void {
		const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
		let acknowledged = 0;
		let start = 0;
		for (;;) {
			const size = packetSize(bytes, start);
			if (size === undefined || start + size > bytes.length) break;
			if (bytes[start] === acknowledgementByte) acknowledged += 1;
			else if (((bytes[start] ?? 0) & publishMask) === publishByte) this.#published(bytes, start);
			else if (bytes[start] === acceptedByte) this.#accepted.resolve();
			start += size;
		}
		this.#rest = start < bytes.length ? bytes.subarray(start) : undefined;
		if (acknowledged > 0) this.#listener.acknowledged?.(acknowledged);
	}

	#published(bytes: Buffer, start: number): void {
		let topic = start + 2;
		while ((bytes[topic - 1] ?? 0) >= 0x80) topic += 1;
		const id = topic + 2 + bytes.readUInt16BE(topic);
		this.#listener.published?.(bytes.readUInt16BE(id), bytes, id + 2);
	}
}

/** Size of the packet that begins there; undefined where that cannot be told yet. */
function packetSize(bytes: Buffer, start: number): number | undefined {
	let length = 0;
	for (let index = 1; index <= 4; index += 1) {
		const byte = bytes[start + index];
		if (byte === undefined) return undefined;
		length += (byte & 0x7f) * 128 ** (index - 1);
		if (byte < 0x80) return 1 + index + length;
	}
	return undefined;
}
