import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ModuleAccount } from './module-account.ts';

/** A module in a process of its own. */
export class ModuleProcess {
	readonly #process: ChildProcess;
	#errors = '';

	/** @param program file beside this one. @param heard gets every line of its standard output */
	constructor(program: string, account: ModuleAccount, heard: (line: string) => void) {
		const path = join(import.meta.dirname, program);
		this.#process = spawn(process.execPath, [path, JSON.stringify(account)], {
			stdio: ['pipe', 'pipe', 'pipe'],
		});
		const { stdin, stdout, stderr } = this.#process;
		if (stdin === null || stdout === null || stderr === null) throw new Error('No streams.');
		stdin.on('error', () => {});
		stderr.on('data', (chunk: Buffer) => {
			this.#errors = (this.#errors + chunk.toString()).slice(-2000);
		});
		createInterface(stdout).on('line', heard);
	}

	/** What it last said on standard error. */
	get errors(): string {
		return this.#errors;
	}

	get ended(): boolean {
		return this.ending !== undefined;
	}

	/** How it ended, e.g. `SIGKILL` or `1`; undefined while it runs. */
	get ending(): string | undefined {
		const { exitCode, signalCode } = this.#process;
		return signalCode ?? (exitCode === null ? undefined : String(exitCode));
	}

	/** Asks a sender to send nothing new, and to end when all is acknowledged. */
	askToStop(): void {
		this.#process.stdin?.write('stop\n');
	}

	async kill(): Promise<void> {
		if (this.ended) return;
		this.#process.kill('SIGKILL');
		await once(this.#process, 'close');
	}
}
