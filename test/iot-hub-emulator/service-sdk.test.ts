import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import {
	emulatorEnvironment,
	environmentFile,
} from '../../src/iot-hub-emulator/environment-file.ts';
import { runningEmulator } from '../support/running-emulator.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const run = promisify(execFile);

test('the unmodified service SDK manages devices, modules, twins and deployments', async (t) => {
	const emulator = await runningEmulator(t);
	const folder = await temporaryFolder(t);
	const caFile = join(folder, 'ca.pem');
	await writeFile(caFile, emulator.caCertificate);
	const script = resolve(import.meta.dirname, '../support/service-sdk-journey.ts');
	const env = {
		...process.env,
		...Object.fromEntries(emulatorEnvironment(emulator.access(caFile))),
	};
	const { stdout } = await run(process.execPath, [script], { env });

	t.deepEqual(JSON.parse(stdout), {
		keys: 44,
		again: 'DeviceAlreadyExistsError',
		missing: 'DeviceNotFoundError',
		devices: ['dev1', 'edge1'],
		bulk: true,
		disabled: 'disabled',
		staleModule: 'InvalidEtagError',
		updated: 'me',
		modules: ['$edgeAgent', '$edgeHub', 'm$1', 'filter'],
		applied: {
			threshold: 5,
			$version: 2,
			$metadata: {
				$lastUpdated: JSON.parse(stdout).applied.$metadata.$lastUpdated,
				$lastUpdatedVersion: 2,
				threshold: {
					$lastUpdated: JSON.parse(stdout).applied.$metadata.$lastUpdated,
					$lastUpdatedVersion: 2,
				},
			},
		},
		twin: [{ site: 'a' }, 7, 3],
		staleTwin: 'InvalidEtagError',
		offline: 'Error',
		statistics: 2,
	});
});

test('the environment file names every device and quotes its values', (t) => {
	const text = environmentFile({
		service: 'HostName=localhost:1;SharedAccessKeyName=iothubowner;SharedAccessKey=a=',
		devices: new Map([
			['my-edge.1', 'HostName=localhost:1;DeviceId=my-edge.1;SharedAccessKey=b='],
			['two', 'HostName=localhost:1;DeviceId=two;SharedAccessKey=c='],
		]),
		caFile: '/state/ca.pem',
	});
	const lines = text.split('\n').filter((line) => !line.startsWith('#'));
	t.deepEqual(lines.slice(0, 5), [
		'IOTHUB_CONNECTION_STRING="HostName=localhost:1;SharedAccessKeyName=iothubowner;SharedAccessKey=a="',
		'IOTHUB_DEVICE_CONNECTION_STRING="HostName=localhost:1;DeviceId=my-edge.1;SharedAccessKey=b="',
		'IOTHUB_DEVICE_CONNECTION_STRING_MY_EDGE_1="HostName=localhost:1;DeviceId=my-edge.1;SharedAccessKey=b="',
		'IOTHUB_DEVICE_CONNECTION_STRING_TWO="HostName=localhost:1;DeviceId=two;SharedAccessKey=c="',
		'NODE_EXTRA_CA_CERTS="/state/ca.pem"',
	]);
	t.regex(lines[5] ?? '', /^NODE_OPTIONS="--import=data:text\/javascript;base64,[A-Za-z0-9+/=]+"$/);
});
