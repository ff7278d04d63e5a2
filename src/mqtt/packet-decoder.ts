import { type IConnectPacket, type Packet, type Parser, parser } from 'mqtt-packet';
import { EdgeError } from '../runtime/edge-error.ts';
import {
	acknowledgementType,
	PublishReader,
	publishType,
	type ReceivedAcknowledgement,
	type ReceivedPublish,
	readAcknowledgement,
} from './message-packet.ts';
import { behindFixedHeader, PacketFramer } from './packet-framer.ts';
import { isTopicName } from './topic-filter.ts';

const connectType = 0x10;
const protocolLevel = 4;

/** A packet of a client. */
export type ReceivedPacket =
	| ReceivedPublish
	| ReceivedAcknowledgement
	| Exclude<Packet, { cmd: 'publish' | 'puback' }>;

/**
 * Turns the bytes of one client into MQTT 3.1.1 packets, and refuses everything that the
 * specification calls a protocol violation of the packet itself. `mqtt-packet` reads the fields of
 * all packets but those that carry messages; the framing, the limits and the rules that it leaves
 * open are here.
 */
export class PacketDecoder {
	readonly #framer: PacketFramer;
	readonly #publishes = new PublishReader();
	readonly #parser: Parser = parser({ protocolVersion: protocolLevel });
	#parsed: Packet | undefined;
	#failure: unknown;

	constructor(maxPacketBytes: number) {
		this.#framer = new PacketFramer(maxPacketBytes);
		this.#parser.on('packet', (packet) => {
			this.#parsed = packet;
		});
		this.#parser.on('error', (error) => {
			this.#failure = error;
		});
	}

	push(chunk: Buffer): void {
		this.#framer.push(chunk);
	}

	/**
	 * @throws EdgeError EDGE_PACKET_MALFORMED: the connection must be closed [MQTT-4.8.0-1];
	 * EDGE_PROTOCOL_LEVEL for a CONNECT of another MQTT version
	 */
	next(): ReceivedPacket | undefined {
		const bytes = this.#framer.next();
		if (bytes === undefined) return undefined;
		const first = bytes[0] ?? 0;
		if (first >> 4 === publishType) return this.#publishes.read(bytes);
		if (first >> 4 === acknowledgementType) return readAcknowledgement(bytes);
		if (first === connectType) assertProtocolLevel(bytes);
		const packet = this.#parse(bytes);
		assertValid(packet, bytes);
		return packet;
	}

	#parse(bytes: Buffer): Exclude<Packet, { cmd: 'publish' | 'puback' }> {
		this.#parsed = undefined;
		this.#failure = undefined;
		try {
			this.#parser.parse(bytes);
		} catch (error) {
			this.#failure = error;
		}
		if (this.#failure !== undefined || this.#parsed === undefined) {
			throw malformed('The packet cannot be read.', this.#failure);
		}
		return this.#parsed as Exclude<Packet, { cmd: 'publish' | 'puback' }>;
	}
}

/** Other levels get a CONNACK of their own [MQTT-3.1.2-2]; other protocol names get nothing [MQTT-3.1.2-1]. */
function assertProtocolLevel(bytes: Buffer): void {
	const start = behindFixedHeader(bytes);
	const nameLength = bytes.length >= start + 2 ? bytes.readUInt16BE(start) : 0;
	const end = start + 2 + nameLength;
	const name = bytes.toString('latin1', start + 2, end);
	if (name !== 'MQTT' && name !== 'MQIsdp') throw malformed('The protocol name is not MQTT.');
	const level = bytes[end];
	if (level === undefined) throw malformed('CONNECT ends before the protocol level.');
	if (name === 'MQTT' && level === protocolLevel) return;
	throw new EdgeError('EDGE_PROTOCOL_LEVEL', `Protocol level ${level} is not MQTT 3.1.1.`);
}

function assertValid(packet: ReceivedPacket, bytes: Buffer): void {
	switch (packet.cmd) {
		case 'connect':
			assertConnect(packet, bytes);
			break;
		case 'subscribe':
			assertPacketId(packet.messageId);
			assertFilters(
				packet.subscriptions.map(({ topic }) => topic),
				bytes,
			);
			break;
		case 'unsubscribe':
			assertPacketId(packet.messageId);
			assertFilters(packet.unsubscriptions, bytes);
			break;
		case 'pingreq':
		case 'disconnect':
			assertLength(bytes, 0);
			break;
		default:
	}
}

/** [MQTT-3.8.3-3], [MQTT-3.10.3-2] */
function assertFilters(filters: readonly string[], bytes: Buffer): void {
	if (filters.length === 0) throw malformed('The packet names no topic filter.');
	for (const filter of filters) assertText(filter, bytes);
}

function assertConnect(packet: IConnectPacket, bytes: Buffer): void {
	for (const text of [packet.clientId, packet.username, packet.will?.topic]) {
		if (text !== undefined) assertText(text, bytes);
	}
	assertLength(bytes, connectLength(packet));
	// [MQTT-3.1.2-22]
	if (packet.password !== undefined && packet.username === undefined) {
		throw malformed('CONNECT carries a password without a user name.');
	}
	if (packet.will === undefined) return;
	if (!isTopicName(packet.will.topic)) throw malformed('The will topic cannot be published to.');
	// [MQTT-3.1.2-14] forbids 3; QoS 2 is not offered, as in IoT Hub.
	if ((packet.will.qos ?? 0) > 1) throw malformed('The QoS of the will is not 0 or 1.');
}

/** Bytes of CONNECT behind its fixed header: protocol name and level, flags, keep-alive, then its fields. */
function connectLength({ clientId, will, username, password }: IConnectPacket): number {
	const fields = [clientId, will?.topic, will?.payload, username, password];
	return fields.reduce<number>(
		(length, field) => (field === undefined ? length : length + 2 + Buffer.byteLength(field)),
		10,
	);
}

/** The parser ignores what follows the last field. */
function assertLength(bytes: Buffer, length: number): void {
	const surplus = bytes.length - behindFixedHeader(bytes) - length;
	if (surplus !== 0) throw malformed(`The packet has ${surplus} bytes more than its fields.`);
}

/** [MQTT-2.3.1-1] */
function assertPacketId(id: number | undefined): void {
	if (id === undefined || id === 0) throw malformed('The packet identifier is 0.');
}

/** Ill-formed UTF-8 and U+0000 close the connection [MQTT-1.5.3-1], [MQTT-1.5.3-2]. */
function assertText(text: string, bytes: Buffer): void {
	if (text.includes('\0')) throw malformed('A text contains U+0000.');
	// The parser replaces ill-formed UTF-8 by U+FFFD: then the text's own encoding is not in the packet.
	if (text.includes('\ufffd') && !bytes.includes(Buffer.from(text))) {
		throw malformed('A text is not well-formed UTF-8.');
	}
}

function malformed(message: string, cause?: unknown): EdgeError {
	return new EdgeError('EDGE_PACKET_MALFORMED', message, { cause });
}
