/**
 * A node that starts a program and does not live to record it. Prints the program's process id.
 * Argument: folder of the record.
 */
import { spawn } from 'node:child_process';
import { processMarkVariable } from '../../src/local-cluster/node/preload/settings.ts';
import { ProcessReaper } from '../../src/local-cluster/node/process-reaper.ts';
import { ProcessRecord } from '../../src/local-cluster/node/process-record.ts';

const record = new ProcessRecord(process.argv[2] ?? '');
new ProcessReaper(record).start();
const program = spawn('sleep', ['1000'], {
	env: { ...process.env, [processMarkVariable]: record.mark },
	stdio: 'ignore',
	detached: true,
});
console.log(program.pid);
setInterval(() => {}, 1000);
