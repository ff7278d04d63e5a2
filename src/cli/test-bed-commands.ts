import { type Command, Option } from 'commander';
import { parseDuration } from './duration.ts';
import { outputOption } from './output-form.ts';
import type { Terminal } from './terminal.ts';

const fleetHelp = `
A file of fleets:
  fleets:
    - count: 100
      id: sensor-\${index}
      rate: 1                   # messages a second of each device
      payload: {device: '\${deviceId}', celsius: '\${random(20,30)}', n: '\${sequence}'}
      properties: {kind: climate}
      reported: {firmware: 1.0.2}
      methods: {reboot: {status: 200, payload: {rebooting: true}}}

Placeholders: deviceId, index, sequence, now, timestamp, random(a,b), integer(a,b), pick(a,b,…).

Exit codes: 0 all was acknowledged; 1 not; 2 the file is wrong.`;

/** Adds what tests and load runs use. */
export function addTestBedCommands(program: Command, terminal: Terminal): void {
	addTestBed(program, terminal);
	addEmulator(program, terminal);
	program
		.command('simulate')
		.summary('play fleets of devices that a file describes')
		.description(
			'Plays fleets of devices that a JSON or YAML file describes, straight to an IoT Hub or through ' +
				'an edge hub. Devices that the hub does not know are created.',
		)
		.argument('<fleets>', 'file of fleets')
		.option('--connection-string <text>', 'of a policy of the hub')
		.option('--ca <file>', "authority behind the hub's certificate, for a private one")
		.option('--gateway <host>', 'an edge hub, with its port where it is not 8883')
		.option('--gateway-ca <file>', "authorities behind the edge hub's certificate")
		.option('--parent <device>', 'the edge device of the gateway')
		.option('-d, --duration <time>', 'end after this time', parseDuration)
		.option('-s, --state <folder>', 'where `dev` keeps its edge', '.iotedge-k8s')
		.addOption(outputOption())
		.addHelpText('after', fleetHelp)
		.action(async (file: string, options) => {
			const { simulate } = await import('./commands/simulate.ts');
			process.exitCode = await simulate(file, options, terminal);
		});
}

function addEmulator(program: Command, terminal: Terminal): void {
	program
		.command('emulator')
		.summary('run an IoT Hub on this machine, for the Azure SDKs and `az`')
		.description(
			'Runs an IoT Hub on this machine until Ctrl-C and prints connection strings of everything. ' +
				'They are in <state>/.env too, with what unmodified SDKs for Node.js need besides.',
		)
		.option('-p, --port <port>', 'of every protocol (default: any free one)', Number)
		.option('--standard-ports', 'also 8883, 5671 and 443: host names then carry no port')
		.option('--address <ip>', 'to listen on, e.g. 0.0.0.0 (default: this machine only)')
		.option('--host-name <name...>', 'of the hub, without a port (default: localhost)')
		.option('--device <id...>', 'devices to create')
		.option('--edge-device <id...>', 'IoT Edge devices to create')
		.option('--throttle <size>', 'throttles and daily quota of a hub, e.g. S1 or S2:3')
		.addOption(
			new Option('--events <source...>', 'what readers of events get besides telemetry').choices([
				...eventSources,
			]),
		)
		.option('--routing <file>', 'message routing, as properties.routing of an IoT Hub in Azure')
		.option('--keep', 'keep everything in the state folder from run to run')
		.option('-s, --state <folder>', 'for the .env file and the authority', '.iotedge-k8s')
		.addOption(outputOption())
		.addHelpText(
			'after',
			'\nExamples:\n' +
				'  iotedge-k8s emulator --device device1 --output json\n' +
				'  iotedge-k8s emulator --keep --standard-ports --throttle S1\n' +
				'\nMeanwhile: set -a; . .iotedge-k8s/.env; node app.js',
		)
		.action(async (options) => {
			const { runEmulator } = await import('./commands/emulator.ts');
			process.exitCode = await runEmulator(options, terminal);
		});
}

/** As the emulator names them, which is not loaded for a help text. */
const eventSources = ['twinChangeEvents', 'deviceLifecycleEvents', 'deviceConnectionStateEvents'];

function addTestBed(program: Command, terminal: Terminal): void {
	const testBed = program
		.command('test-bed')
		.summary('an edge for tests in any language')
		.description('An edge for tests in any language, gone without a trace when it ends.');
	testBed
		.command('up')
		.description('Start it, print where everything is, and stay until killed or `test-bed down`.')
		.option('--manifest <file>', 'deployment manifest (default: no modules)')
		.option('-m, --modules <folder...>', 'folders to look for modules in')
		.option('--devices <n>', 'leaf devices device1, device2…', Number, 0)
		.option('--probe <name...>', 'modules that the tests play')
		.option('--hub-port <port>', 'of the IoT Hub (default: any free one)', Number)
		.option('--throttle <size>', 'throttles and daily quota of a hub, e.g. S1 or S2:3')
		.option('--gateway-port <port>', 'of the edge hub, e.g. 8883 (default: any free one)', Number)
		.option('-s, --state <folder>', 'for certificates and `down`', '.iotedge-k8s')
		.addOption(outputOption())
		.addHelpText(
			'after',
			'\nExample:\n  iotedge-k8s test-bed up --manifest deployment.json --devices 2 -o json\n' +
				'\nSDKs that take no port in a gateway host name need --gateway-port 8883.',
		)
		.action(async (options) => {
			const { testBedUp } = await import('./commands/test-bed.ts');
			process.exitCode = await testBedUp(options, terminal);
		});
	testBed
		.command('down')
		.description('End the one that was started with the same folder.')
		.option('-s, --state <folder>', 'as with `up`', '.iotedge-k8s')
		.action(async (options) => {
			const { testBedDown } = await import('./commands/test-bed.ts');
			process.exitCode = await testBedDown(options, terminal);
		});
}
