import { writeSync } from 'node:fs';
import { readConfiguration } from '../../src/edge-hub/configuration.ts';
import { Delivery } from '../../src/edge-hub/delivery/delivery.ts';
import type { Endpoint, StoredMessage } from '../../src/edge-hub/delivery/endpoint.ts';
import type { Message } from '../../src/protocol/message.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { FileMessageLog } from '../../src/storage/file-message-log.ts';

// Takes messages in and delivers them until it is killed. Standard output tells what was
// acknowledged (`+body`) and what endpoints got (`>endpoint body`), as it happens. Arguments: the
// folder, the round, and `drain` to deliver what is there without taking anything in.
const [folder = '', round = '0', mode] = process.argv.slice(2);

const endpointOf = (id: string): Endpoint => ({
	id,
	ordering: id === 'iothub' ? 'sender' : 'endpoint',
	concurrency: id === 'iothub' ? 4 : 1,
	batch: { messages: 10, bytes: 1e6 },
	ready: true,
	onReady: () => ({ [Symbol.dispose]: () => {} }),
	send: async (messages: readonly StoredMessage[]) => {
		await new Promise((resolve) => setImmediate(resolve));
		return messages.map(({ message }, index) => {
			if (index > 5) return 'retry';
			writeSync(1, `>${id} ${Buffer.from(message.body).toString().trim()}\n`);
			return 'delivered';
		});
	},
});

const configuration = readConfiguration(
	{
		schemaVersion: '1.1',
		routes: {
			up: 'FROM /messages/* INTO $upstream',
			filter: 'FROM /messages/* INTO BrokeredEndpoint("/modules/filter/inputs/in1")',
		},
		storeAndForwardConfiguration: { timeToLiveSecs: 7200 },
	},
	{ edgeDeviceId: 'edge1' },
);
if ('problems' in configuration) throw new Error('The routes are wrong.');

const log = new FileMessageLog({ folder, maxBytes: 1e9, segmentBytes: 50_000 });
const delivery = new Delivery({
	log,
	clock: { ...systemClock, after: (ms, action) => systemClock.after(ms > 500 ? 1 : ms, action) },
	logger: silentLogger,
	createEndpoint: (_sink, id) => endpointOf(id),
	poison: { setAside: () => {} },
});
await delivery.start();
delivery.configure(configuration);

async function ingest(sender: number): Promise<never> {
	for (let count = 0; ; count += 1) {
		const body = `${sender} ${round} ${count}`;
		const message: Message = {
			body: Buffer.from(body.padEnd(200)),
			properties: new Map(),
			systemProperties: new Map([['connectionDeviceId', `leaf${sender}`]]),
		};
		await delivery.ingest(message, '/messages');
		writeSync(1, `+${body}\n`);
	}
}

writeSync(1, 'started\n');
if (mode === 'drain') {
	while (log.size.records > 0) await new Promise((resolve) => setTimeout(resolve, 5));
	await delivery.stop();
} else await Promise.all(Array.from({ length: 8 }, (_, sender) => ingest(sender)));
