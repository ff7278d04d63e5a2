import { gunzipSync } from 'node:zlib';
import test from 'ava';
import { answerWith } from '../../src/edge-agent/direct-methods/agent-methods.ts';
import { parseLogLine } from '../../src/edge-agent/direct-methods/module-logs/log-line.ts';
import { itemsByModule } from '../../src/edge-agent/direct-methods/module-logs/log-request.ts';
import { parseLogTime } from '../../src/edge-agent/direct-methods/module-logs/log-time.ts';
import { getModuleLogs } from '../../src/edge-agent/direct-methods/module-logs/module-logs.ts';
import type { MethodRequest } from '../../src/protocol/direct-method.ts';
import type { JsonObject, JsonValue } from '../../src/runtime/json.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';

const lines: [line: string, level: number, timestamp: string | undefined, text: string][] = [
	['<3> 2026-02-14 16:15:35.243 -08:00 [ERR] x', 3, '2026-02-14T16:15:35.243-08:00', '[ERR] x'],
	['2026-02-14T16:15:35Z text', 6, '2026-02-14T16:15:35Z', 'text'],
	['<4> 2026-02-14 16:15:35.243 no zone', 4, undefined, '2026-02-14 16:15:35.243 no zone'],
	['plain', 6, undefined, 'plain'],
	['7 not a level', 6, undefined, '7 not a level'],
	['', 6, undefined, ''],
];

for (const [line, level, timestamp, text] of lines) {
	test(`the log line "${line}" is read`, (t) => {
		t.deepEqual(parseLogLine(line), { level, ...(timestamp ? { timestamp } : {}), text });
	});
}

const now = Date.parse('2026-03-04T00:00:00Z');
const times: [text: string, expected: number][] = [
	['90m', now - 5_400_000],
	['1h30m', now - 5_400_000],
	['1h', now - 3_600_000],
	['2 days 6 hours', now - 194_400_000],
	['1 week, 30 seconds', now - 604_830_000],
	['1772000000', 1_772_000_000_000],
	['2026-03-03T12:00:00Z', now - 43_200_000],
];

for (const [text, expected] of times) {
	test(`the time "${text}" is read`, (t) => t.is(parseLogTime(text, now), expected));
}

for (const text of ['', 'yesterday', '5 parsecs', '1h later', '-5m']) {
	test(`"${text}" is no time`, (t) => {
		t.throws(() => parseLogTime(text, now), { code: 'EDGE_METHOD_INVALID' });
	});
}

test('the first item that matches a name serves the module', (t) => {
	const items = ['^edge', 'hub', 'sens'].map((id) => ({ module: new RegExp(id, 'i'), filter: {} }));
	const found = itemsByModule(items, ['edgeHub', 'github', 'Sensor', 'other']);
	t.deepEqual(
		[...found].map(([module, item]) => [module, items.indexOf(item)]),
		[
			['edgeHub', 0],
			['github', 1],
			['Sensor', 2],
		],
	);
});

async function setUp() {
	const cluster = new MemoryCluster();
	for (const module of ['filter', 'edgeHub']) {
		const name = module.toLowerCase();
		await cluster.create({
			apiVersion: 'v1',
			kind: 'Pod',
			metadata: {
				name: `${name}-1`,
				namespace: 'edge',
				labels: { 'net.azure-devices.edge.module': name },
				annotations: { 'net.azure-devices.edge.original-moduleid': module },
			},
		});
	}
	cluster.containerLogs.set('edge/filter-1/filter', [
		'2026-03-03T10:00:00Z <6> 2026-03-03 10:00:00 +00:00 started',
		'2026-03-03T11:00:00Z <3> it failed',
		'2026-03-03T12:00:00Z it went on',
	]);
	cluster.containerLogs.set('edge/edgehub-1/edgehub', ['2026-03-03T10:00:00Z hub']);
	const answer = answerWith({
		GetModuleLogs: getModuleLogs({
			client: cluster,
			namespace: 'edge',
			hubHostName: 'h.azure-devices.net',
			deviceId: 'edge1',
			clock: new FakeClock(now),
		}),
	});
	const call = (payload: JsonValue) => {
		const request: MethodRequest = {
			name: 'getModuleLogs',
			payload,
			responseTimeoutSeconds: 30,
			connectTimeoutSeconds: 0,
		};
		return answer(request);
	};
	return { cluster, call };
}

function request(items: JsonValue, more: JsonObject = {}): JsonObject {
	return { schemaVersion: '1.0', items, ...more };
}

test('logs come as JSON unless text is asked for', async (t) => {
	const { call } = await setUp();
	const { status, payload } = await call(request({ id: '^filter' }));
	t.is(status, 200);
	const [entry] = payload as JsonObject[];
	t.is(entry?.['id'], 'filter');
	const origin = { iothub: 'h.azure-devices.net', device: 'edge1', id: 'filter', stream: 'stdout' };
	t.deepEqual(JSON.parse(String(entry?.['payload'])), [
		{ ...origin, loglevel: 6, text: 'started', timestamp: '2026-03-03T10:00:00+00:00' },
		{ ...origin, loglevel: 3, text: 'it failed' },
		{ ...origin, loglevel: 6, text: 'it went on' },
	]);
});

test('all modules at once, compressed', async (t) => {
	const { call } = await setUp();
	const { payload } = await call(
		request([{ id: 'all' }], { encoding: 'gzip', contentType: 'text' }),
	);
	const entries = payload as JsonObject[];
	t.deepEqual(
		entries.map(({ id }) => id),
		['edgeHub', 'filter'],
	);
	t.is(entries[0]?.['payload'], null);
	t.is(String(gunzipSync(Buffer.from(String(entries[0]?.['payloadBytes']), 'base64'))), 'hub\n');
});

const filters: [name: string, filter: JsonObject, expected: string][] = [
	['a level', { loglevel: 3 }, '<3> it failed\n'],
	['a pattern', { regex: 'WENT' }, 'it went on\n'],
	['an end', { until: '2026-03-03T10:30:00Z' }, '<6> 2026-03-03 10:00:00 +00:00 started\n'],
];

for (const [name, filter, expected] of filters) {
	test(`lines are chosen by ${name}`, async (t) => {
		const { call } = await setUp();
		const { payload } = await call(request({ id: 'filter', filter }, { contentType: 'text' }));
		t.is((payload as JsonObject[])[0]?.['payload'], expected);
	});
}

const faults: [name: string, payload: JsonValue][] = [
	['no items', { schemaVersion: '1.0' }],
	['no id', request({ id: '' })],
	['a pattern that cannot be read', request({ id: '(' })],
	['a tail that is no number', request({ id: 'a', filter: { tail: 'many' } })],
	['an unknown encoding', request({ id: 'a' }, { encoding: 'brotli' })],
];

for (const [name, payload] of faults) {
	test(`a request with ${name} is an error of the caller`, async (t) => {
		const { call } = await setUp();
		t.is((await call(payload)).status, 400);
	});
}

test('logs that are too large are refused with what to do', async (t) => {
	const { call, cluster } = await setUp();
	cluster.containerLogs.set('edge/filter-1/filter', Array(2000).fill('x'.repeat(100)));
	const { status, payload } = await call(request({ id: 'filter' }));
	t.is(status, 400);
	t.regex(JSON.stringify(payload), /tail/);
});
