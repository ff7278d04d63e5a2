import test from 'ava';
import fc from 'fast-check';
import { PacketFramer } from '../../src/mqtt/packet-framer.ts';

function drain(framer: PacketFramer): Buffer[] {
	const packets: Buffer[] = [];
	for (let next = framer.next(); next !== undefined; next = framer.next()) packets.push(next);
	return packets;
}

function frame(size: number): Buffer {
	const header = [0x30];
	let rest = size;
	do {
		header.push((rest % 128) | (rest >= 128 ? 0x80 : 0));
		rest = Math.floor(rest / 128);
	} while (rest > 0);
	return Buffer.concat([Buffer.from(header), Buffer.alloc(size, size % 256)]);
}

test('packets come out whole however the stream is cut', (t) => {
	fc.assert(
		fc.property(
			fc.array(fc.nat({ max: 3000 }), { minLength: 1, maxLength: 8 }),
			fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1 }),
			(sizes, cuts) => {
				const packets = sizes.map(frame);
				const stream = Buffer.concat(packets);
				const framer = new PacketFramer(10_000);
				const out: Buffer[] = [];
				for (let at = 0, turn = 0; at < stream.length; turn += 1) {
					const end = at + (cuts[turn % cuts.length] ?? 1);
					framer.push(Buffer.from(stream.subarray(at, end)));
					out.push(...drain(framer));
					at = end;
				}
				t.deepEqual(out, packets);
				t.is(framer.pendingBytes, 0);
			},
		),
	);
});

test('a packet larger than the limit is refused before its body comes', (t) => {
	const framer = new PacketFramer(1000);
	framer.push(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]));
	t.throws(() => framer.next(), { code: 'EDGE_PACKET_MALFORMED' });
});

test('the limit counts the fixed header', (t) => {
	const framer = new PacketFramer(102);
	framer.push(frame(100));
	t.is(framer.next()?.length, 102);
	framer.push(frame(101));
	t.throws(() => framer.next(), { code: 'EDGE_PACKET_MALFORMED' });
});

test('a remaining length of five bytes is refused [MQTT-2.2.3]', (t) => {
	const framer = new PacketFramer(1000);
	framer.push(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x01]));
	t.throws(() => framer.next(), { code: 'EDGE_PACKET_MALFORMED' });
});

test('a packet that was handed out does not change when more bytes come', (t) => {
	const framer = new PacketFramer(1000);
	framer.push(frame(10).subarray(0, 5));
	framer.push(frame(10).subarray(5));
	const first = framer.next();
	const copy = Buffer.from(first ?? []);
	framer.push(frame(200).subarray(0, 50));
	framer.push(frame(200).subarray(50));
	framer.next();
	t.deepEqual(first, copy);
});
