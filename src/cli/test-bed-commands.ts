import type { Command } from 'commander';
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
	program
		.command('simulate')
		.summary('play fleets of devices that a file describes')
		.description(
			'Plays fleets of devices that a JSON or YAML file describes, straight to an IoT Hub or through\n' +
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
