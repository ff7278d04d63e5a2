import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf } from '../../runtime/edge-error.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { ServiceTable } from './preload/service-table.ts';

/** Writes the service table for the pods, each time as a whole and only when it has changed. */
export class ServiceTableWriter {
	readonly file: string;
	readonly #table: () => ServiceTable;
	readonly #logger: Logger;
	#writing: Promise<void> | undefined;
	#dirty = false;
	#written = '';

	constructor(file: string, table: () => ServiceTable, logger: Logger) {
		this.file = file;
		this.#table = table;
		this.#logger = logger;
	}

	/** Brings the file up to date. @returns when that is done. */
	update(): Promise<void> {
		this.#dirty = true;
		this.#writing ??= this.#writeWhileDirty();
		return this.#writing;
	}

	async #writeWhileDirty(): Promise<void> {
		try {
			while (this.#dirty) {
				// Many changes of one moment become one write.
				await new Promise((resolve) => setImmediate(resolve));
				this.#dirty = false;
				await this.#write(JSON.stringify(this.#table()));
			}
		} catch (error) {
			this.#logger.error('cannot write the service table', { error: messageOf(error) });
		} finally {
			this.#writing = undefined;
		}
	}

	async #write(text: string): Promise<void> {
		if (text === this.#written) return;
		await mkdir(dirname(this.file), { recursive: true });
		await writeFile(`${this.file}.new`, text);
		await rename(`${this.file}.new`, this.file);
		this.#written = text;
	}
}
