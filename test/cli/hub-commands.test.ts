import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createProgram } from '../../src/cli/program.ts';
import type { TestHub } from '../../src/testing/test-hub.ts';
import { startHub } from '../../src/testing/testing.ts';
import { RecordingTerminal } from '../support/recording-terminal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Runs `iotedge-k8s hub …` in this process, where the folder of a development edge names the hub. */
async function hubCommand(t: ExecutionContext, hub: TestHub) {
	const folder = await temporaryFolder(t);
	await writeFile(join(folder, 'ca.pem'), hub.authority);
	const variables = [
		`IOTHUB_CONNECTION_STRING="${hub.connectionString}"`,
		`NODE_EXTRA_CA_CERTS="${join(folder, 'ca.pem')}"`,
	];
	await mkdir(folder, { recursive: true });
	await writeFile(join(folder, '.env'), variables.join('\n'));
	return async (...words: string[]) => {
		const terminal = new RecordingTerminal();
		const program = createProgram(terminal);
		await program.parseAsync(['hub', ...words, '--state', folder], { from: 'user' });
		const code = process.exitCode;
		process.exitCode = 0;
		const { output, notes } = terminal;
		return { output, notes, code, json: () => JSON.parse(output) };
	};
}

test.serial('devices and modules are created, listed, shown and deleted', async (t) => {
	await using hub = await startHub();
	const run = await hubCommand(t, hub);
	await run('devices', 'create', 'edge1', '--edge');
	const leaf = await run('devices', 'create', 'leaf1', '--parent', 'edge1', '--output', 'json');
	t.is(leaf.json().connectionString, hub.create('leaf1'));
	t.is(
		hub.emulator.registry.device('leaf1').deviceScope,
		hub.emulator.registry.device('edge1').deviceScope,
	);
	await run('devices', 'create', 'edge1/filter');
	const list = await run('devices', 'list');
	t.regex(list.output, /^DEVICE +EDGE +STATUS +CONNECTION +LAST ACTIVITY\nedge1 +yes +enabled/);
	const modules = await run('modules', 'edge1', '--output', 'json');
	t.deepEqual(
		modules
			.json()
			.map(({ moduleId }: { moduleId: string }) => moduleId)
			.sort(),
		['$edgeAgent', '$edgeHub', 'filter'],
	);
	t.is((await run('devices', 'delete', 'edge1/filter', 'leaf1')).code, 0);
	t.is(hub.emulator.registry.findDevice('leaf1'), undefined);
	await t.throwsAsync(run('devices', 'show', 'leaf1'), { code: 'EDGE_HUB_REQUEST_FAILED' });
});

test.serial('twins, methods and messages reach a device', async (t) => {
	await using hub = await startHub();
	const run = await hubCommand(t, hub);
	const device = await hub.connect('device1');
	device.answer('add', (terms) => (terms as number[]).reduce((sum, term) => sum + term, 0));
	device.answer('refuse', () => ({ status: 409, payload: 'no' }));
	await device.listen();

	const twin = await run(
		'twin',
		'update',
		'device1',
		'--desired',
		'{"rate":5}',
		'--tags',
		'{"a":1}',
	);
	t.like(twin.json(), { tags: { a: 1 }, properties: { desired: { rate: 5 } } });
	t.like((await run('twin', 'show', 'device1')).json(), { deviceId: 'device1' });
	const added = await run('method', 'device1', 'add', '--payload', '[1,2]');
	t.deepEqual([added.json(), added.code], [{ status: 200, payload: 3 }, 0]);
	t.is((await run('method', 'device1', 'refuse')).code, 1);
	await run('send', 'device1', 'hello', '--property', 'a=b');
	t.like(await device.receive(), { text: 'hello', properties: { a: 'b' } });

	await device.send({ n: 1 }, { properties: { kind: 'x' } });
	await hub.message();
	const events = await run('monitor-events', '--all', '--count', '1');
	t.regex(events.output, /device1 {2}\{"n":1\} {2}\{"kind":"x"\}\n$/);
	const following = run(
		'monitor-events',
		'--device',
		'device1',
		'--count',
		'1',
		'--output',
		'json',
	);
	// Sent until one of them comes after the reader has begun.
	let followed: { n: number } | undefined;
	void following.then((result) => {
		followed = result.json().body;
		t.like(result.json(), { deviceId: 'device1', moduleId: null, properties: {} });
	});
	for (let n = 2; followed === undefined; n += 1) {
		await device.send({ n });
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	t.true(followed.n > 1, 'what was there before is not printed');
	const stranger = hub.connectionString.replace(/SharedAccessKey=.*/, 'SharedAccessKey=d3Jvbmc=');
	await t.throwsAsync(run('monitor-events', '--connection-string', stranger), {
		code: 'EDGE_HUB_REFUSED',
	});
	await t.throwsAsync(run('twin', 'update', 'device1'), { code: 'EDGE_OPTION_MISSING' });
	await t.throwsAsync(run('twin', 'update', 'device1', '--desired', '{'), {
		code: 'EDGE_SETTING_INVALID',
	});
});

test.serial('a deployment is checked before it is set', async (t) => {
	await using hub = await startHub();
	const run = await hubCommand(t, hub);
	hub.create('edge1', { iotEdge: true });
	const project = resolve(import.meta.dirname, '../..');
	const manifest = join(project, 'deployments/simulated-temperature.json');
	t.is((await run('set-modules', 'edge1', manifest)).code, 0);
	t.is(hub.twin('edge1/$edgeAgent').desired['schemaVersion'], '1.1');
	const broken = join(await temporaryFolder(t), 'broken.json');
	await writeFile(broken, '{"modulesContent":{"$edgeAgent":{"properties.desired":{"modules":3}}}}');
	const refused = await run('set-modules', 'edge1', broken);
	t.is(refused.code, 2);
	t.regex(refused.notes, /Nothing was set/);
});
