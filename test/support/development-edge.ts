import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { get } from 'node:https';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { parseConnectionString } from '../../src/protocol/connection-string.ts';
import { createSasToken } from '../../src/protocol/sas-token.ts';
import { until } from './until.ts';

const project = resolve(import.meta.dirname, '../..');

/** A line that `dev --output json` prints. */
export interface DevEvent {
	readonly event: string;
	readonly [member: string]: unknown;
}

/** The `dev` command as a user runs it, in a process of its own. */
export class DevelopmentEdge {
	readonly state: string;
	readonly events: DevEvent[] = [];
	readonly #process: ChildProcess;
	#errors = '';

	/** @param options more of the command line. */
	constructor(manifest: string, state: string, options: readonly string[] = []) {
		this.state = state;
		const line = ['src/cli/main.ts', 'dev', manifest, '--state', state, '--output', 'json'];
		this.#process = spawn(process.execPath, [...line, ...options], {
			cwd: project,
			stdio: ['ignore', 'pipe', 'pipe'],
		});
		this.#process.stderr?.on('data', (text: Buffer) => {
			this.#errors += text.toString();
		});
		if (this.#process.stdout === null) throw new Error('The process has no output.');
		createInterface(this.#process.stdout).on('line', (text) => this.events.push(JSON.parse(text)));
	}

	get pid(): number {
		return this.#process.pid ?? 0;
	}

	/** Variables that let an Azure SDK in another process talk to the emulator. */
	async environment(): Promise<Record<string, string>> {
		const text = await readFile(join(this.state, '.env'), 'utf8');
		const lines = text.split('\n').filter((line) => /^[A-Z_]+=/.test(line));
		return Object.fromEntries(
			lines.map((line) => {
				const equals = line.indexOf('=');
				return [line.slice(0, equals), line.slice(equals + 1).replace(/^"(.*)"$/, '$1')];
			}),
		);
	}

	/** Waits for the first event that satisfies the condition. */
	async waitFor(
		what: string,
		condition: (event: DevEvent) => boolean,
		ms = 60_000,
	): Promise<DevEvent> {
		return this.until(what, () => this.events.find(condition), ms);
	}

	/** Waits until a look at all events gives something. */
	async until<Found>(what: string, look: () => Found | undefined, ms = 60_000) {
		return until(look, () => `${what}\n${this.#diagnosis()}`, ms);
	}

	telemetryOf(moduleId: string): DevEvent[] {
		return this.events.filter(
			(event) => event.event === 'telemetry' && event['moduleId'] === moduleId,
		);
	}

	/** Everything that the hub has received in its life, shown or not before a run was killed. */
	async receivedTelemetry(): Promise<{ readonly moduleId?: string; readonly body: unknown }[]> {
		const environment = await this.environment();
		const { hostName = '', ...service } = parseConnectionString(
			environment['IOTHUB_CONNECTION_STRING'] ?? '',
		);
		const authorization = createSasToken({
			resource: hostName,
			key: service.sharedAccessKey ?? '',
			keyName: service.sharedAccessKeyName ?? '',
			expiry: Math.ceil(Date.now() / 1000) + 60,
		});
		const ca = await readFile(environment['NODE_EXTRA_CA_CERTS'] ?? '');
		const [response] = await once(
			get(`https://${hostName}/messages/events`, { ca, agent: false, headers: { authorization } }),
			'response',
		);
		const lines = (await text(response)).split('\n').filter((line) => line !== '');
		return lines.map((line) => JSON.parse(line));
	}

	/** Ends the process as a power cut would. */
	async kill(): Promise<void> {
		if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
		this.#process.kill('SIGKILL');
		await once(this.#process, 'exit');
	}

	/** Ends it as Ctrl-C does. @returns the exit code. */
	async stop(): Promise<number | null> {
		if (this.#process.exitCode !== null) return this.#process.exitCode;
		this.#process.kill('SIGINT');
		return this.exited();
	}

	/** Waits for its end. @returns the exit code. */
	async exited(): Promise<number | null> {
		if (this.#process.exitCode === null && this.#process.signalCode === null) {
			await once(this.#process, 'exit');
		}
		return this.#process.exitCode;
	}

	#diagnosis(): string {
		const last = this.events.slice(-8).map((event) => JSON.stringify(event).slice(0, 400));
		return [...last, this.#errors.slice(-3000)].join('\n');
	}
}
