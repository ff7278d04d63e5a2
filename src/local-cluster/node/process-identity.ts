import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * When a process started, as a text that no later process with the same id has. Synchronous, so
 * that a new process can be recorded before anything else happens.
 *
 * @returns `undefined` when there is no such process, or when it has ended.
 */
export function processStartTime(pid: number): string | undefined {
	try {
		return process.platform === 'linux' ? linuxStartTime(pid) : listedStartTime(pid);
	} catch {
		return undefined;
	}
}

function linuxStartTime(pid: number): string | undefined {
	const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
	// The name in parentheses may hold anything. State is the 3rd field, start time the 22nd.
	const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
	const ended = fields[0] === 'Z' || fields[0] === 'X';
	return ended ? undefined : fields[19];
}

function listedStartTime(pid: number): string | undefined {
	const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
	return text.trim() || undefined;
}

/** Sends a signal to a process group; a group that is gone is no failure. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
	try {
		process.kill(-pid, signal);
	} catch {
		// Nobody is left in the group.
	}
}
