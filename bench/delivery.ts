import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfiguration } from '../src/edge-hub/configuration.ts';
import { Delivery } from '../src/edge-hub/delivery/delivery.ts';
import type { Endpoint } from '../src/edge-hub/delivery/endpoint.ts';
import type { Message } from '../src/protocol/message.ts';
import { systemClock } from '../src/runtime/clock.ts';
import { silentLogger } from '../src/runtime/logger.ts';
import { FileMessageLog } from '../src/storage/file-message-log.ts';

// How many messages a second are taken in durably (real files, real fdatasync) and delivered to two
// endpoints that answer at once; then how fast a backlog is read from disk after a restart.

const seconds = 3;
const backlog = 100_000;

const configuration = readConfiguration(
	{
		schemaVersion: '1.1',
		routes: {
			filter: 'FROM /messages/modules/sensor/* INTO BrokeredEndpoint("/modules/filter/inputs/in1")',
			alert: "FROM /messages/* WHERE temperatureAlert = 'true' INTO $upstream",
		},
		storeAndForwardConfiguration: { timeToLiveSecs: 7200 },
	},
	{ edgeDeviceId: 'edge1' },
);
if ('problems' in configuration) throw new Error(JSON.stringify(configuration.problems));

let delivered = 0;

function endpointOf(id: string, ready: boolean): Endpoint {
	return {
		id,
		ordering: id === 'iothub' ? 'sender' : 'endpoint',
		concurrency: id === 'iothub' ? 10 : 1,
		batch: { messages: 100, bytes: 1_048_576 },
		ready,
		onReady: () => ({ [Symbol.dispose]: () => {} }),
		send: async (messages) => {
			delivered += messages.length;
			return messages.map(() => 'delivered');
		},
	};
}

async function open(folder: string, ready: boolean): Promise<Delivery> {
	const delivery = new Delivery({
		log: new FileMessageLog({ folder, maxBytes: 20e9 }),
		clock: systemClock,
		logger: silentLogger,
		createEndpoint: (_sink, id) => endpointOf(id, ready),
		poison: { setAside: () => {} },
	});
	await delivery.start();
	if (!('problems' in configuration)) delivery.configure(configuration);
	return delivery;
}

function message(bytes: number): Message {
	return {
		body: Buffer.alloc(bytes, 0x20),
		properties: new Map([['temperatureAlert', 'true']]),
		systemProperties: new Map([
			['connectionDeviceId', 'edge1'],
			['connectionModuleId', 'sensor'],
			['outputName', 'temperatureOutput'],
		]),
	};
}

const source = '/messages/modules/sensor/outputs/temperatureOutput';

/** Messages a second, taken in and delivered, with so many senders that wait for each answer. */
async function throughput(folder: string, senders: number, bytes: number) {
	const delivery = await open(folder, true);
	delivered = 0;
	let ingested = 0;
	const start = systemClock.monotonic();
	const elapsed = () => (systemClock.monotonic() - start) / 1000;
	const send = async () => {
		while (elapsed() < seconds) {
			await delivery.ingest(message(bytes), source);
			ingested += 1;
		}
	};
	await Promise.all(Array.from({ length: senders }, send));
	const rate = (count: number) => Math.round(count / elapsed());
	const row = { senders, bytes, 'ingested/s': rate(ingested), 'delivered/s': rate(delivered) };
	await delivery.stop();
	return row;
}

/** Seconds to reopen a log with a backlog, and messages a second read from it. */
async function drain(folder: string) {
	const full = await open(folder, false);
	const one = message(1000);
	await Promise.all(Array.from({ length: backlog }, () => full.ingest(one, source)));
	await full.stop();
	delivered = 0;
	const start = systemClock.monotonic();
	const delivery = await open(folder, true);
	const opened = (systemClock.monotonic() - start) / 1000;
	while (delivered < 2 * backlog) await new Promise((resolve) => setImmediate(resolve));
	const drained = (systemClock.monotonic() - start) / 1000 - opened;
	await delivery.stop();
	return {
		backlog,
		'open seconds': opened.toFixed(2),
		'delivered/s': Math.round((2 * backlog) / drained),
	};
}

const folder = await mkdtemp(join(tmpdir(), 'iotedge-k8s-bench-'));
try {
	const rows: object[] = [];
	for (const [senders, bytes] of [
		[1, 1000],
		[8, 1000],
		[64, 1000],
		[256, 1000],
		[64, 64_000],
	] as const) {
		rows.push(await throughput(join(folder, `${senders}-${bytes}`), senders, bytes));
	}
	console.table(rows);
	console.table([await drain(join(folder, 'backlog'))]);
	console.table([{ 'resident MB': Math.round(process.memoryUsage.rss() / 1e6) }]);
} finally {
	await rm(folder, { recursive: true, force: true });
}
