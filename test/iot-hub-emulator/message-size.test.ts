import test from 'ava';
import { meteredSize, requireMessageSize } from '../../src/iot-hub-emulator/message-size.ts';

const message = (size: number, properties: [string, string | null][] = []) => ({
	body: new Uint8Array(size),
	properties: new Map(properties),
	systemProperties: new Map<string, string>(),
});

test('a message counts its body, its properties, and of system properties the values', (t) => {
	t.is(meteredSize(message(3)), 3);
	t.is(
		meteredSize({
			...message(3, [
				['ab', 'c'],
				['d', null],
				['e', 'ö'],
			]),
			systemProperties: new Map([['messageId', 'm1']]),
		}),
		3 + 3 + 1 + 3 + 2,
	);
});

test('what is too large is refused, what just fits is not, alone or in a batch', (t) => {
	t.is(requireMessageSize([message(262_144)]), 262_144);
	t.is(requireMessageSize([message(262_000), message(142, [['a', 'b']])]), 262_144);
	const refused = { code: 'MessageTooLarge' as const, status: 413 };
	t.like(
		t.throws(() => requireMessageSize([message(262_143, [['a', 'b']])])),
		refused,
	);
	t.like(
		t.throws(() => requireMessageSize([message(262_000), message(145)])),
		refused,
	);
	t.like(
		t.throws(() => requireMessageSize([message(11)], 10)),
		refused,
	);
});
