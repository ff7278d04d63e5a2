import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { SimulatedClient } from '../../src/testing/simulated-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const main = resolve(import.meta.dirname, '../../src/cli/main.ts');

test('a test bed says where everything is, serves its clients, and ends without a trace', async (t) => {
	const state = await temporaryFolder(t);
	const words = ['--devices', '1', '--probe', 'probe', '--state', state, '--output', 'json'];
	const up = spawn(process.execPath, [main, 'test-bed', 'up', ...words], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	t.teardown(() => up.kill('SIGKILL'));
	const [line] = await once(createInterface({ input: up.stdout }), 'line');
	const bed = JSON.parse(line);
	t.is(bed.hubHostName, `localhost:${bed.ports.iotHub}`);
	t.is(bed.gatewayHostName, `localhost:${bed.ports.edgeHub}`);
	const authority = await readFile(bed.gatewayCaFile, 'utf8');
	await using device = await SimulatedClient.connect({
		identity: { deviceId: 'device1' },
		connectionString: bed.devices.device1,
		authority,
	});
	await device.send({ hello: true });
	await using probe = await SimulatedClient.connect({
		identity: { deviceId: bed.deviceId, moduleId: 'probe' },
		connectionString: bed.modules.probe,
		authority,
	});
	await probe.send({ hello: true });

	const down = spawn(process.execPath, [main, 'test-bed', 'down', '--state', state]);
	const [[upCode], [downCode]] = await Promise.all([once(up, 'exit'), once(down, 'exit')]);
	t.deepEqual([upCode, downCode], [0, 0]);
	await t.throwsAsync(readFile(join(state, 'test-bed.json')), { code: 'ENOENT' });
	const again = spawn(process.execPath, [main, 'test-bed', 'down', '--state', state]);
	t.deepEqual((await once(again, 'exit'))[0], 1);
});
