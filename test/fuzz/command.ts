import { Command, InvalidArgumentError, Option } from 'commander';
import { formatTable } from '../../src/cli/table.ts';
import { processTerminal } from '../../src/cli/terminal.ts';
import { edgeHubTargets } from './edge-hub-targets.ts';
import { type FuzzReport, fuzz, passed } from './fuzz-run.ts';
import { manifestTargets } from './manifest-targets.ts';
import { protocolTargets } from './protocol-targets.ts';
import { routeTargets } from './route-targets.ts';
import { serverTargets } from './server-targets.ts';

function natural(text: string): number {
	const value = Number(text);
	if (Number.isSafeInteger(value) && value >= 0) return value;
	throw new InvalidArgumentError('It must be a positive integer.');
}

interface Options {
	readonly cases: number;
	readonly seed?: number;
	readonly target?: string;
	readonly case?: number;
	readonly output: 'text' | 'json';
}

const command = new Command('npm run fuzz --')
	.description('Feeds hostile input to everything that reads what strangers send.')
	.option('--cases <count>', 'cases of all targets together', natural, 1_000_000)
	.option('--seed <number>', 'repeats the inputs of an earlier run (default: random)', natural)
	.option('--target <name>', 'one target only')
	.option('--case <number>', 'one case only, with --seed and --target', natural)
	.addOption(new Option('-o, --output <form>').choices(['text', 'json']).default('text'))
	.addHelpText('after', '\nExit codes: 0 every promise was kept; 1 there are findings.');

async function main(): Promise<number> {
	const { cases, output, target, ...options } = command.parse().opts<Options>();
	const seed = options.seed ?? 1 + Math.floor(Math.random() * 999_999_999);
	processTerminal.note(`seed ${seed}\n`);
	const targets = [
		...(await serverTargets()),
		...(await edgeHubTargets()),
		...protocolTargets,
		...routeTargets,
		...manifestTargets,
	].filter(({ name }) => target === undefined || name === target);
	const reports = await fuzz(targets, {
		cases,
		seed,
		...(options.case === undefined ? {} : { only: options.case }),
		progress: (name) => processTerminal.note(`${name} …\n`),
	});
	if (output === 'json') processTerminal.write(`${JSON.stringify(reports, null, '\t')}\n`);
	else processTerminal.write(`${describe(reports)}\n`);
	for (const { target: name, examples } of reports) {
		for (const example of examples) processTerminal.note(`${name}, ${example}\n`);
	}
	return reports.length > 0 && reports.every(passed) ? 0 : 1;
}

function describe(reports: readonly FuzzReport[]): string {
	const rows = reports.map((report) => [
		report.target,
		String(report.cases),
		String(report.refused),
		String(report.findings),
		report.slowestMs.toFixed(1),
		report.heapGrowth === undefined ? '-' : (report.heapGrowth / 1024).toFixed(0),
		report.seconds.toFixed(1),
		passed(report) ? 'ok' : 'FAILED',
	]);
	const headings = ['target', 'cases', 'refused', 'findings', 'slowest ms', 'heap +KiB', 'seconds'];
	return formatTable([...headings, ''], rows).join('\n');
}

process.exitCode = await main();
