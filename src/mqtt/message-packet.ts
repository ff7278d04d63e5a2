import { EdgeError } from '../runtime/edge-error.ts';
import { behindFixedHeader } from './packet-framer.ts';
import { isTopicName } from './topic-filter.ts';

// PUBLISH and PUBACK are nearly all that travels, thousands a second. They are read and written here,
// field by field; `mqtt-packet` does the same for every packet, at several times the cost.

/** Packet types, the upper half of the first byte. */
export const publishType = 3;
export const acknowledgementType = 4;

const duplicateFlag = 0x08;
const retainFlag = 0x01;
const acknowledgementBytes = 4;

/** PUBLISH as a client has sent it. */
export interface ReceivedPublish {
	readonly cmd: 'publish';
	readonly topic: string;
	readonly payload: Buffer;
	readonly qos: 0 | 1 | 2;
	readonly dup: boolean;
	readonly retain: boolean;
	/** Of QoS 1 and 2, never 0. */
	readonly messageId: number | undefined;
}

export interface ReceivedAcknowledgement {
	readonly cmd: 'puback';
	readonly messageId: number;
}

/** PUBLISH to a client. */
export interface OutgoingPublish {
	readonly topic: string;
	readonly topicBytes: number;
	readonly payload: Uint8Array;
	/** Of QoS 1; absent for QoS 0. */
	readonly packetId: number | undefined;
	/** Whether the client may have had the message already; counts for QoS 1 only [MQTT-3.3.1-2]. */
	readonly duplicate: boolean;
}

/** Reads PUBLISH packets of one client, which mostly repeats the topic of its last one. */
export class PublishReader {
	#topicBytes: Buffer | undefined;
	#topic = '';

	/**
	 * @param packet whole, fixed header included. The payload is a part of it.
	 * @throws EdgeError EDGE_PACKET_MALFORMED
	 */
	read(packet: Buffer): ReceivedPublish {
		const first = packet[0] ?? 0;
		const qos = (first >> 1) & 3;
		const dup = (first & duplicateFlag) !== 0;
		if (qos === 3) throw malformed('The QoS is 3.'); // [MQTT-3.3.1-4]
		if (qos === 0 && dup) throw malformed('DUP is set on a QoS 0 message.'); // [MQTT-3.3.1-2]
		const start = behindFixedHeader(packet) + 2;
		const end = start + word(packet, start - 2);
		const topic = this.#readTopic(packet, start, end);
		const messageId = qos === 0 ? undefined : packetId(packet, end);
		const payload = packet.subarray(qos === 0 ? end : end + 2);
		const retain = (first & retainFlag) !== 0;
		return { cmd: 'publish', topic, payload, qos: qos as 0 | 1 | 2, dup, retain, messageId };
	}

	#readTopic(packet: Buffer, start: number, end: number): string {
		const known = this.#topicBytes;
		const length = end - start;
		if (end > packet.length) throw malformed('The topic is longer than its packet.');
		if (length === known?.length && packet.compare(known, 0, length, start, end) === 0) {
			return this.#topic;
		}
		const bytes = Buffer.from(packet.subarray(start, end));
		const topic = bytes.toString();
		// Ill-formed UTF-8 is read as U+FFFD: then the topic's own encoding is not what came [MQTT-1.5.3-1].
		if (topic.includes('\ufffd') && !bytes.equals(Buffer.from(topic))) {
			throw malformed('The topic is not well-formed UTF-8.');
		}
		if (!isTopicName(topic)) throw malformed('The topic cannot be published to.');
		this.#topicBytes = bytes;
		this.#topic = topic;
		return topic;
	}
}

/** @throws EdgeError EDGE_PACKET_MALFORMED */
export function readAcknowledgement(packet: Buffer): ReceivedAcknowledgement {
	// [MQTT-2.2.2-2]
	if (packet[0] !== acknowledgementType << 4) throw malformed('PUBACK has a reserved flag.');
	if (packet.length !== acknowledgementBytes) throw malformed('PUBACK has another length than 2.');
	return { cmd: 'puback', messageId: word(packet, 2) };
}

/** Bytes of a PUBLISH. */
export function publishLength(message: OutgoingPublish): number {
	const rest = remainingLength(message);
	return 1 + lengthBytes(rest) + rest;
}

/** Writes a PUBLISH. @returns the position behind it */
export function writePublish(target: Buffer, start: number, message: OutgoingPublish): number {
	const { topic, topicBytes, payload, packetId: id, duplicate } = message;
	const flags = id === undefined ? 0 : duplicate ? 2 | duplicateFlag : 2;
	target[start] = (publishType << 4) | flags;
	let at = start + 1;
	let rest = remainingLength(message);
	for (; rest >= 0x80; rest = Math.floor(rest / 128)) target[at++] = (rest % 128) | 0x80;
	target[at++] = rest;
	at = writeWord(target, at, topicBytes);
	target.write(topic, at);
	at += topicBytes;
	if (id !== undefined) at = writeWord(target, at, id);
	target.set(payload, at);
	return at + payload.byteLength;
}

/** Writes a PUBACK. @returns the position behind it */
export function writeAcknowledgement(target: Buffer, start: number, id: number): number {
	target[start] = acknowledgementType << 4;
	target[start + 1] = 2;
	return writeWord(target, start + 2, id);
}

function remainingLength({ topicBytes, payload, packetId: id }: OutgoingPublish): number {
	return 2 + topicBytes + (id === undefined ? 0 : 2) + payload.byteLength;
}

function lengthBytes(length: number): number {
	if (length < 0x80) return 1;
	if (length < 0x4000) return 2;
	return length < 0x20_0000 ? 3 : 4;
}

/** [MQTT-2.3.1-1] */
function packetId(packet: Buffer, at: number): number {
	const id = word(packet, at);
	if (id === 0) throw malformed('The packet identifier is 0.');
	return id;
}

function word(packet: Buffer, at: number): number {
	if (at + 2 > packet.length) throw malformed('The packet is too short.');
	return ((packet[at] ?? 0) << 8) | (packet[at + 1] ?? 0);
}

function writeWord(target: Buffer, at: number, value: number): number {
	target[at] = value >> 8;
	target[at + 1] = value & 0xff;
	return at + 2;
}

function malformed(message: string): EdgeError {
	return new EdgeError('EDGE_PACKET_MALFORMED', message);
}
