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

test('the unmodified service SDK queries, deploys to many, runs jobs and reads digital twins', async (t) => {
	const emulator = await runningEmulator(t);
	const caFile = join(await temporaryFolder(t), 'ca.pem');
	await writeFile(caFile, emulator.caCertificate);
	const script = resolve(import.meta.dirname, '../support/service-tools-journey.ts');
	const variables = Object.fromEntries(emulatorEnvironment(emulator.access(caFile)));
	const env = {
		...process.env,
		...variables,
		REGISTRY_CONTAINER: emulator.registryContainerUri,
	};
	const { stdout } = await run(process.execPath, [script], { env });

	t.deepEqual(JSON.parse(stdout), {
		pages: [['edge1', 'edge2'], ['edge3']],
		count: [{ n: 6 }],
		badQuery: 'ArgumentError',
		again: 'DeviceAlreadyExistsError',
		metrics: {
			targetedCount: 1,
			appliedCount: 1,
			reportedSuccessfulCount: 0,
			reportedFailedCount: 0,
		},
		configurations: [['dep1', 7]],
		deployed: '1.1',
		removed: 'Error',
		job: 'completed',
		jobs: ['job1'],
		tags: { stage: 'edge1', by: 'job' },
		cancelled: 'cancelled',
		export: ['export', 'enqueued'],
		import: 'completed',
		registryJobs: 2,
		cancelOfEnded: 'ArgumentError',
		digital: 'edge1',
		statistics: 3,
	});
});

test('the environment file names every device and quotes its values', (t) => {
	const text = environmentFile({
		service: 'HostName=localhost:1;SharedAccessKeyName=iothubowner;SharedAccessKey=a=',
		events:
			'Endpoint=sb://localhost:1/;SharedAccessKeyName=service;SharedAccessKey=e=;EntityPath=x',
		devices: new Map([
			['my-edge.1', 'HostName=localhost:1;DeviceId=my-edge.1;SharedAccessKey=b='],
			['two', 'HostName=localhost:1;DeviceId=two;SharedAccessKey=c='],
		]),
		caFile: '/state/ca.pem',
	});
	const lines = text.split('\n').filter((line) => !line.startsWith('#'));
	t.deepEqual(lines.slice(0, 6), [
		'IOTHUB_CONNECTION_STRING="HostName=localhost:1;SharedAccessKeyName=iothubowner;SharedAccessKey=a="',
		'EVENTHUB_CONNECTION_STRING="Endpoint=sb://localhost:1/;SharedAccessKeyName=service;SharedAccessKey=e=;EntityPath=x"',
		'IOTHUB_DEVICE_CONNECTION_STRING="HostName=localhost:1;DeviceId=my-edge.1;SharedAccessKey=b="',
		'IOTHUB_DEVICE_CONNECTION_STRING_MY_EDGE_1="HostName=localhost:1;DeviceId=my-edge.1;SharedAccessKey=b="',
		'IOTHUB_DEVICE_CONNECTION_STRING_TWO="HostName=localhost:1;DeviceId=two;SharedAccessKey=c="',
		'NODE_EXTRA_CA_CERTS="/state/ca.pem"',
	]);
	t.regex(lines[6] ?? '', /^NODE_OPTIONS="--import=data:text\/javascript;base64,[A-Za-z0-9+/=]+"$/);
});

test('the environment file says where devices are provisioned', (t) => {
	const text = environmentFile({
		service: '',
		events: '',
		provisioning: { host: 'localhost:1', idScope: '0ne1', service: 'HostName=localhost:1' },
		devices: new Map(),
		caFile: '/state/ca.pem',
	});
	t.regex(text, /^PROVISIONING_HOST="localhost:1"$/m);
	t.regex(text, /^PROVISIONING_IDSCOPE="0ne1"$/m);
	t.regex(text, /^PROVISIONING_CONNECTION_STRING="HostName=localhost:1"$/m);
});
