import test from 'ava';
import fc from 'fast-check';
import {
	type EventPosition,
	parseEventPosition,
} from '../../src/iot-hub-emulator/event-hubs/event-position.ts';
import {
	partitionCount,
	partitionOf,
} from '../../src/iot-hub-emulator/telemetry/event-partition.ts';
import {
	decodeRecord,
	encodeRecord,
	summaryOf,
} from '../../src/iot-hub-emulator/telemetry/telemetry-record.ts';

const positions: [selector: unknown, position: EventPosition | undefined][] = [
	[undefined, { kind: 'sequence-number', from: 0 }],
	["amqp.annotation.x-opt-offset > '-1'", { kind: 'sequence-number', from: 0 }],
	["amqp.annotation.x-opt-offset > '7'", { kind: 'sequence-number', from: 8 }],
	["amqp.annotation.x-opt-offset >= '7'", { kind: 'sequence-number', from: 7 }],
	["amqp.annotation.x-opt-sequence-number > '7'", { kind: 'sequence-number', from: 8 }],
	["amqp.annotation.x-opt-sequence-number >= '7'", { kind: 'sequence-number', from: 7 }],
	["amqp.annotation.x-opt-offset > '@latest'", { kind: 'latest' }],
	[
		'amqp.annotation.x-opt-enqueuedtimeutc > 1700000000000',
		{ kind: 'enqueued-time', afterMs: 1_700_000_000_000 },
	],
	[
		"amqp.annotation.x-opt-enqueued-time > '1700000000000'",
		{ kind: 'enqueued-time', afterMs: 1_700_000_000_000 },
	],
	["amqp.annotation.x-opt-offset > 'seven'", undefined],
	["amqp.annotation.x-opt-publisher > '7'", undefined],
	["amqp.annotation.x-opt-offset < '7'", undefined],
	[7, undefined],
];

for (const [selector, position] of positions) {
	test(`a reader with the filter ${String(selector)}`, (t) => {
		t.deepEqual(parseEventPosition(selector), position);
	});
}

test('a device has one partition, and devices are spread', (t) => {
	const counts = new Array<number>(partitionCount).fill(0);
	for (let n = 0; n < 1000; n += 1) {
		const partition = partitionOf(`device-${n}`);
		t.is(partitionOf(`device-${n}`), partition);
		counts[partition] = (counts[partition] ?? 0) + 1;
	}
	for (const count of counts) t.true(count > 150, String(counts));
});

test('a stored event is read back as it was, in its partition', (t) => {
	fc.assert(
		fc.property(
			fc.string({ minLength: 1 }).filter((id) => !id.includes('/')),
			fc.dictionary(fc.string(), fc.string()),
			fc.uint8Array(),
			fc.integer({ min: 0, max: 2 ** 45 }),
			(deviceId, properties, body, enqueuedTime) => {
				const event = {
					enqueuedTime,
					identity: { deviceId },
					systemProperties: {},
					properties,
					body,
				};
				const record = encodeRecord(event);
				const summary = summaryOf(5, record.header);
				t.is(summary.partition, partitionOf(deviceId));
				t.is(summary.enqueuedTime, enqueuedTime);
				const { body: read, ...rest } = decodeRecord(summary, record.body);
				t.deepEqual(Uint8Array.from(read), Uint8Array.from(body));
				t.is(JSON.stringify(rest.properties), JSON.stringify(properties));
				t.is(rest.sequenceNumber, 5);
			},
		),
		{ numRuns: 50 },
	);
	t.is(
		summaryOf(
			1,
			encodeRecord({
				enqueuedTime: 1,
				identity: { deviceId: 'dev2' },
				systemProperties: {},
				properties: {},
				body: new Uint8Array(),
			}).header.subarray(0, 12),
		).partition,
		0,
		'records of the first version',
	);
});
