import { type Command, Option } from 'commander';
import { parseDuration } from './duration.ts';
import type { Terminal } from './terminal.ts';

const examples = `
Which hub: --connection-string, else IOTHUB_CONNECTION_STRING, else the development edge of this folder.

Examples:
  iotedge-k8s hub devices list
  iotedge-k8s hub devices create leaf1 --parent edge-device
  iotedge-k8s hub twin update edge-device/filter --desired '{"TemperatureThreshold": 30}'
  iotedge-k8s hub method edge-device/sensor reset
  iotedge-k8s hub set-modules edge-device deployment.json
  iotedge-k8s hub monitor-events --device edge-device

Exit codes: 0 done; 1 IoT Hub has refused it or cannot be reached; 2 the command line is wrong.`;

/** Adds what services do with an IoT Hub, below `hub`, which without a command is the edge hub's role. */
export function addHubCommands(hub: Command, terminal: Terminal): void {
	hub.addHelpText('after', examples);
	addIdentityCommands(hub, terminal);
	addTwinCommands(hub, terminal);
	addMessageCommands(hub, terminal);
	addFaultCommands(hub, terminal);
}

function access(command: Command): Command {
	return command
		.option('--connection-string <text>', 'of a policy of the hub')
		.option('--ca <file>', "authority behind the hub's certificate, for a private one")
		.option('-s, --state <folder>', 'where `dev` keeps its edge', '.iotedge-k8s');
}

function output(command: Command): Command {
	return command.addOption(
		new Option('-o, --output <form>', 'text for people, json for scripts')
			.choices(['text', 'json'])
			.default('text'),
	);
}

function addIdentityCommands(hub: Command, terminal: Terminal): void {
	const devices = hub.command('devices').description('Devices of an IoT Hub, and their modules.');
	output(access(devices.command('list').description('List all devices.'))).action(
		async (options) => {
			const { listDevices } = await import('./hub/identities.ts');
			process.exitCode = await listDevices(options, terminal);
		},
	);
	output(
		access(devices.command('show').description('Show a device or module.').argument('<id>', id)),
	).action(async (target: string, options) => {
		const { showIdentity } = await import('./hub/identities.ts');
		process.exitCode = await showIdentity(target, options, terminal);
	});
	output(
		access(
			devices
				.command('create')
				.description('Create a device or module with generated keys.')
				.argument('<id>', id)
				.option('--edge', 'an IoT Edge device')
				.option('--parent <device>', 'the IoT Edge device above it'),
		),
	).action(async (target: string, options) => {
		const { createIdentity } = await import('./hub/identities.ts');
		process.exitCode = await createIdentity(target, options, terminal);
	});
	output(
		access(
			devices.command('delete').description('Delete devices or modules.').argument('<id...>', id),
		),
	).action(async (targets: string[], options) => {
		const { deleteIdentities } = await import('./hub/identities.ts');
		process.exitCode = await deleteIdentities(targets, options, terminal);
	});
	output(
		access(
			hub.command('modules').description('List the modules of a device.').argument('<device>'),
		),
	).action(async (device: string, options) => {
		const { listModules } = await import('./hub/identities.ts');
		process.exitCode = await listModules(device, options, terminal);
	});
}

const id = 'device, or device/module';

function addTwinCommands(hub: Command, terminal: Terminal): void {
	const twin = hub.command('twin').description('Twins, as JSON.');
	access(twin.command('show').description('Show a twin.').argument('<id>', id)).action(
		async (target: string, options) => {
			const { showTwin } = await import('./hub/hub-actions.ts');
			process.exitCode = await showTwin(target, options, terminal);
		},
	);
	access(
		twin
			.command('update')
			.description('Change desired properties or tags; null removes one.')
			.argument('<id>', id)
			.option('--desired <json>', 'patch of the desired properties')
			.option('--tags <json>', 'patch of the tags'),
	).action(async (target: string, options) => {
		const { updateTwin } = await import('./hub/hub-actions.ts');
		process.exitCode = await updateTwin(target, options, terminal);
	});
	access(
		hub
			.command('method')
			.description('Call a direct method. Exit code 1 for an answer with a status from 400 on.')
			.argument('<id>', id)
			.argument('<name>')
			.option('--payload <json>', 'what the method gets')
			.option('--timeout <time>', 'to connect and to answer', parseDuration, 30_000),
	).action(async (target: string, name: string, options) => {
		const { invokeMethod } = await import('./hub/hub-actions.ts');
		process.exitCode = await invokeMethod(target, name, options, terminal);
	});
}

function addMessageCommands(hub: Command, terminal: Terminal): void {
	output(
		access(
			hub
				.command('set-modules')
				.description('Set the deployment of an IoT Edge device, after checking it.')
				.argument('<device>')
				.argument('<manifest>'),
		),
	).action(async (device: string, file: string, options) => {
		const { setModules } = await import('./hub/hub-actions.ts');
		process.exitCode = await setModules(device, file, options, terminal);
	});
	output(
		access(
			hub
				.command('send')
				.description('Send a cloud-to-device message.')
				.argument('<device>')
				.argument('<text>', 'or @file')
				.option('--property <name=value...>', 'properties of the message'),
		),
	).action(async (device: string, text: string, options) => {
		const { sendToDevice } = await import('./hub/hub-actions.ts');
		process.exitCode = await sendToDevice(device, text, options, terminal);
	});
	output(
		access(
			hub
				.command('monitor-events')
				.description('Print messages as the hub receives them, until Ctrl-C.')
				.option('--device <id>', 'only from this device')
				.option('--module <id>', 'only from this module')
				.option('--all', 'those that are there already too')
				.option('--consumer-group <name>', 'of the event hub', '$Default')
				.option('--count <n>', 'end after so many', Number)
				.option('-d, --duration <time>', 'end after this time', parseDuration),
		),
	).action(async (options) => {
		const { monitorEvents } = await import('./hub/monitor-events.ts');
		process.exitCode = await monitorEvents(options, terminal);
	});
}

function addFaultCommands(hub: Command, terminal: Terminal): void {
	const faults = hub.command('faults').description('Make the emulator misbehave, for tests.');
	output(
		access(
			faults
				.command('set')
				.description('Misbehave in this way and no other.')
				.addOption(
					new Option(
						'--away <how>',
						'serve nobody: end connections, keep them waiting, or refuse politely',
					).choices(['reset', 'silent', 'unavailable']),
				)
				.addOption(
					new Option('--fail <how>', 'answer requests with 429 or 500').choices([
						'throttle',
						'server-error',
					]),
				)
				.option('--delay <time>', 'before every request is served, e.g. 500ms', parseDuration)
				.option('--for <time>', 'end by itself after this time', parseDuration)
				.addHelpText(
					'after',
					'\nExamples:\n' +
						'  iotedge-k8s hub faults set --away reset --for 30s\n' +
						'  iotedge-k8s hub faults set --fail throttle',
				),
		),
	).action(async (options) => {
		const { setFaults } = await import('./hub/faults.ts');
		process.exitCode = await setFaults(options, terminal);
	});
	access(faults.command('clear').description('End every fault.')).action(async (options) => {
		const { clearFaults } = await import('./hub/faults.ts');
		process.exitCode = await clearFaults(options);
	});
	access(faults.command('drop').description('End every connection once.')).action(
		async (options) => {
			const { dropConnections } = await import('./hub/faults.ts');
			process.exitCode = await dropConnections(options);
		},
	);
}
