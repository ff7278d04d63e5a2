import { once } from 'node:events';
import { formatTable } from '../src/cli/table.ts';
import { type Broker, startHub, stopBroker } from './broker/broker.ts';
import { putLoad } from './broker/load.ts';

/** Seconds between two looks at the memory. */
const seconds = 15;

/** The memory of the hub while so many messages pass through it, as fast as they go. */
export async function measureGrowth(
	folder: string,
	messages: number,
	print: (line: string) => void,
): Promise<void> {
	const broker = await startHub(folder);
	const rows: string[][] = [];
	try {
		for (let passed = 0; passed < messages; ) {
			const load = { publishers: 16, window: 32, bytes: 256, warmUpMs: 0, ms: seconds * 1_000 };
			const result = await putLoad(broker, load);
			passed += result.messages;
			const { rss, heapUsed, external } = await memoryOf(broker);
			const cells = [passed / 1e6, rss / 1e6, heapUsed / 1e6, external / 1e6];
			rows.push(cells.map((cell) => cell.toFixed(1)));
			print(`${(passed / 1e6).toFixed(1)} million messages, ${(rss / 1e6).toFixed(0)} MB`);
		}
	} finally {
		await stopBroker(broker);
	}
	const columns = ['million messages', 'RSS MB', 'heap MB', 'external MB'];
	for (const line of formatTable(columns, rows)) print(line);
}

/** After a collection of garbage. */
async function memoryOf(broker: Broker): Promise<NodeJS.MemoryUsage> {
	broker.process.send('memory');
	const [usage] = await once(broker.process, 'message');
	return usage as NodeJS.MemoryUsage;
}
