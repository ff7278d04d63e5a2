import { formatTable } from '../src/cli/table.ts';
import { type Broker, type KnownBroker, stopBroker } from './broker/broker.ts';
import { putLoad } from './broker/load.ts';

/** Publishers, and messages of each that are under way at once. */
const loads = [
	{ publishers: 1, window: 1 },
	{ publishers: 1, window: 64 },
	{ publishers: 4, window: 32 },
	{ publishers: 64, window: 8 },
];
const sizes = [256, 1024];
const headings = ['broker', 'bytes', 'publishers', 'in flight', 'messages/s', 'p50 ms', 'p99 ms'];

export interface ThroughputOptions {
	readonly brokers: readonly KnownBroker[];
	/** For what brokers write. */
	readonly folder: string;
	/** Seconds of each measurement, after one second to warm up. */
	readonly seconds: number;
	readonly print: (line: string) => void;
}

/**
 * Messages of QoS 1 from modules to a module through a broker, over TLS, as fast as they go: the edge
 * hub as it runs in production, each message on disk before it is acknowledged, and others beside it.
 * `hub ×` is the hub's rate by the other's. The processor time of a message is what other work on the
 * machine disturbs least; `load` is the load's own part of a processor.
 */
export async function measureThroughput(options: ThroughputOptions): Promise<void> {
	const ofHub = new Map<string, number>();
	const rows: string[][] = [];
	for (const known of options.brokers) {
		await withBroker(known, options.folder, async (broker) => {
			for (const load of sizes.flatMap((bytes) => loads.map((each) => ({ ...each, bytes })))) {
				const result = await putLoad(broker, { ...load, ...times(options) });
				const key = JSON.stringify(load);
				if (known.name === 'edge hub') ofHub.set(key, result.perSecond);
				const ratio = (ofHub.get(key) ?? Number.NaN) / result.perSecond;
				const { bytes, publishers, window } = load;
				rows.push([
					...[broker.name, String(bytes), String(publishers), String(window)],
					...[result.perSecond.toFixed(0), result.p50.toFixed(2), result.p99.toFixed(2)],
					...[result.used.toFixed(1), ratio.toFixed(2), result.busy.toFixed(2)],
				]);
			}
		});
	}
	const more = ['cpu µs/message', 'hub ×', 'load'];
	for (const line of formatTable([...headings, ...more], rows)) options.print(line);
}

/** How long messages take from the publisher to the subscriber at 1,000 messages a second. */
export async function measureLatency(options: ThroughputOptions): Promise<void> {
	const rows: string[][] = [];
	for (const known of options.brokers) {
		await withBroker(known, options.folder, async (broker) => {
			for (const bytes of sizes) {
				const load = { publishers: 4, window: 1_000, rate: 1_000, bytes, ...times(options) };
				const { perSecond, p50, p99, used } = await putLoad(broker, load);
				rows.push([
					...[broker.name, String(bytes), perSecond.toFixed(0)],
					...[p50.toFixed(2), p99.toFixed(2), used.toFixed(1)],
				]);
			}
		});
	}
	const columns = ['broker', 'bytes', 'messages/s', 'p50 ms', 'p99 ms', 'cpu µs/message'];
	for (const line of formatTable(columns, rows)) options.print(line);
}

function times({ seconds }: ThroughputOptions) {
	return { warmUpMs: 1_000, ms: seconds * 1_000 };
}

async function withBroker(
	known: KnownBroker,
	folder: string,
	use: (broker: Broker) => Promise<void>,
): Promise<void> {
	const broker = await known.start(folder);
	try {
		await use(broker);
	} finally {
		await stopBroker(broker);
	}
}
