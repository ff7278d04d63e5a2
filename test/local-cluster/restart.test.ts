import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { processStartTime } from '../../src/local-cluster/node/process-identity.ts';
import { ProcessRecord } from '../../src/local-cluster/node/process-record.ts';
import { deploymentOf, isReady, LocalClusterRun, podOf } from '../support/local-cluster-run.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

/** Writes its process id and how often it has been started to the file of a claim. */
const counter = `
	import { appendFileSync, readFileSync } from 'node:fs';
	appendFileSync('/tmp' && process.env.FILE, process.pid + '\\n');
	console.log('start ' + readFileSync(process.env.FILE, 'utf8').trim().split('\\n').length);
	setInterval(() => {}, 1000);
`;

function counterPod(name: string, file: string, container: object = {}): object {
	const env = [{ name: 'FILE', value: file }];
	return podOf(name, { containers: [{ name: 'main', image: 'counter', env, ...container }] });
}

const isAlive = (pid: number) => processStartTime(pid) !== undefined;

test('pods run again after the cluster was stopped and started', async (t) => {
	const run = await LocalClusterRun.start(t);
	await run.module('counter', counter);
	const file = join(run.folder, 'pids');
	await run.apply(
		counterPod('counter', file),
		deploymentOf('counter', 1, { env: [{ name: 'FILE', value: join(run.folder, 'other') }] }),
	);
	const [before] = await run.pods('counter', (pods) => pods.length === 2 && pods.every(isReady));
	await run.line('counter', /start 1/);
	const [pid = 0] = (await readFile(file, 'utf8')).split('\n').map(Number);
	await run.restart();
	t.false(isAlive(pid));
	const pods = await run.pods('counter', (all) => {
		return (
			all.length === 2 &&
			all.every((pod) => isReady(pod) && pod.status?.containerStatuses?.[0]?.restartCount === 1)
		);
	});
	t.is(pods[0]?.metadata.uid, before?.metadata.uid);
	await run.line('counter', /start 2/);
	t.is(pods[0]?.status?.containerStatuses?.[0]?.lastState.terminated?.exitCode, 255);
	t.deepEqual(await run.log('counter', { previous: true }), ['start 1']);
});

test('nothing is left of a cluster that was killed, and it goes on after the next start', async (t) => {
	const run = await LocalClusterRun.start(t);
	await run.module('counter', counter);
	const file = join(run.folder, 'pids');
	const shellFile = join(run.folder, 'shell-pid');
	const command = ['/bin/sh', '-c', `echo $$$$ > ${shellFile}; sleep 1000`];
	await run.apply(counterPod('counter', file), counterPod('shell', shellFile, { command }));
	await run.line('counter', /start 1/);
	await run.cluster.stop();
	const script = join(import.meta.dirname, '../support/local-cluster-process.ts');
	const folder = join(run.folder, 'cluster');
	const child = fork(script, [folder, join(run.folder, 'modules')]);
	t.teardown(() => child.kill('SIGKILL'));
	await once(child, 'message');
	const lines = async (path: string, count: number) =>
		until(async () => {
			const pids = (await readFile(path, 'utf8').catch(() => '')).trim().split('\n');
			return pids.length >= count ? pids.map(Number) : undefined;
		}, `${count} starts`);
	const nodePid = (await lines(file, 2)).at(-1) ?? 0;
	const [shellPid = 0] = await until(async () => {
		const [pid = 0] = await lines(shellFile, 1);
		return isAlive(pid) ? [pid] : undefined;
	}, 'the shell');
	child.kill('SIGKILL');
	await once(child, 'exit');
	for (const pid of [nodePid, shellPid]) {
		await until(async () => (isAlive(pid) ? undefined : true), 'the end of the programs');
	}
	await run.restart();
	await run.pod('counter', (pod) => {
		return isReady(pod) && (pod.status?.containerStatuses?.[0]?.restartCount ?? 0) >= 1;
	});
	t.is(await run.line('counter', /start 3/), 'start 3');
});

test('two clusters on one machine do not disturb each other', async (t) => {
	const [one, two] = await Promise.all([LocalClusterRun.start(t), LocalClusterRun.start(t)]);
	const program = "import http from 'node:http'; http.createServer().listen(8080);";
	for (const run of [one, two]) {
		await run.module('web', program);
		await run.apply(podOf('web', { image: 'web' }));
	}
	const pods = await Promise.all([one, two].map((run) => run.pod('web', isReady)));
	t.not(pods[0]?.status?.podIP, pods[1]?.status?.podIP);
});

test('stopping twice, or before a start, does nothing', async (t) => {
	const run = await LocalClusterRun.start(t);
	await run.cluster.stop();
	await t.notThrowsAsync(run.cluster.stop());
	t.throws(() => run.client, { message: /not been started/ });
});

test('programs of a run that ended without a trace are ended by the next one', async (t) => {
	const folder = await temporaryFolder(t);
	const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
	const ended = once(child, 'exit');
	const record = new ProcessRecord(folder);
	record.add(child.pid ?? 0);
	// A record whose process id belongs to another process by now.
	const other = join(folder, `${process.pid}.json`);
	await writeFile(other, JSON.stringify({ pid: process.pid, started: 'long ago' }));
	t.is(await new ProcessRecord(folder).killAll(), 1);
	t.deepEqual(await ended, [null, 'SIGKILL']);
	t.is(await new ProcessRecord(folder).killAll(), 0);
});
