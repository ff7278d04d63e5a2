import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const program = resolve(import.meta.dirname, '../../src/cli/main.ts');
const preload = pathToFileURL(resolve(import.meta.dirname, 'shifted-clock-preload.ts')).href;

/** Log lines that are kept for whoever looks for the cause of a failure. */
const keptLines = 60;

export interface HubProcessOptions {
	readonly env: Readonly<Record<string, string>>;
	/** A command that the program is run by, e.g. one that enters a namespace. */
	readonly wrapper?: readonly string[];
	/** By how much the wall clock is wrong from the start, in milliseconds. */
	readonly clockShift: number;
}

/** `iotedge-k8s hub` in a process of its own, which can be killed and whose clock can be moved. */
export class HubProcess {
	readonly lines: string[] = [];
	readonly #process: ChildProcess;
	readonly #listening = Promise.withResolvers<void>();
	#ended = false;

	constructor({ env, wrapper = [], clockShift }: HubProcessOptions) {
		const [command = process.execPath, ...line] = [
			...wrapper,
			process.execPath,
			'--import',
			preload,
			program,
			'hub',
		];
		this.#process = spawn(command, line, {
			env: { ...env, PATH: process.env['PATH'] },
			stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
		});
		this.#process.on('error', ({ message }) => {
			// One that could not be started does not exit.
			if (this.#process.pid === undefined) this.#end(message);
		});
		this.#process.once('exit', (code, signal) => this.#end(`It ended with ${code ?? signal}.`));
		this.shiftClock(clockShift);
		if (this.#process.stderr === null) throw new Error('The process has no output.');
		createInterface(this.#process.stderr).on('line', (text) => this.#heard(text));
	}

	/** It has ended by itself. */
	get ended(): boolean {
		return this.#ended;
	}

	/** Resolves when clients can connect, or the process has ended. */
	listening(): Promise<void> {
		return this.#listening.promise;
	}

	/** Makes the wall clock jump, by milliseconds. */
	shiftClock(ms: number): void {
		if (ms !== 0 && this.#process.connected) this.#process.send({ shiftClock: ms }, () => {});
	}

	/** Ends it as a power cut would. */
	async kill(): Promise<void> {
		if (this.#ended) return;
		this.#process.kill('SIGKILL');
		await once(this.#process, 'exit');
	}

	#end(reason: string): void {
		this.#ended = true;
		this.lines.push(reason);
		this.#listening.resolve();
	}

	#heard(text: string): void {
		this.lines.push(text);
		if (this.lines.length > keptLines) this.lines.shift();
		if (text.includes('listening for MQTT')) this.#listening.resolve();
	}
}
