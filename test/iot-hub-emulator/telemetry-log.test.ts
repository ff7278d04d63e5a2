import test from 'ava';
import fc from 'fast-check';
import {
	type NewTelemetryEvent,
	type TelemetryEvent,
	telemetryDocument,
} from '../../src/iot-hub-emulator/telemetry/telemetry-event.ts';
import { TelemetryLog } from '../../src/iot-hub-emulator/telemetry/telemetry-log.ts';
import {
	decodeRecord,
	encodeRecord,
	summaryOf,
} from '../../src/iot-hub-emulator/telemetry/telemetry-record.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { MemoryMessageLog } from '../../src/storage/memory-message-log.ts';

function event(body: string, enqueuedTime = 0): NewTelemetryEvent {
	return {
		enqueuedTime,
		identity: { deviceId: 'dev1' },
		systemProperties: {},
		properties: {},
		body: Buffer.from(body),
	};
}

async function bodies(events: AsyncIterable<TelemetryEvent>, count = 1000): Promise<string[]> {
	const found: string[] = [];
	for await (const { body } of events) {
		found.push(Buffer.from(body).toString());
		if (found.length === count) break;
	}
	return found;
}

async function logWith(texts: readonly string[], retention = { maxEvents: 100, maxBytes: 1e6 }) {
	const log = new TelemetryLog(new MemoryMessageLog(), retention, silentLogger);
	await log.open();
	for (const text of texts) await log.append(event(text));
	return log;
}

test('reads from any sequence number, the first one by default', async (t) => {
	const log = await logWith(['a', 'b', 'c']);
	t.deepEqual(await bodies(log.read()), ['a', 'b', 'c']);
	t.deepEqual(await bodies(log.read(1)), ['b', 'c']);
	t.deepEqual(await bodies(log.read(3)), []);
	t.is(log.nextSequenceNumber, 3);
});

test('keeps so many events and so many bytes, the newest', async (t) => {
	const many = Array.from({ length: 30 }, (_, n) => `event ${n}`);
	const byCount = await logWith(many, { maxEvents: 3, maxBytes: 1e6 });
	t.deepEqual(await bodies(byCount.read()), many.slice(-3));
	t.deepEqual(await bodies(byCount.read(5)), many.slice(-3), 'what is gone is passed over');

	const { body } = encodeRecord(event('event 29'));
	const bySize = await logWith(many, { maxEvents: 100, maxBytes: body.length * 4 });
	t.deepEqual(await bodies(bySize.read()), many.slice(-4));
	const tooLarge = await logWith(['x'.repeat(100)], { maxEvents: 100, maxBytes: 10 });
	t.is(tooLarge.size.events, 1, 'the newest one always stays');
});

test('an opened log goes on where the earlier one ended, retention applied', async (t) => {
	const file = new MemoryMessageLog();
	const first = new TelemetryLog(file, { maxEvents: 100, maxBytes: 1e6 }, silentLogger);
	await first.open();
	for (const text of ['a', 'b', 'c']) await first.append(event(text, 1234));
	const second = new TelemetryLog(file, { maxEvents: 2, maxBytes: 1e6 }, silentLogger);
	await second.open();
	t.is(await second.append(event('d')), 3);
	t.deepEqual(await bodies(second.read()), ['c', 'd']);
	for await (const { enqueuedTime, sequenceNumber } of second.read(2)) {
		if (sequenceNumber === 2) t.is(enqueuedTime, 1234);
	}
});

test('following gives what is there, then what comes, until it is told to stop', async (t) => {
	const log = await logWith(['a', 'b']);
	const stop = new AbortController();
	const followed = bodies(log.follow(1, stop.signal));
	await log.append(event('c'));
	await Promise.all([log.append(event('d')), log.append(event('e'))]);
	const heard: string[] = [];
	const subscription = log.subscribe(3, ({ body }) => heard.push(Buffer.from(body).toString()));
	await log.append(event('f'));
	await new Promise((resolve) => setImmediate(resolve));
	subscription[Symbol.dispose]();
	await log.append(event('g'));
	await new Promise((resolve) => setImmediate(resolve));
	stop.abort();
	t.deepEqual(await followed, ['b', 'c', 'd', 'e', 'f', 'g']);
	t.deepEqual(heard, ['d', 'e', 'f']);
});

test('a listener that throws ends its own subscription only', async (t) => {
	const log = await logWith(['a', 'b']);
	let calls = 0;
	log.subscribe(0, () => {
		calls += 1;
		throw new Error('no');
	});
	t.deepEqual(await bodies(log.follow(0, new AbortController().signal), 2), ['a', 'b']);
	t.is(calls, 1);
});

test('a record gives back the event it was made from', (t) => {
	const texts = fc.dictionary(fc.string(), fc.string());
	const id = fc.stringMatching(/^[A-Za-z0-9$%#-]{1,20}$/);
	const identity = fc.record({ deviceId: id, moduleId: id }, { requiredKeys: ['deviceId'] });
	fc.assert(
		fc.property(
			identity,
			texts,
			texts,
			fc.uint8Array(),
			fc.integer({ min: 0 }),
			(who, systemProperties, properties, body, enqueuedTime) => {
				const made = { enqueuedTime, identity: who, systemProperties, properties, body };
				const record = encodeRecord(made);
				const decoded = decodeRecord(summaryOf(7, record.header), record.body);
				t.deepEqual(
					{ ...decoded, body: new Uint8Array(decoded.body) },
					{
						...made,
						identity: { ...who },
						systemProperties: { ...systemProperties },
						properties: { ...properties },
						body: new Uint8Array(body),
						sequenceNumber: 7,
					},
				);
			},
		),
		{ numRuns: 50 },
	);
});

test('a body is shown as JSON where it is JSON, in base64 where it is not', (t) => {
	const cases: [Uint8Array, object][] = [
		[Buffer.from('{"a":[1,null]}'), { body: { a: [1, null] } }],
		[Buffer.from('12'), { body: 12 }],
		[Buffer.from('"ä"'), { body: 'ä' }],
		[Buffer.from('plain'), { bodyBase64: 'cGxhaW4=' }],
		[Buffer.from([0xff, 0x31]), { bodyBase64: '/zE=' }],
		[new Uint8Array(0), { bodyBase64: '' }],
	];
	for (const [body, expected] of cases) {
		const document = telemetryDocument({ ...event('', 0), body, sequenceNumber: 4 });
		t.deepEqual(document, {
			sequenceNumber: 4,
			enqueuedTimeUtc: '1970-01-01T00:00:00.000Z',
			deviceId: 'dev1',
			moduleId: null,
			systemProperties: {},
			properties: {},
			...expected,
		} as never);
	}
});
