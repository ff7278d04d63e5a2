import { Command, InvalidArgumentError, Option } from 'commander';
import { formatTable } from '../../src/cli/table.ts';
import { processTerminal } from '../../src/cli/terminal.ts';
import { type FaultReport, type FaultRunOptions, runFaults } from './fault-run.ts';

function positive(text: string): number {
	const value = Number(text);
	if (Number.isSafeInteger(value) && value > 0) return value;
	throw new InvalidArgumentError('It must be a positive integer.');
}

interface Options {
	readonly kills: number;
	readonly seed?: number;
	readonly senders: number;
	readonly rate: number;
	readonly storeBytes: number;
	readonly diskBytes?: number;
	readonly longestLife: number;
	readonly output: 'text' | 'json';
}

const command = new Command('npm run faults --')
	.description(
		'Kills a real hub process under load again and again, cuts it off from IoT Hub, moves its clock,\n' +
			'fills its store, and checks that every acknowledged message arrives, in order.',
	)
	.option('--kills <count>', 'how often the hub is killed', positive, 200)
	.option('--seed <number>', 'repeats the faults of an earlier run (default: random)', positive)
	.option('--senders <count>', 'sending modules; the first uses the Azure SDK', positive, 4)
	.option('--rate <messages>', 'messages a second of each sender', positive, 100)
	.option('--store-bytes <bytes>', "the hub's MaxStoreBytes", positive, 8 * 1024 * 1024)
	.option(
		'--disk-bytes <bytes>',
		'give the hub a real disk of this size (user namespaces)',
		positive,
	)
	.option('--longest-life <ms>', 'longest time between two kills', positive, 2500)
	.addOption(new Option('-o, --output <form>').choices(['text', 'json']).default('text'))
	.addHelpText(
		'after',
		'\nExit codes: 0 all arrived in order; 1 something was lost or out of order.',
	);

async function main(): Promise<number> {
	const { output, seed, ...options } = command.parse().opts<Options>();
	const usedSeed = seed ?? 1 + Math.floor(Math.random() * 999_999_999);
	processTerminal.note(`seed ${usedSeed}\n`);
	const report = await runFaults({ ...options, seed: usedSeed, progress: showProgress(options) });
	if (output === 'json') processTerminal.write(`${JSON.stringify(report, null, '\t')}\n`);
	else processTerminal.write(`${describe(report)}\n`);
	for (const line of report.diagnosis) processTerminal.note(`${line}\n`);
	return report.passed ? 0 : 1;
}

function showProgress({ kills }: Pick<FaultRunOptions, 'kills'>) {
	const every = Math.max(1, Math.floor(kills / 20));
	return (done: number, acknowledged: number) => {
		const live = process.stderr.isTTY;
		if (!live && (done + 1) % every !== 0) return;
		const line = `${done + 1} of ${kills} kills, ${acknowledged} messages acknowledged`;
		processTerminal.note(live ? `\r\u001b[K${line}` : `${line}\n`);
		if (live && done + 1 === kills) processTerminal.note('\n');
	};
}

function describe({ faults, acknowledged, endpoints, seconds, drainSeconds, passed }: FaultReport) {
	const broken = formatTable(
		[
			'kills',
			'during start',
			'upstream cuts',
			'clock jumps',
			'receiver kills',
			'crashes',
			'seconds',
			'drain',
		],
		[
			[
				faults.kills,
				faults.killsDuringStart,
				faults.upstreamCuts,
				faults.clockJumps,
				faults.receiverKills,
				faults.crashes,
				seconds.toFixed(0),
				drainSeconds.toFixed(1),
			].map(String),
		],
	);
	const delivered = formatTable(
		['endpoint', 'acknowledged', 'arrived', 'lost', 'duplicates', 'out of order'],
		endpoints.map(({ endpoint, arrived, lost, duplicates, disorder }) => [
			endpoint,
			...[acknowledged, arrived, lost, duplicates, disorder].map(String),
		]),
	);
	const verdict = passed ? 'Nothing was lost, nothing came out of order.' : 'FAILED';
	return [...broken, '', ...delivered, '', verdict].join('\n');
}

process.exitCode = await main();
