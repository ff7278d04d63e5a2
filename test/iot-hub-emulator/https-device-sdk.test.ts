import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { emulatorEnvironment } from '../../src/iot-hub-emulator/environment-file.ts';
import { runningEmulator } from '../support/running-emulator.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const run = promisify(execFile);

test('the unmodified device SDK sends, receives and uploads over HTTPS', async (t) => {
	const folder = await temporaryFolder(t);
	const emulator = await runningEmulator(t, { folder });
	emulator.registry.putDevice('dev1', {});
	emulator.sendToDevice('dev1', {
		body: Buffer.from('do it'),
		properties: new Map(),
		systemProperties: new Map([['messageId', 'c2d']]),
	});
	const caFile = join(folder, 'ca.pem');
	await writeFile(caFile, emulator.caCertificate);
	const env = {
		...process.env,
		...Object.fromEntries(emulatorEnvironment(emulator.access(caFile))),
	};
	const script = resolve(import.meta.dirname, '../support/https-device-journey.ts');
	const { stdout } = await run(process.execPath, [script], { env });

	t.deepEqual(JSON.parse(stdout), { received: ['c2d', 'do it'] });
	const bodies: string[] = [];
	for await (const { body, systemProperties } of emulator.telemetry.read()) {
		bodies.push(`${Buffer.from(body)} ${systemProperties['message-id'] ?? ''}`);
	}
	t.deepEqual(bodies, ['{"single":1} m1', 'a ', 'b ']);
	t.is(await readFile(join(folder, 'blobs/device-files/dev1/hello.txt'), 'utf8'), 'hello blob');
});
