import test from 'ava';
import fc from 'fast-check';
import { generate, type IPublishPacket, parser } from 'mqtt-packet';
import {
	PublishReader,
	publishLength,
	readAcknowledgement,
	writeAcknowledgement,
	writePublish,
} from '../../src/mqtt/message-packet.ts';

const topic = fc
	.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
	.filter((text) => !/[+#\0]/.test(text));
const payload = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));
const packetId = fc.integer({ min: 1, max: 65_535 });
const publish = fc
	.record({ topic, payload, messageId: packetId, retain: fc.boolean(), dup: fc.boolean() })
	.chain((fields) =>
		fc.constantFrom<IPublishPacket>(
			{ ...fields, cmd: 'publish', qos: 1 },
			{
				cmd: 'publish',
				qos: 0,
				topic: fields.topic,
				payload: fields.payload,
				retain: false,
				dup: false,
			},
		),
	);

test('a PUBLISH is read as mqtt-packet reads it, whatever came before', (t) => {
	const reader = new PublishReader();
	fc.assert(
		fc.property(fc.array(publish, { maxLength: 4 }), fc.boolean(), (packets, twice) => {
			for (const packet of twice ? [...packets, ...packets] : packets) {
				const read = reader.read(generate(packet));
				t.is(read.topic, packet.topic);
				t.deepEqual(read.payload, packet.payload as Buffer);
				t.like(read, { qos: packet.qos, retain: packet.retain, dup: packet.dup });
				t.is(read.messageId, packet.messageId);
			}
		}),
	);
});

test('a PUBLISH is written as mqtt-packet writes it', (t) => {
	fc.assert(
		fc.property(topic, payload, fc.option(packetId), fc.boolean(), (name, bytes, id, duplicate) => {
			const message = {
				topic: name,
				topicBytes: Buffer.byteLength(name),
				payload: bytes,
				packetId: id ?? undefined,
				duplicate,
			};
			const written = Buffer.alloc(publishLength(message) + 2, 0xff);
			t.is(writePublish(written, 1, message), written.length - 1);
			const expected = generate({
				cmd: 'publish',
				topic: name,
				payload: bytes,
				qos: id === null ? 0 : 1,
				retain: false,
				dup: id !== null && duplicate,
				...(id === null ? {} : { messageId: id }),
			});
			t.deepEqual(written.subarray(1, -1), expected);
			t.deepEqual([written[0], written.at(-1)], [0xff, 0xff]);
		}),
	);
});

test('the length of a large PUBLISH takes as many bytes as it needs', (t) => {
	for (const bytes of [100, 127, 128, 16_383, 16_384, 262_144, 2_097_152]) {
		const message = {
			topic: 'a',
			topicBytes: 1,
			payload: Buffer.alloc(bytes, 7),
			packetId: 9,
			duplicate: false,
		};
		const written = Buffer.alloc(publishLength(message));
		t.is(writePublish(written, 0, message), written.length);
		const reader = parser({ protocolVersion: 4 });
		reader.on('packet', (packet) => t.like(packet, { topic: 'a', messageId: 9 }));
		t.is(reader.parse(written), 0);
		t.is(new PublishReader().read(written).payload.length, bytes);
	}
});

test('a PUBACK comes back as it was written', (t) => {
	fc.assert(
		fc.property(packetId, (id) => {
			const bytes = Buffer.alloc(4);
			t.is(writeAcknowledgement(bytes, 0, id), 4);
			t.deepEqual(bytes, generate({ cmd: 'puback', messageId: id }));
			t.is(readAcknowledgement(bytes).messageId, id);
		}),
	);
});

const refused: readonly [title: string, bytes: readonly number[]][] = [
	['QoS 3 [MQTT-3.3.1-4]', [0x36, 5, 0, 1, 0x61, 0, 1]],
	['DUP with QoS 0 [MQTT-3.3.1-2]', [0x38, 3, 0, 1, 0x61]],
	['no topic', [0x30, 0]],
	['a topic that goes on behind the packet', [0x30, 3, 0, 2, 0x61]],
	['ill-formed UTF-8 [MQTT-1.5.3-1]', [0x30, 4, 0, 2, 0xc3, 0x28]],
	['an overlong form of a character [MQTT-1.5.3-1]', [0x30, 4, 0, 2, 0xc0, 0xaf]],
	['U+0000 [MQTT-1.5.3-2]', [0x30, 3, 0, 1, 0]],
	['packet identifier 0 [MQTT-2.3.1-1]', [0x32, 5, 0, 1, 0x61, 0, 0]],
	['no packet identifier', [0x32, 4, 0, 1, 0x61, 0]],
];

for (const [title, bytes] of refused) {
	test(`a PUBLISH is refused: ${title}`, (t) => {
		t.throws(() => new PublishReader().read(Buffer.from(bytes)), { code: 'EDGE_PACKET_MALFORMED' });
	});
}

test('a replacement character that was sent as such is no ill-formed UTF-8', (t) => {
	const packet = generate({
		cmd: 'publish',
		topic: 'a\ufffd',
		payload: 'x',
		qos: 0,
		retain: false,
		dup: false,
	});
	t.is(new PublishReader().read(packet).topic, 'a\ufffd');
});

test('a PUBACK is refused with a reserved flag [MQTT-2.2.2-2], or a length that is not its own', (t) => {
	for (const bytes of [
		[0x42, 2, 0, 1],
		[0x40, 1, 0],
		[0x40, 3, 0, 1, 0],
	]) {
		t.throws(() => readAcknowledgement(Buffer.from(bytes)), { code: 'EDGE_PACKET_MALFORMED' });
	}
});
