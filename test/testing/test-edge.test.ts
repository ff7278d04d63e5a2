import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { movableClock, startEdge, startHub } from '../../src/testing/testing.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const average = new URL('./modules/average', import.meta.url);

test.serial('a module is driven in every way that IoT Hub has', async (t) => {
	await using edge = await startEdge({
		modules: { average: { folder: average, desired: { unit: 'C' } } },
		routes: ['FROM /messages/modules/average/* INTO $upstream', 'FROM /messages/* INTO $upstream'],
	});

	t.is(edge.status('average'), 'running');
	const averages = await edge.listen('average', 'averages');
	await edge.send('average', 'readings', { temperature: 1 });
	t.deepEqual((await edge.reported('average', ({ unit }) => unit === 'C'))['unit'], 'C');
	edge.desire('average', { unit: 'F' });
	await edge.reported('average', ({ unit }) => unit === 'F');
	t.like(await edge.call('average', 'count'), { status: 200 });
	await t.throwsAsync(edge.send('averge', 'readings', {}), {
		message: 'The edge has no module "averge". Did you mean "average"?',
	});
	await edge.send('average', 'readings', { temperature: 4 });
	t.deepEqual((await averages.next()).body, { average: 2.5 });
	t.true((await edge.logs('average')).includes('The average module listens.'));
});

test.serial('a leaf device and a module that a test plays work through the hub', async (t) => {
	await using edge = await startEdge({
		routes: {
			up: 'FROM /messages/* WHERE NOT IS_DEFINED($connectionModuleId) INTO $upstream',
			across: 'FROM /messages/modules/one/* INTO BrokeredEndpoint("/modules/two/inputs/in")',
		},
	});
	const [leaf, one, two] = await Promise.all([
		edge.device('leaf1'),
		edge.module('one'),
		edge.module('two'),
	]);
	await two.listen();

	await leaf.send({ level: 3 }, { properties: { kind: 'tank' } });
	const up = await edge.upstream({ from: 'leaf1' });
	t.deepEqual(up.body, { level: 3 });
	t.deepEqual(up.properties, { kind: 'tank' });
	await one.send('hello', { output: 'words' });
	t.like(await two.receive({ input: 'in' }), { body: 'hello', input: 'in' });
	two.answer('double', (n) => Number(n) * 2);
	t.deepEqual(await edge.call('two', 'double', 21), { status: 200, payload: 42 });
	await leaf.report({ firmware: '1.2' });
	await t.notThrowsAsync(until(() => edge.hub.twin('leaf1').reported['firmware'] === '1.2'));
});

test.serial('messages of a time without IoT Hub arrive when the link is restored', async (t) => {
	await using edge = await startEdge({ modules: { average } });
	await edge.send('average', 'readings', { temperature: 0 });
	await edge.send('average', 'readings', { temperature: 2 });
	await edge.upstream();

	edge.cut();
	await edge.send('average', 'readings', { temperature: 4 });
	await edge.send('average', 'readings', { temperature: 6 });
	t.true(edge.hub.messages.every(({ text }) => text === '{"average":1}'));
	edge.restore();
	// What was not acknowledged when the link was cut is sent again, hence the condition.
	await edge.upstream({ where: ({ text }) => text === '{"average":5}', timeout: 20_000 });
});

test.serial('time is moved on: what IoT Hub could not get in time has expired', async (t) => {
	const clock = movableClock();
	const hub = { schemaVersion: '1.1', storeAndForwardConfiguration: { timeToLiveSecs: 600 } };
	await using edge = await startEdge({
		clock,
		manifest: { modulesContent: { $edgeHub: { 'properties.desired': hub } } },
		routes: ['FROM /messages/* INTO $upstream'],
	});
	const leaf = await edge.device('leaf');
	edge.cut();
	await leaf.send({ n: 1 });
	clock.advance(601_000);
	await leaf.send({ n: 2 });
	edge.restore();
	await edge.upstream({ where: ({ text }) => text === '{"n":2}', timeout: 20_000 });
	t.false(edge.hub.messages.some(({ text }) => text === '{"n":1}'));
});

