import { readFile } from 'node:fs/promises';
import { messageOf } from '../runtime/edge-error.ts';
import type { SettingProblem } from '../runtime/settings.ts';

/** The setting that names a file. */
type Setting = { readonly env: string };

/** Reads files that settings name, and notes what cannot be read. */
export class SettingFiles {
	readonly #problems: SettingProblem[];

	constructor(problems: SettingProblem[]) {
		this.#problems = problems;
	}

	/** Content of a file that must be there; undefined where none is named, or it cannot be read. */
	async read({ env }: Setting, path: string | undefined): Promise<string | undefined> {
		if (path === undefined) return undefined;
		try {
			return (await readFile(path, 'utf8')).trim();
		} catch (error) {
			const message = `The file cannot be read: ${messageOf(error)}.`;
			this.#problems.push({ env, message });
			return undefined;
		}
	}

	/** Content of a file that may be missing or empty. */
	async readIfPresent(setting: Setting, path: string | undefined): Promise<string | undefined> {
		if (path === undefined) return undefined;
		try {
			return (await readIfPresent(path))?.trim() || undefined;
		} catch {
			return this.read(setting, path);
		}
	}
}

/** The text of a file; undefined where there is none. */
export async function readIfPresent(path: string): Promise<string | undefined> {
	try {
		return await readFile(path, 'utf8');
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
		throw error;
	}
}
