import { globSync } from 'node:fs';
import { cp, readFile, stat } from 'node:fs/promises';
import { basename, join, matchesGlob, relative } from 'node:path';

/** A folder that COPY copies from: the one that an image is built in, or another stage. */
export class BuildContext {
	readonly #folder: string;
	readonly #ignored: readonly string[];

	/** @param ignored the lines of a `.dockerignore`. */
	constructor(folder: string, ignored: readonly string[] = []) {
		this.#folder = folder;
		this.#ignored = ignored;
	}

	/** The folder with its `.dockerignore`. */
	static async open(folder: string): Promise<BuildContext> {
		const text = await readFile(join(folder, '.dockerignore'), 'utf8').catch(() => '');
		const lines = text.split('\n').map((line) => line.trim());
		return new BuildContext(
			folder,
			lines.filter((line) => line !== '' && !line.startsWith('#')),
		);
	}

	/**
	 * Copies as COPY does: a folder’s content into the target, files into it when it is a folder.
	 *
	 * @param sources names and globs, relative to the context.
	 * @param target ends in `/` where it is a folder that files go into.
	 * @throws Error for a source that is not there, or that `.dockerignore` leaves out.
	 */
	async copy(sources: readonly string[], target: string): Promise<void> {
		for (const source of sources) {
			const found = this.#matching(source);
			if (found.length === 0) throw new Error(`COPY finds no ${source} in ${this.#folder}.`);
			for (const path of found) await this.#copyOne(path, target);
		}
	}

	async #copyOne(path: string, target: string): Promise<void> {
		const isFolder = (await stat(path)).isDirectory();
		const to = !isFolder && target.endsWith('/') ? join(target, basename(path)) : target;
		await cp(path, to, {
			recursive: true,
			verbatimSymlinks: true,
			filter: (file) => this.#isIncluded(relative(this.#folder, file)),
		});
	}

	#matching(source: string): string[] {
		return globSync(source.replace(/^\/+/, ''), { cwd: this.#folder })
			.filter((name) => this.#isIncluded(name))
			.sort()
			.map((name) => join(this.#folder, name));
	}

	/** The last line that matches a path, or a folder above it, decides. */
	#isIncluded(path: string): boolean {
		const parts = path.split('/');
		const above = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
		let included = true;
		for (const line of this.#ignored) {
			const pattern = line.replace(/^!/, '').replace(/^\/|\/$/g, '');
			if (above.some((name) => matchesGlob(name, pattern))) included = line.startsWith('!');
		}
		return included;
	}
}