test.serial('timers of a moved clock run when they are due, in order', (t) => {
	const clock = movableClock();
	const ran: string[] = [];
	const before = clock.now();
	using _one = clock.after(2000, () => ran.push('two seconds'));
	using _two = clock.after(1000, () => ran.push('one second'));
	using _never = clock.after(3_000_000_000, () => ran.push('a month'));
	using every = clock.every(1500, () => ran.push('every'));
	const gone = clock.after(500, () => ran.push('gone'));
	gone[Symbol.dispose]();
	clock.advance(2000);
	t.deepEqual(ran, ['one second', 'every', 'two seconds']);
	t.true(clock.now() - before >= 2000);
	clock.advance(1500);
	every[Symbol.dispose]();
	clock.advance(10_000);
	t.deepEqual(ran.slice(3), ['every']);
});

test.serial('a module that is killed comes back and gets what was sent meanwhile', async (t) => {
	await using edge = await startEdge({ modules: { average } });
	await edge.send('average', 'readings', { temperature: 1 });
	await edge.send('average', 'readings', { temperature: 2 });
	await edge.upstream();
	await edge.kill('average');
	await edge.send('average', 'readings', { temperature: 7 });
	await edge.send('average', 'readings', { temperature: 9 });
	t.deepEqual((await edge.upstream()).body, { average: 8 });
});

test.serial('a wait in vain says what came instead and what the module has printed', async (t) => {
	await using edge = await startEdge({ modules: { average } });
	await edge.call('average', 'count');
	const leaf = await edge.device('leaf');
	await leaf.send({ other: true });
	await edge.upstream({ from: 'leaf' });
	const error = await t.throwsAsync(edge.upstream({ from: 'average', timeout: 300 }));
	t.regex(error?.message ?? '', /No such message in IoT Hub within 300 ms/);
	t.regex(error?.message ?? '', /Module average: running/);
	t.regex(error?.message ?? '', /The average module listens\./);
});

test.serial('a module that cannot start fails the start of the edge with its state', async (t) => {
	const starting = startEdge({ modules: { ghost: { image: 'ghost:1' } }, startTimeout: 800 });
	const error = await t.throwsAsync(starting);
	t.regex(error?.message ?? '', /Module ghost/);
});

test.serial('an edge that is disposed of leaves no file, no process and no handle', async (t) => {
	const folder = await temporaryFolder(t);
	const script = resolve(import.meta.dirname, '../support/passing-edge-process.ts');
	const env = { ...process.env, TMPDIR: folder };
	// It ends only when nothing keeps it alive.
	const { stdout } = await run(process.execPath, [script], { env, timeout: 30_000 });
	t.is(stdout, 'disposed\n');
	t.deepEqual(await readdir(folder), []);
	const { stdout: processes } = await run('ps', ['-eo', 'args=']);
	t.false(processes.split('\n').some((line) => line.includes(folder)));
});

test.serial('a hub alone serves devices, twins, methods and messages to devices', async (t) => {
	await using hub = await startHub();
	const device = await hub.connect('device1');
	await device.listen();
	await device.send({ n: 1 });
	t.like(await hub.message({ where: ({ deviceId }) => deviceId === 'device1' }), {
		body: { n: 1 },
	});
	hub.sendToDevice('device1', { open: true }, { priority: 'high' });
	t.like(await device.receive(), { body: { open: true }, properties: { priority: 'high' } });
	device.answer('fail', () => {
		throw new Error('no');
	});
	device.answer('busy', () => ({ status: 503, payload: 'later' }));
	t.like(await hub.call('device1', { name: 'fail' }), { status: 500 });
	t.deepEqual(await hub.call('device1', { name: 'busy' }), { status: 503, payload: 'later' });
});
