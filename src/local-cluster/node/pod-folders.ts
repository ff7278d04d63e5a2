import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ContainerLog, type ContainerLogSettings } from './container-log.ts';

/** The folders of the pods of a node, by the pods' uids. */
export class PodFolders {
	readonly #folder: string;

	constructor(folder: string) {
		this.#folder = folder;
	}

	of(uid: string): string {
		return join(this.#folder, uid);
	}

	async remove(uid: string): Promise<void> {
		await rm(this.of(uid), { recursive: true, force: true });
	}

	/** Removes the folders of pods that are no more. */
	async removeOthers(uids: ReadonlySet<string>): Promise<void> {
		for (const uid of await readdir(this.#folder).catch(() => [])) {
			if (!uids.has(uid)) await this.remove(uid);
		}
	}

	/** The log of a run that ended before the node was started. */
	async findLog(
		uid: string,
		container: string,
		previous: boolean,
		settings: ContainerLogSettings,
	): Promise<ContainerLog | undefined> {
		const folder = join(this.of(uid), 'containers', container);
		const runs = (await readdir(folder).catch(() => []))
			.flatMap((name) => /^(\d+)\.log$/.exec(name)?.[1] ?? [])
			.map(Number)
			.sort((one, other) => other - one);
		const run = runs[previous ? 1 : 0];
		if (run === undefined) return undefined;
		const log = new ContainerLog(join(folder, `${run}.log`), settings);
		await log.openEnded();
		return log;
	}
}
