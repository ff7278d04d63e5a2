import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';

// Watches from a thread of its own: a case that never ends would stop every timer of its thread.

/** Number of the case that runs, and which target's it is. */
const current = new Int32Array(workerData.current as SharedArrayBuffer);
const patience = 30_000;

let seen = -1;
let since = Date.now();
setInterval(() => {
	const now = Atomics.load(current, 0);
	if (now !== seen || now < 0) {
		seen = now;
		since = Date.now();
	} else if (Date.now() - since > patience) {
		const target = (workerData.names as string[])[Atomics.load(current, 1)];
		writeSync(2, `Case ${now} of "${target}" hangs.\n`);
		process.kill(process.pid, 'SIGKILL');
	}
}, 500);
