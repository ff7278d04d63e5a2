import { type Command, Option } from 'commander';
import type { Terminal } from './terminal.ts';

/**
 * Adds what operators do with an edge in any cluster, under the names that `iotedge` has for it. The
 * same program as `kubectl-iotedge` in the path serves `kubectl iotedge <command>`.
 */
export function addOperatorCommands(program: Command, terminal: Terminal): void {
	addStatusCommands(program, terminal);
	addHoldCommands(program, terminal);
	addBundleCommand(program, terminal);
	addApplyCommand(program, terminal);
}

function output(): Option {
	return new Option('-o, --output <form>', 'text for people, json for scripts')
		.choices(['text', 'json'])
		.default('text');
}

function ofEdge(command: Command): Command {
	return command
		.option('--kubeconfig <file>', 'default: that of a local edge here, else as kubectl does')
		.option('-n, --namespace <name>', 'namespace of the edge device', 'iotedge')
		.addOption(output());
}

function addStatusCommands(program: Command, terminal: Terminal): void {
	ofEdge(
		program
			.command('status')
			.summary('show one page about an edge: deployment, modules, IoT Hub, warnings')
			.description('Show one page about an edge: deployment, modules, IoT Hub, warnings.')
			.addHelpText(
				'after',
				'\nDeployment, IoT Hub and edge hub are read from metrics, through the API server (pods/proxy).\n' +
					'\nExit codes: 0 everything is as it should be; 1 it is not.',
			),
	).action(async (options) => {
		const { status } = await import('./commands/status.ts');
		process.exitCode = await status(options, terminal);
	});
	ofEdge(
		program
			.command('check')
			.summary('check an installation: cluster, rights, Secrets, IoT Hub')
			.description(
				'Checks an installation: API server, clock, namespace and its Pod Security level, storage, ' +
					"rights of the agent's ServiceAccount, Secrets, certificates, and whether IoT Hub can be " +
					'reached from this machine. Each fault comes with what to do.',
			)
			.addHelpText('after', '\nExit codes: 0 no errors (warnings may be); 1 errors.'),
	).action(async (options) => {
		const { check } = await import('./commands/check.ts');
		process.exitCode = await check(options, terminal);
	});
	ofEdge(
		program
			.command('restart')
			.summary('restart a module')
			.description('Restart a module: its pods are deleted, the cluster starts it anew.')
			.argument('<module>', 'name of the module as in the manifest, or edgeAgent, edgeHub'),
	).action(async (module: string, options) => {
		const { restart } = await import('./commands/restart.ts');
		process.exitCode = await restart(module, options, terminal);
	});
	ofEdge(
		program
			.command('reprovision')
			.summary('ask DPS again which IoT Hub the device belongs to')
			.description(
				'Has the agent register the device with the device provisioning service (DPS) again, whatever ' +
					'AlwaysReprovisionOnStartup says. The agent starts anew, modules run on; a device that has ' +
					'moved takes its edge along. A device with a connection string has it read again.',
			),
	).action(async (options) => {
		const { reprovision } = await import('./commands/reprovision.ts');
		process.exitCode = await reprovision(options, terminal);
	});
}

function addHoldCommands(program: Command, terminal: Terminal): void {
	for (const [command, held, text] of [
		['hold', true, 'Hold the updates of a module: what runs of it stays as it is.'],
		['release', false, 'Release the updates of a module that was held.'],
	] as const) {
		ofEdge(
			program
				.command(command)
				.description(text)
				.argument('<module>', 'name of the module as in the manifest, or edgeHub')
				.addHelpText(
					'after',
					'\nIt is the annotation net.azure-devices.edge.hold on the Deployment or Job of the module.',
				),
		).action(async (module: string, options) => {
			const { hold } = await import('./commands/hold.ts');
			process.exitCode = await hold(module, held, options, terminal);
		});
	}
}

function addBundleCommand(program: Command, terminal: Terminal): void {
	ofEdge(
		program
			.command('support-bundle')
			.summary('write a zip file with logs, objects, events and status')
			.description(
				'Writes a zip file with logs, objects, events and status. Contents of Secrets are not in it, ' +
					'and what looks like a key or a password is taken out; look at it before you send it on.',
			)
			.option('--out <file>', 'default: support_bundle-<time>.zip')
			.option('--since <time>', 'only log lines since then: 2d, 90m, or an RFC 3339 time')
			.option('--until <time>', 'only log lines until then')
			.option('--runtime-only', 'of the logs only those of the agent and the hub'),
	).action(async (options) => {
		const { supportBundleCommand } = await import('./commands/support-bundle.ts');
		process.exitCode = await supportBundleCommand(options, terminal);
	});
}

function addApplyCommand(program: Command, terminal: Terminal): void {
	program
		.command('apply')
		.summary('set the deployment of a device')
		.description(
			'Checks a manifest and sets it as the deployment of an IoT Edge device: in IoT Hub, from where ' +
				'the agent gets it (the same as `hub set-modules`), or in its cluster.',
		)
		.argument('<manifest>', 'deployment manifest or template')
		.addOption(
			new Option('--to <place>', 'where to: IoT Hub, or an object in the cluster')
				.choices(['hub', 'edge-deployment', 'config-map'])
				.default('hub'),
		)
		.option('--device <id>', 'the edge device in IoT Hub', 'edge-device')
		.option('--connection-string <text>', 'of a policy of the hub that may write the registry')
		.option('--ca <file>', "authority behind the hub's certificate, for a private one")
		.option('-s, --state <folder>', 'where `dev` keeps its edge', '.iotedge-k8s')
		.option('--kubeconfig <file>', 'default: that of a local edge here, else as kubectl does')
		.option('-n, --namespace <name>', 'namespace of the edge device', 'iotedge')
		.option('--name <name>', 'of the object; default: the one that counts, else edge-deployment')
		.addOption(output())
		.addHelpText(
			'after',
			'\nWhich hub: --connection-string, else IOTHUB_CONNECTION_STRING, else the development edge of\n' +
				'this folder. In the cluster the agent looks where its setting ConfigSource says.\n' +
				'\nExamples:\n' +
				'  iotedge-k8s apply deployment.json --device factory\n' +
				'  iotedge-k8s apply deployment.json --to edge-deployment -n edge\n' +
				'\nExit codes: 0 set; 1 it was refused or could not be reached; 2 the manifest is wrong.',
		)
		.action(async (file: string, options) => {
			if (options.to === 'hub') {
				const { setModules } = await import('./hub/hub-actions.ts');
				process.exitCode = await setModules(options.device, file, options, terminal);
				return;
			}
			const { applyToCluster } = await import('./commands/apply-to-cluster.ts');
			process.exitCode = await applyToCluster(file, options, terminal);
		});
}
