import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseEnv } from 'node:util';
import test from 'ava';
import { createProgram } from '../../src/cli/program.ts';
import { SimulatedClient } from '../../src/testing/simulated-client.ts';
import { RecordingTerminal } from '../support/recording-terminal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const main = resolve(import.meta.dirname, '../../src/cli/main.ts');

test('an emulator of its own says where it is, serves devices, misbehaves on request, and ends', async (t) => {
	const state = await temporaryFolder(t);
	const words = ['--device', 'device1', '--edge-device', 'edge1', '--state', state];
	const running = spawn(
		process.execPath,
		[main, 'emulator', ...words, '--throttle', 'S1', '--output', 'json'],
		{ stdio: ['ignore', 'pipe', 'inherit'] },
	);
	t.teardown(() => running.kill('SIGKILL'));
	const [line] = await once(createInterface({ input: running.stdout }), 'line');
	const hub = JSON.parse(line);
	t.is(hub.hubHostName, `localhost:${hub.ports.iotHub}`);
	t.deepEqual(Object.keys(hub.devices), ['device1', 'edge1']);
	const variables = parseEnv(await readFile(hub.environmentFile, 'utf8'));
	t.is(variables['IOTHUB_CONNECTION_STRING'], hub.hubConnectionString);
	t.is(variables['PROVISIONING_IDSCOPE'], hub.provisioning.idScope);
	await using device = await SimulatedClient.connect({
		identity: { deviceId: 'device1' },
		connectionString: hub.devices.device1,
		authority: await readFile(hub.hubCaFile, 'utf8'),
	});
	await device.send({ hello: true });

	const command = async (...given: string[]) => {
		const terminal = new RecordingTerminal();
		await createProgram(terminal).parseAsync(['hub', ...given, '--state', state], { from: 'user' });
		process.exitCode = 0;
		return terminal.output;
	};
	t.regex(await command('faults', 'set', '--fail', 'server-error'), /requests +server-error/);
	await t.throwsAsync(command('devices', 'list'), { code: 'EDGE_HUB_REQUEST_FAILED' });
	await t.throwsAsync(command('faults', 'set', '--away', 'reset'), { message: /give seconds/ });
	await command('faults', 'clear');
	t.regex(await command('devices', 'list'), /device1/);
	await command('faults', 'drop');

	running.kill('SIGTERM');
	t.deepEqual(await once(running, 'exit'), [0, null]);
});

for (const command of [['emulator'], ['dev'], ['test-bed', 'up']]) {
	test(`${command.join(' ')} knows the sizes of a hub and starts nothing for another one`, async (t) => {
		const state = await temporaryFolder(t);
		const line = [...command, '--throttle', 'S9', '--state', state];
		const started = createProgram(new RecordingTerminal()).parseAsync(line, { from: 'user' });
		const error = await t.throwsAsync(started, { code: 'EDGE_SETTING_INVALID' });
		t.regex(String(error?.message), /S9/);
		t.deepEqual(await readdir(state), []);
	});
}
