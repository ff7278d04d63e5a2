import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Reads its input to the end, then kills the groups of all recorded processes. */
const script = `cat > /dev/null
for file in "$0"/*.json; do
	[ -e "$file" ] && name="\${file##*/}" && kill -9 "-\${name%.json}"
done 2> /dev/null`;

/**
 * A shell that outlives the node by a moment: when the node dies, even by `kill -9`, it ends the
 * programs in pods that have no life line of their own because they are not Node programs.
 */
export class ProcessReaper {
	readonly #folder: string;
	#shell: ChildProcess | undefined;

	/** @param folder of the process record. */
	constructor(folder: string) {
		this.#folder = folder;
	}

	start(): void {
		if (process.platform === 'win32') return;
		const shell = spawn('/bin/sh', ['-c', script, this.#folder], {
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
		shell.stdin?.destroy();
		await ended;
	}
}
