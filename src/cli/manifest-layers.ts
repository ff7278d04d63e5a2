import { basename } from 'node:path';
import type { Layer } from '../manifest/layered-deployment.ts';
import type { Problem } from '../manifest/problem.ts';
import { parseManifestFile } from './manifest-check.ts';

/** A layer with the file that it comes from, or what is wrong with that file. */
export interface LayerFile {
	readonly file: string;
	readonly layer?: Layer;
	readonly problems: readonly Problem[];
}

/**
 * Reads the layers of a device. Their priorities are those of `priorities`, else those of exported
 * deployments where all files have one, else their order: the first is the base.
 *
 * @param platform of the images of templates.
 */
export async function readLayers(
	files: readonly string[],
	priorities: readonly number[] = [],
	platform?: string,
): Promise<LayerFile[]> {
	const parsed = await Promise.all(files.map((file) => parseManifestFile(file, platform)));
	const exported = parsed.map(({ manifest }) => manifest?.configuration.priority);
	const ownPriorities = exported.every((priority) => priority !== undefined) ? exported : [];
	const ids = parsed.map(({ manifest }, index) => {
		return manifest?.configuration.id ?? basename(files[index] ?? '');
	});
	return parsed.map(({ manifest, problems }, index) => {
		const [file = '', id = ''] = [files[index], ids[index]];
		if (manifest === undefined) return { file, problems };
		const priority = priorities[index] ?? ownPriorities[index] ?? index;
		const isUnique = ids.indexOf(id) === ids.lastIndexOf(id);
		const layer = { id: isUnique ? id : file, priority, sections: manifest.sections };
		return { file, problems, layer };
	});
}
