import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/**
 * When a process started, as a text that no later process with the same id has.
 *
 * @returns `undefined` when there is no such process.
 */
export async function processStartTime(pid: number): Promise<string | undefined> {
	if (process.platform === 'linux') {
		const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
		// The name in parentheses may hold anything; the 22nd field is the start time.
		return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
	}
	const ps = promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]);
	return ps.then(
		({ stdout }) => stdout.trim() || undefined,
		() => undefined,
	);
}

/** Sends a signal to a process group; a group that is gone is no failure. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
	try {
		process.kill(-pid, signal);
	} catch {
		// Nobody is left in the group.
	}
}
