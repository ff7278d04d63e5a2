import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject } from '../../runtime/json.ts';
import { processStartTime, signalGroup } from './process-identity.ts';

/**
 * Files that name the processes that the node has started, so that a node that starts after a
 * `kill -9` ends those that did not notice: programs other than Node have no life line.
 */
export class ProcessRecord {
	readonly folder: string;
	/** In the environment of every process that is to be recorded, and of no other. */
	readonly mark: string = randomUUID();

	constructor(folder: string) {
		this.folder = folder;
	}

	/** Synchronous: a process must be recorded before the node can be killed. */
	add(pid: number): void {
		const started = processStartTime(pid);
		if (started === undefined) return;
		mkdirSync(this.folder, { recursive: true });
		writeFileSync(this.#file(pid), JSON.stringify({ pid, started }));
	}

	async remove(pid: number): Promise<void> {
		await rm(this.#file(pid), { force: true });
	}

	/**
	 * Kills every recorded process group that still runs.
	 *
	 * @returns how many there were.
	 */
	async killAll(): Promise<number> {
		const files = await readdir(this.folder).catch(() => []);
		let killed = 0;
		for (const file of files) {
			const path = join(this.folder, file);
			const { pid, started } = await readRecord(path);
			if (pid !== undefined && processStartTime(pid) === started) {
				signalGroup(pid, 'SIGKILL');
				killed += 1;
			}
			await rm(path, { force: true });
		}
		return killed;
	}

	#file(pid: number): string {
		return join(this.folder, `${pid}.json`);
	}
}

async function readRecord(path: string): Promise<{ pid?: number; started?: string }> {
	try {
		const value: unknown = JSON.parse(await readFile(path, 'utf8'));
		if (!isJsonObject(value)) return {};
		const { pid, started } = value;
		return typeof pid === 'number' && typeof started === 'string' ? { pid, started } : {};
	} catch {
		return {};
	}
}
