import test from 'ava';
import fc from 'fast-check';
import {
	decodeEntry,
	decodeMessage,
	HeaderEncoder,
} from '../../../src/edge-hub/delivery/stored-form.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const entry = fc.record({
	origin: fc.record({ sender: text, output: text }),
	size: fc.nat(262_144),
	targets: fc.array(
		fc.record({
			endpoint: text,
			priority: fc.nat(2 ** 31 - 1),
			newestFirst: fc.boolean(),
			expiresAt: fc.oneof(fc.nat(), fc.constant(Number.POSITIVE_INFINITY)),
		}),
		{ minLength: 1, maxLength: 32 },
	),
});
const properties = fc.array(fc.tuple(text, fc.option(text)), { maxLength: 5 });
const systemProperties = fc.array(fc.tuple(text, text), { maxLength: 5 });
const stored = fc.record({
	message: fc
		.tuple(fc.uint8Array({ maxLength: 300 }), properties, systemProperties)
		.map(([body, own, system]) => ({
			body,
			properties: new Map(own),
			systemProperties: new Map(system),
		})),
	enqueuedAt: fc.nat(2 ** 42),
});

test('queues and endpoints read from a record what was stored in it', (t) => {
	const encoder = new HeaderEncoder();
	fc.assert(
		fc.property(entry, stored, fc.boolean(), (known, one, repeated) => {
			for (const next of repeated ? [one, { ...one, enqueuedAt: one.enqueuedAt + 1 }] : [one]) {
				const header = encoder.encode(known, next);
				t.deepEqual(decodeEntry(header), known);
				t.deepEqual(decodeMessage({ header, body: next.message.body }), next);
			}
		}),
	);
});

test('a record of another version is refused by queues and endpoints', (t) => {
	const header = Uint8Array.of(1, 0, 0);
	t.throws(() => decodeEntry(header), { code: 'EDGE_STORAGE_VERSION' });
	t.throws(() => decodeMessage({ header, body: header }), { code: 'EDGE_STORAGE_VERSION' });
});
