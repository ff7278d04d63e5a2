import { relative, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from './duration.ts';
import { addHubCommands } from './hub-commands.ts';
import { addPolicyAssignment } from './manifest-policy.ts';
import { addOperatorCommands } from './operator-commands.ts';
import { outputOption } from './output-form.ts';
import { addRouteCommands } from './route-commands.ts';
import type { Terminal } from './terminal.ts';
import { addTestBedCommands } from './test-bed-commands.ts';
import { version } from './version.ts';

/** What `dev` runs when it is told nothing else. */
const sampleManifest = relative(
	process.cwd(),
	resolve(import.meta.dirname, '../../deployments/simulated-temperature.json'),
);

/**
 * The command line. Each command's code is loaded when it runs, so that `--help` and the small
 * commands start at once and the agent holds nothing in memory that it does not use.
 */
export function createProgram(terminal: Terminal): Command {
	const program = new Command('iotedge-k8s')
		.description('The IoT Edge runtime for Kubernetes.')
		.version(version)
		.exitOverride()
		.configureOutput({ writeOut: terminal.write, writeErr: terminal.note })
		.showHelpAfterError('Add --help for what this command takes.');
	addDevelopmentCommands(program, terminal);
	addTestBedCommands(program, terminal);
	addManifestCommands(program, terminal);
	addClusterCommands(program, terminal);
	addOperatorCommands(program, terminal);
	addRoleCommands(program, terminal);
	return program;
}

function policyOption(): Option {
	return new Option(
		'--policy <NAME=value>',
		'a policy setting of the agent; may be repeated (default: from the environment)',
	).argParser(addPolicyAssignment);
}

function platformOption(): Option {
	return new Option('--platform <name>', "platform of a template's images, e.g. arm64v8");
}

function parentOption(): Option {
	return new Option('--parent <host name>', 'of a nested device: what `$upstream` stands for');
}

function addDevelopmentCommands(program: Command, terminal: Terminal): void {
	program
		.command('dev')
		.summary('run an edge on this machine: IoT Hub emulator, local cluster, agent, hub, modules')
		.description(
			'Runs a whole edge on this machine, with no cloud, no cluster and no container engine. ' +
				'Modules are folders: an image name stands for the folder whose module.json or ' +
				'package.json has that name. Ctrl-C stops everything; the next start continues.',
		)
		.argument('[manifest]', 'deployment manifest', sampleManifest)
		.option('-m, --modules <folder...>', 'folders to look for modules in, besides the usual ones')
		.option('-d, --duration <time>', 'end by itself after this time, e.g. 40s', parseDuration)
		.option('-s, --state <folder>', 'where everything is kept', '.iotedge-k8s')
		.option('--device <id>', 'the edge device', 'edge-device')
		.option('--throttle <size>', 'throttles and daily quota of a hub, e.g. S1 or S2:3')
		.addOption(outputOption())
		.addHelpText(
			'after',
			'\nModules are looked for beside the manifest, in ./modules, and among the sample modules.\n' +
				'\nExit codes: 0 all modules ran and messages arrived; 1 they did not; 2 the manifest is wrong.',
		)
		.action(async (file: string, options) => {
			const { dev } = await import('./commands/dev.ts');
			process.exitCode = await dev(file, options, terminal);
		});
}

function addManifestCommands(program: Command, terminal: Terminal): void {
	program
		.command('validate')
		.summary('list all problems of deployment manifests')
		.description('Lists all problems of deployment manifests, each with its place and a remedy.')
		.argument('<manifest...>', 'deployment manifests, or folders of them')
		.addOption(policyOption())
		.addOption(platformOption())
		.addOption(parentOption())
		.addOption(outputOption())
		.addHelpText(
			'after',
			'\nTakes manifests, exports of the portal and of `az`, layered deployments and templates\n' +
				'(*.template.json), whose placeholders come from modules/<name>/module.json and .env\n' +
				'beside them and from the environment.\n' +
				'\nExamples:\n' +
				'  iotedge-k8s validate deployment.json\n' +
				'  iotedge-k8s validate deployments/ --output json\n' +
				'  iotedge-k8s validate deployment.json --policy ALLOW_HOST_NETWORK=true\n' +
				'\nExit codes: 0 no errors (warnings may be); 2 errors.',
		)
		.action(async (files: string[], options) => {
			const { validate } = await import('./commands/validate.ts');
			process.exitCode = await validate(files, options, terminal);
		});
	program
		.command('translate')
		.summary('print the Kubernetes objects of a deployment manifest')
		.description(
			'Prints the Kubernetes objects that the agent would apply for a manifest, with warnings as ' +
				'comments before the objects of the module that they concern.',
		)
		.argument('<manifest>', 'deployment manifest or template, or with --out a folder of them')
		.option('--out <folder>', 'write <manifest>.yaml or .json into this folder')
		.option('-n, --namespace <name>', 'namespace of the objects', 'iotedge')
		.option('--device <id>', 'the edge device', 'edge-device')
		.option('--hub <host name>', 'the IoT Hub', 'hub.azure-devices.net')
		.addOption(parentOption())
		.addOption(policyOption())
		.addOption(platformOption())
		.addOption(
			new Option('-o, --output <form>', 'form of the objects')
				.choices(['yaml', 'json'])
				.default('yaml'),
		)
		.addHelpText(
			'after',
			'\nExamples:\n' +
				'  iotedge-k8s translate deployment.json\n' +
				'  iotedge-k8s translate deployment.json -n edge | kubectl apply --dry-run=server -f -\n' +
				'  iotedge-k8s translate deployments/ --out objects/\n' +
				'\nModules that the policy forbids are left out; see --policy and docs/configuration.md.\n' +
				'Exit codes: 0 everything is translated; 2 errors, of which the rest is printed all the same.',
		)
		.action(async (file: string, options) => {
			const { translateCommand } = await import('./commands/translate.ts');
			process.exitCode = await translateCommand(file, options, terminal);
		});
	addLayerCommands(program, terminal);
	addRouteCommands(program, terminal);
}

function addLayerCommands(program: Command, terminal: Terminal): void {
	program
		.command('merge')
		.summary('print the manifest that a base deployment and its layers make')
		.description(
			'Lays layered deployments over their base by priority, as IoT Hub does, and prints the ' +
				'effective manifest. What was overridden goes to standard error.',
		)
		.argument('<base>', 'manifest that sets the properties of $edgeAgent as a whole')
		.argument('<layer...>', 'layered deployments; later ones win')
		.option(
			'--priorities <numbers>',
			'of base and layers in their order, e.g. 0,10,20 (default: those of exports, else the order)',
			parsePriorities,
		)
		.addOption(platformOption())
		.addOption(
			new Option('-o, --output <form>', 'the manifest alone, or JSON with what was overridden')
				.choices(['manifest', 'json'])
				.default('manifest'),
		)
		.addHelpText(
			'after',
			'\nExamples:\n' +
				'  iotedge-k8s merge base.json site.layer.json > effective.json\n' +
				'  iotedge-k8s merge base.json a.json b.json --priorities 1,20,10\n' +
				'\nExit codes: 0 merged; 2 a file or the result has errors.',
		)
		.action(async (base: string, layers: string[], options) => {
			const { merge } = await import('./commands/merge.ts');
			process.exitCode = await merge([base, ...layers], options, terminal);
		});
	program
		.command('explain')
		.summary('say what becomes of an option, or what an error code means')
		.description(
			'Says what becomes of an option of createOptions or of k8s-extensions on Kubernetes, or ' +
				'what an error code means and what to do. Without a name it lists all options.',
		)
		.argument('[name]', 'option or error code, in any case; its last part is enough')
		.addOption(outputOption())
		.addHelpText(
			'after',
			'\nExamples:\n' +
				'  iotedge-k8s explain HostConfig.Binds\n' +
				'  iotedge-k8s explain replicas\n' +
				'  iotedge-k8s explain EDGE_POLICY_DENIED\n' +
				'\nExit codes: 0 explained; 2 there is no such name.',
		)
		.action(async (name: string | undefined, options) => {
			const { explain } = await import('./commands/explain.ts');
			process.exitCode = explain(name, options, terminal);
		});
}

/** `0,10,20` */
function parsePriorities(text: string): number[] {
	const priorities = text.split(',').map(Number);
	if (priorities.every(Number.isSafeInteger)) return priorities;
	throw new InvalidArgumentError('Give whole numbers with commas between them.');
}

/** A number of lines. @throws InvalidArgumentError, which commander shows with the option's name. */
function parseLines(text: string): number {
	if (/^\d{1,9}$/.test(text)) return Number(text);
	throw new InvalidArgumentError('Give a number of lines such as 100.');
}

function addClusterCommands(program: Command, terminal: Terminal): void {
	const cluster = (command: Command) =>
		command
			.option('--kubeconfig <file>', 'default: that of a local edge here, else as kubectl does')
			.option('-n, --namespace <name>', 'namespace of the edge device', 'iotedge')
			.addOption(outputOption());
	cluster(
		program
			.command('list')
			.summary('list the modules of an edge and their state')
			.description('List the modules of an edge and their state.'),
	).action(async (options) => {
		const { list } = await import('./commands/list.ts');
		process.exitCode = await list(options, terminal);
	});
	cluster(
		program
			.command('diff')
			.summary('show what a manifest would change on the cluster of an edge')
			.description(
				'Shows what a manifest would change on the cluster of an edge, object by object, as the ' +
					'agent there would write it: by dry runs on the server. Nothing is written. Values of ' +
					'Secrets are hidden. A module without identity yet is shown with generation 0.',
			)
			.argument('<manifest>', 'deployment manifest or template')
			.option('--device <id>', 'the edge device (default: as the edge hub there was told)')
			.option('--hub <host name>', 'the IoT Hub (default: as the edge hub there was told)')
			.option('--agent <name>', "name of the agent's Deployment", 'edgeagent')
			.addOption(policyOption())
			.addOption(platformOption())
			.addHelpText(
				'after',
				'\nExamples:\n' +
					'  iotedge-k8s diff deployment.json -n edge\n' +
					'  iotedge-k8s diff deployment.json -n edge --output json | jq .changes[].name\n' +
					'\nExit codes: 0 nothing would change; 1 something would; 2 the manifest has errors;\n' +
					'3 it cannot be told, e.g. because the cluster cannot be reached.',
			),
	).action(async (file: string, options) => {
		const { diff } = await import('./commands/diff.ts');
		process.exitCode = await diff(file, options, terminal);
	});
	cluster(
		program
			.command('logs')
			.summary('print the log of a module')
			.description("Print a module's log.")
			.argument('<module>', 'name of the module as in the manifest, or edgeAgent, edgeHub')
			.option('-f, --follow', 'go on with new lines as they come')
			.option('--tail <lines>', 'only the last lines', parseLines)
			.option('-p, --previous', 'the log of the run before the last restart'),
	).action(async (module: string, options) => {
		const { logs } = await import('./commands/logs.ts');
		process.exitCode = await logs(module, options, terminal);
	});
}

function addRoleCommands(program: Command, terminal: Terminal): void {
	program
		.command('agent')
		.summary('run the edge agent; its settings come from the environment')
		.description('Run the edge agent. Its settings come from the environment.')
		.action(async () => {
			const { runAgent } = await import('./commands/agent.ts');
			process.exitCode = await runAgent(terminal);
		});
	const hub = program
		.command('hub')
		.summary('work with an IoT Hub; without a command: run the edge hub')
		.description(
			'Work with an IoT Hub or its emulator. Without a command: run the edge hub, whose settings ' +
				'come from the environment.',
		)
		.action(async () => {
			const { runHub } = await import('./commands/hub.ts');
			process.exitCode = await runHub(terminal);
		});
	addHubCommands(hub, terminal);
	program
		.command('workload-proxy')
		.summary("run a module's sidecar for the workload API")
		.description(
			'Serves the workload API on a Unix socket to the one module of its pod, and speaks to the ' +
				'edge agent with the token of the pod. The agent puts it into pods; its settings come from ' +
				'the environment.',
		)
		.option('--wait', 'do not serve; end as soon as another process serves the socket')
		.action(async (options) => {
			const { runWorkloadProxy } = await import('./commands/workload-proxy.ts');
			process.exitCode = await runWorkloadProxy(options, terminal);
		});
}
