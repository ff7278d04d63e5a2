import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Clock } from '../../runtime/clock.ts';
import type { ContainerLog } from './container-log.ts';
import { lifeLineVariable, processMarkVariable } from './preload/settings.ts';
import { signalGroup } from './process-identity.ts';
import type { ProcessRecord } from './process-record.ts';

/** How a process is started. */
export interface Launch {
	readonly argv: readonly string[];
	readonly env: Readonly<Record<string, string>>;
	readonly workingFolder: string;
}

/** How a process ended. */
export interface ProcessEnd {
	/** As a shell tells it: 128 + the number of the signal that ended the process. */
	readonly exitCode: number;
	readonly signal?: number;
	/** Unix time in milliseconds. */
	readonly at: number;
}

/** Descriptor of the life line in the process. */
const lifeLineDescriptor = 3;
/** Milliseconds that output of a process may still arrive after its end. */
const drainTime = 1000;

/** A process of a container: leader of its own group, output in a log. */
export class ContainerProcess {
	readonly #child: ChildProcess;
	readonly pid: number;
	/** Resolves when the process and its group have ended and the log is complete. */
	readonly ended: Promise<ProcessEnd>;

	private constructor(child: ChildProcess, pid: number, ended: Promise<ProcessEnd>) {
		this.#child = child;
		this.pid = pid;
		this.ended = ended;
	}

	/** @throws Error of the system when the program cannot be started. */
	static async start(
		launch: Launch,
		log: ContainerLog,
		record: ProcessRecord,
		clock: Clock,
	): Promise<ContainerProcess> {
		const [file = '', ...args] = launch.argv;
		const child = spawn(file, args, {
			cwd: launch.workingFolder,
			env: {
				...launch.env,
				[lifeLineVariable]: String(lifeLineDescriptor),
				[processMarkVariable]: record.mark,
			},
			stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
			detached: true,
		});
		if (child.pid !== undefined) record.add(child.pid);
		child.stdout?.on('data', (chunk: Buffer) => log.write('stdout', chunk));
		child.stderr?.on('data', (chunk: Buffer) => log.write('stderr', chunk));
		child.stdio[lifeLineDescriptor]?.on('error', () => {});
		await spawned(child);
		const pid = child.pid ?? 0;
		const ended = endOf(child, clock).then(async (end) => {
			signalGroup(pid, 'SIGKILL');
			await drained(child, clock);
			await Promise.all([log.end(), record.remove(pid)]);
			return end;
		});
		return new ContainerProcess(child, pid, ended);
	}

	/** Sends a signal to the process and all that it has started. */
	signal(signal: NodeJS.Signals): void {
		if (this.#child.exitCode === null && this.#child.signalCode === null) {
			signalGroup(this.pid, signal);
		}
	}

	/** SIGTERM, and SIGKILL when the process still runs after the grace period. */
	async stop(graceMs: number, clock: Clock): Promise<ProcessEnd> {
		this.signal('SIGTERM');
		const timer = clock.after(graceMs, () => this.signal('SIGKILL'));
		try {
			return await this.ended;
		} finally {
			timer[Symbol.dispose]();
		}
	}
}

function spawned(child: ChildProcess): Promise<void> {
	const { promise, resolve, reject } = Promise.withResolvers<void>();
	child.once('spawn', resolve);
	child.once('error', reject);
	return promise;
}

function endOf(child: ChildProcess, clock: Clock): Promise<ProcessEnd> {
	const { promise, resolve } = Promise.withResolvers<ProcessEnd>();
	child.once('exit', (code, name) => {
		const signal = name === null ? undefined : constants.signals[name];
		const exitCode = code ?? 128 + (signal ?? 0);
		const at = clock.now();
		resolve(signal === undefined ? { exitCode, at } : { exitCode, signal, at });
	});
	// Signals that cannot be delivered are reported here; the exit tells what matters.
	child.on('error', () => {});
	return promise;
}

/** Waits for the rest of the output, but not for children that left the group and hold it open. */
async function drained(child: ChildProcess, clock: Clock): Promise<void> {
	if (child.stdout?.closed && child.stderr?.closed) return;
	const { promise, resolve } = Promise.withResolvers<void>();
	child.once('close', () => resolve());
	const timer = clock.after(drainTime, () => {
		child.stdout?.destroy();
		child.stderr?.destroy();
		resolve();
	});
	await promise;
	timer[Symbol.dispose]();
	child.stdio[lifeLineDescriptor]?.destroy();
}
