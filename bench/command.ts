import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Argument, Command, InvalidArgumentError } from 'commander';
import { knownBrokers } from './broker/broker.ts';
import { measureGrowth } from './growth.ts';
import { measureMemory } from './memory.ts';
import { measureRoutes } from './routes.ts';
import { measureLatency, measureThroughput } from './throughput.ts';

interface Options {
	readonly seconds: number;
	readonly brokers?: readonly string[];
	readonly messages: number;
	readonly folder: string;
}

const sections = {
	throughput: 'Messages through brokers, as fast as they go',
	latency: 'Messages through brokers, 1,000 a second',
	routes: 'Conditions of routes, on one core',
	memory: 'Memory of agent and edge hub, idle with ten modules',
	growth: 'Memory of the edge hub while messages pass through it',
} as const;

type Section = keyof typeof sections;

function positive(text: string): number {
	const value = Number(text);
	if (Number.isSafeInteger(value) && value > 0) return value;
	throw new InvalidArgumentError('It must be a positive integer.');
}

/** Ten million messages take ten minutes: they are measured on request only. */
function sectionsOf(names: readonly string[]): Section[] {
	const known = Object.keys(sections) as Section[];
	return known.filter((name) => (names.length === 0 ? name !== 'growth' : names.includes(name)));
}

const command = new Command('npm run bench --')
	.description(
		'Measures the edge hub beside mosquitto, where it is installed, and aedes.\n' +
			'Without an argument everything but growth.',
	)
	.addArgument(new Argument('[sections...]', 'what to measure').choices(Object.keys(sections)))
	.option('--seconds <count>', 'of each measurement', positive, 3)
	.option('--brokers <words...>', 'only those whose name has one of these words')
	.option('--messages <count>', 'for growth', positive, 10_000_000)
	.option('--folder <path>', 'on the disk that is to be measured', tmpdir());

command.parse();
const options = command.opts<Options>();
const print = (line: string) => console.log(line);
const folder = await mkdtemp(join(options.folder, 'iotedge-k8s-bench-'));
const brokers = knownBrokers().filter(
	({ name }) => options.brokers?.some((word) => name.includes(word)) ?? true,
);
const shared = { brokers, folder, seconds: options.seconds, print };
const measure: Readonly<Record<Section, () => void | Promise<void>>> = {
	throughput: () => measureThroughput(shared),
	latency: () => measureLatency(shared),
	routes: () => measureRoutes(print),
	memory: () => measureMemory(folder, print),
	growth: () => measureGrowth(folder, options.messages, print),
};
try {
	for (const section of sectionsOf(command.args)) {
		print(`\n${sections[section]}\n`);
		await measure[section]();
	}
} finally {
	await rm(folder, { recursive: true });
}
