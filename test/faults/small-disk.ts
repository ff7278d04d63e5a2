import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * A real file system of a few megabytes, for programs that must meet ENOSPC: a tmpfs in a user and
 * mount namespace, which needs no root. It lasts as long as the process that holds the namespace.
 */
export class SmallDisk {
	/** The command that runs another one where the disk can be seen. */
	readonly wrapper: readonly string[];
	readonly #holder: ChildProcess;

	private constructor(holder: ChildProcess) {
		this.#holder = holder;
		const target = String(holder.pid);
		this.wrapper = ['nsenter', '-t', target, '-U', '-m', '--preserve-credentials', '--'];
	}

	/** @throws Error where this machine does not let users make namespaces. */
	static async mount(folder: string, bytes: number): Promise<SmallDisk> {
		const script = 'mount -t tmpfs -o "size=$2" tmpfs "$1" && echo mounted && exec sleep infinity';
		const holder = spawn(
			'unshare',
			['--user', '--map-root-user', '--mount', 'sh', '-c', script, 'sh', folder, String(bytes)],
			{ stdio: ['ignore', 'pipe', 'pipe'] },
		);
		holder.on('error', () => {});
		let said = '';
		holder.stdout.on('data', (chunk: Buffer) => {
			said += chunk.toString();
		});
		await Promise.race([once(holder.stdout, 'data'), once(holder, 'close')]).catch(() => {});
		if (said.includes('mounted')) return new SmallDisk(holder);
		holder.kill('SIGKILL');
		throw new Error('A small disk cannot be mounted here: users may not make namespaces.');
	}

	async unmount(): Promise<void> {
		if (this.#holder.exitCode !== null || this.#holder.signalCode !== null) return;
		this.#holder.kill('SIGKILL');
		await once(this.#holder, 'exit');
	}
}
