import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { parseArgs } from 'node:util';
import { EventHubConsumerClient, earliestEventPosition } from '@azure/event-hubs';

// Simulated devices send through an edge hub to the IoT Hub emulator, and the official reader of events
// counts what arrives: every message that was acknowledged is there, and the memory of hub and emulator
// has stopped growing. Three processes, each a command of the product: `test-bed up`, `simulate`, this.

const { values } = parseArgs({
	options: {
		devices: { type: 'string', default: '500' },
		rate: { type: 'string', default: '1' },
		seconds: { type: 'string', default: '300' },
		/** Straight to the emulator. */
		direct: { type: 'boolean', default: false },
	},
});

const main = join(import.meta.dirname, '../src/cli/main.ts');
const folder = await mkdtemp(join(tmpdir(), 'iotedge-k8s-soak-'));
const sampleEvery = 5_000;
/** Growth of memory from the middle third of the run to the last one that is still no growth. */
const allowedGrowth = 1.1;

interface TestBed {
	readonly hubConnectionString: string;
	readonly hubCaFile: string;
	readonly eventHubConnectionString: string;
	readonly gatewayHostName: string;
	readonly gatewayCaFile: string;
	readonly deviceId: string;
	readonly pid: number;
}

function run(...words: readonly string[]): ChildProcess {
	return spawn(process.execPath, [main, ...words, '--output', 'json'], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
}

async function* jsonLines(child: ChildProcess) {
	if (child.stdout === null) throw new Error('The process has no output.');
	for await (const line of createInterface(child.stdout)) yield JSON.parse(line);
}

async function firstOf(child: ChildProcess): Promise<TestBed> {
	for await (const document of jsonLines(child)) return document;
	throw new Error('The test bed has not started.');
}

/** Counts what the hub has received, each message once. */
function countEvents({ eventHubConnectionString }: TestBed) {
	const consumer = new EventHubConsumerClient(
		EventHubConsumerClient.defaultConsumerGroupName,
		eventHubConnectionString,
	);
	const seen = new Map<string, Set<number>>();
	const counts = { events: 0, distinct: 0 };
	const subscription = consumer.subscribe(
		{
			processEvents: async (events) => {
				for (const { body } of events) {
					const { device, n } = body as { device: string; n: number };
					const numbers = seen.get(device) ?? new Set();
					seen.set(device, numbers);
					counts.events += 1;
					if (!numbers.has(n)) counts.distinct += 1;
					numbers.add(n);
				}
			},
			processError: async (error) => console.error(`reader: ${error.message}`),
		},
		{ startPosition: earliestEventPosition, maxBatchSize: 500 },
	);
	const close = async () => {
		await subscription.close();
		await consumer.close();
	};
	return { counts, close };
}

/** Resident memory of a process in MiB. */
async function memoryOf(pid: number): Promise<number> {
	const status = await readFile(`/proc/${pid}/status`, 'utf8');
	return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

function median(numbers: readonly number[]): number {
	return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

async function startFleet(bed: TestBed): Promise<ChildProcess> {
	const fleet = {
		id: `device-\${index}`,
		count: Number(values.devices),
		rate: Number(values.rate),
		payload: { device: `\${deviceId}`, n: `\${sequence}`, celsius: `\${random(20,30)}` },
	};
	const file = join(folder, 'fleet.json');
	await writeFile(file, JSON.stringify({ fleets: [fleet] }));
	const gateway = ['--gateway', bed.gatewayHostName, '--gateway-ca', bed.gatewayCaFile];
	return run(
		...['simulate', file, '--duration', `${values.seconds}s`],
		...['--connection-string', bed.hubConnectionString, '--ca', bed.hubCaFile],
		...(values.direct ? [] : [...gateway, '--parent', bed.deviceId]),
	);
}

const testBed = run('test-bed', 'up', '--state', folder);
let fleet: ChildProcess | undefined;
try {
	const bed = await firstOf(testBed);
	// The reader of events has no option for it.
	setDefaultCACertificates([
		...getCACertificates('default'),
		await readFile(bed.hubCaFile, 'utf8'),
	]);
	const { counts, close } = countEvents(bed);
	fleet = await startFleet(bed);
	const memory: number[] = [];
	let summary = { acknowledged: 0, sent: 0, failed: 0, unconnected: 0 };
	let nextSample = 0;
	for await (const { event, elapsed, ...found } of jsonLines(fleet)) {
		if (event === 'summary') summary = found;
		if (elapsed < nextSample) continue;
		nextSample = elapsed + sampleEvery;
		memory.push(await memoryOf(bed.pid));
		const seconds = String(Math.round(elapsed / 1000)).padStart(4);
		const { sent, acknowledged } = found;
		const line = `sent ${sent}, acknowledged ${acknowledged}, read ${counts.distinct}`;
		console.log(`${seconds} s  ${line}, ${memory.at(-1)?.toFixed(0)} MiB`);
	}
	for (let tries = 0; tries < 300 && counts.distinct < summary.acknowledged; tries += 1) {
		await sleep(100);
	}
	await close();
	const third = Math.floor(memory.length / 3);
	const middle = median(memory.slice(third, 2 * third));
	const last = median(memory.slice(-third));
	const equal =
		summary.unconnected === 0 &&
		summary.sent === summary.acknowledged &&
		summary.sent === counts.distinct;
	const flat = last <= middle * allowedGrowth;
	const { sent, acknowledged, failed, unconnected } = summary;
	const { events, distinct } = counts;
	console.table({
		sent,
		acknowledged,
		failed,
		unconnected,
		read: distinct,
		repeated: events - distinct,
	});
	console.log(
		`memory of hubs: ${middle.toFixed(0)} MiB in the middle, ${last.toFixed(0)} at the end`,
	);
	console.log(
		`${equal ? 'counts equal' : 'COUNTS DIFFER'}, ${flat ? 'memory flat' : 'MEMORY GROWS'}`,
	);
	process.exitCode = equal && flat ? 0 : 1;
} finally {
	fleet?.kill();
	testBed.kill('SIGTERM');
	if (testBed.exitCode === null) await once(testBed, 'exit');
	await rm(folder, { recursive: true, force: true });
}
