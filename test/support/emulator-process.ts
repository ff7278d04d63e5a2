/**
 * An emulator in a process that can be killed. Serves the folder of the command line with one
 * device `dev1`; prints `{hostName, authority, device}` as JSON when it serves.
 */
import { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';

const emulator = new IotHubEmulator({ folder: process.argv[2] ?? '' });
await emulator.start();
if (emulator.registry.findDevice('dev1') === undefined) emulator.registry.putDevice('dev1', {});
console.log(
	JSON.stringify({
		hostName: emulator.hostName,
		authority: emulator.caCertificate,
		device: emulator.deviceConnectionString({ deviceId: 'dev1' }),
	}),
);
