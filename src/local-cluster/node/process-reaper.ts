import { type ChildProcess, spawn } from 'node:child_process';

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
		shell.on('error', () => {});
		shell.stdin?.on('error', () => {});
		shell.unref();
		this.#shell = shell;
	}

	/** Call when no recorded process is left. */
	stop(): void {
		this.#shell?.stdin?.destroy();
		this.#shell = undefined;
	}
}
