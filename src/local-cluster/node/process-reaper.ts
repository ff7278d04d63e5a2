import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { processMarkVariable } from './preload/settings.ts';
import { signalGroup } from './process-identity.ts';
import type { ProcessRecord } from './process-record.ts';

/**
 * Reads its input to the end, then kills the groups of all recorded processes; and, where Linux tells
 * environments, those that bear the mark of the record: the node may have died between the start of a
 * program and its record. The second look is for what was just about to become a program.
 */
const script = `cat > /dev/null
exec 2> /dev/null
for file in "$0"/*.json; do
	[ -e "$file" ] && name="\${file##*/}" && kill -9 "-\${name%.json}"
done
for pause in 0 1; do
	sleep $pause
	grep -lszxF "$1" /proc/[0-9]*/environ | while IFS=/ read -r _ _ id _; do kill -9 "$id"; done
done`;

/**
 * A shell that outlives the node by a moment: when the node dies, even by `kill -9`, it ends the
 * programs in pods that have no life line of their own because they are not Node programs.
 */
export class ProcessReaper {
	readonly #record: ProcessRecord;
	#shell: ChildProcess | undefined;

	constructor(record: ProcessRecord) {
		this.#record = record;
	}

	start(): void {
		if (process.platform === 'win32') return;
		const { folder, mark } = this.#record;
		const line = `${processMarkVariable}=${mark}`;
		const shell = spawn('/bin/sh', ['-c', script, folder, line], {
			stdio: ['pipe', 'ignore', 'ignore'],
			// In a session of its own it does not see the Ctrl+C that ends the node.
			detached: true,
		});
		// Without a shell the next start of the node ends what is left.
		shell.on('error', () => {
			this.#shell = undefined;
		});
		shell.stdin?.on('error', () => {});
		this.#shell = shell;
		shell.unref();
	}

	/** Call when no recorded process is left. Resolves when the shell has ended. */
	async stop(): Promise<void> {
		const shell = this.#shell;
		this.#shell = undefined;
		if (shell === undefined || shell.exitCode !== null || shell.signalCode !== null) return;
		const ended = once(shell, 'exit');
		signalGroup(shell.pid ?? 0, 'SIGKILL');
		await ended;
	}
}
