import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const patience = 90_000;

/** Programs that end with this process, however that ends; each writes a log into the folder. */
export class ProcessGroup implements AsyncDisposable {
	readonly #folder: string;
	readonly #processes = new Map<string, ChildProcess>();

	/** @param folder where logs go: `<name>.log`. */
	constructor(folder: string) {
		this.#folder = folder;
	}

	/** @param name what it is called here; one of a name runs at a time. */
	start(name: string, program: string, args: readonly string[]): void {
		const guard = 'exec 3<&0; "$@" 3<&- & p=$!; (read -r _ <&3; kill -9 $p) & wait $p';
		// Not through this process: while it is busy, a full pipe would hold up the program.
		const log = openSync(this.#logOf(name), 'a');
		const child = spawn('sh', ['-c', guard, 'sh', program, ...args], {
			stdio: ['pipe', log, log],
		});
		closeSync(log);
		this.#processes.set(name, child);
	}

	/** Kills a program, if it runs. */
	async kill(name: string): Promise<void> {
		const child = this.#processes.get(name);
		this.#processes.delete(name);
		if (child === undefined || child.exitCode !== null) return;
		const exited = once(child, 'exit');
		child.stdin?.end();
		await exited;
	}

	/** @throws Error with the end of its log, when a program ends or does not come to be ready. */
	async untilReady(name: string, isReady: () => Promise<boolean>): Promise<void> {
		const end = Date.now() + patience;
		while (Date.now() < end && this.#processes.get(name)?.exitCode === null) {
			if (await isReady().catch(() => false)) return;
			await sleep(100);
		}
		throw new Error(`${name} has not started:\n${await this.logTail(name)}`);
	}

	/** The end of a program's log. */
	async logTail(name: string): Promise<string> {
		return (await readFile(this.#logOf(name), 'utf8').catch(() => '')).slice(-2000);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		for (const name of [...this.#processes.keys()].reverse()) await this.kill(name);
	}

	#logOf(name: string): string {
		return join(this.#folder, `${name}.log`);
	}
}
