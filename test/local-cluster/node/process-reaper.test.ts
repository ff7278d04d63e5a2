import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { processStartTime } from '../../../src/local-cluster/node/process-identity.ts';
import { ProcessReaper } from '../../../src/local-cluster/node/process-reaper.ts';
import { ProcessRecord } from '../../../src/local-cluster/node/process-record.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux(
	'a program ends with its node even if the node died before it could record it',
	async (t) => {
		const folder = join(await temporaryFolder(t), 'processes');
		const script = join(import.meta.dirname, '../../support/reaped-process.ts');
		const node = spawn(process.execPath, [script, folder], {
			stdio: ['ignore', 'pipe', 'inherit'],
		});
		const [line] = (await once(createInterface(node.stdout), 'line')) as [string];
		const program = Number(line);
		t.teardown(() => processStartTime(program) !== undefined && process.kill(program, 'SIGKILL'));
		t.not(processStartTime(program), undefined);
		node.kill('SIGKILL');
		await until(() => processStartTime(program) === undefined, 'the end of the program');
		t.pass();
	},
);

test('a reaper that is not needed any more ends, and nothing else does', async (t) => {
	const folder = join(await temporaryFolder(t), 'processes');
	await mkdir(folder);
	const record = new ProcessRecord(folder);
	const program = spawn('sleep', ['1000'], { stdio: 'ignore', detached: true });
	t.teardown(() => program.kill('SIGKILL'));
	record.add(program.pid ?? 0);
	const reaper = new ProcessReaper(record);
	reaper.start();
	await reaper.stop();
	t.not(processStartTime(program.pid ?? 0), undefined);
});
