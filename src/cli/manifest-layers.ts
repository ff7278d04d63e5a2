import { basename } from 'node:path';
import type { Layer } from '../manifest/layered-deployment.ts';
import type { Problem } from '../manifest/problem.ts';
import { EdgeError } from '../runtime/edge-error.ts';
import { parseManifestFile } from './manifest-check.ts';

/** A layer with the file that it comes from, or what is wrong with that file. */
export interface LayerFile {
	readonly file: string;
	readonly layer?: Layer;
	readonly problems: readonly Problem[];
}

/**
 * Reads the layers of a device. Their priorities are those of `priorities`; else those of exported
 * deployments, below which a first file without one lies as base; else their order, the first the base.
 *
 * @param platform of the images of templates.
 * @throws EdgeError EDGE_OPTION_MISSING where there are not as many priorities as files
 */
export async function readLayers(
	files: readonly string[],
	priorities: readonly number[] | undefined,
	platform?: string,
): Promise<LayerFile[]> {
	if (priorities !== undefined && priorities.length !== files.length) {
		const message = `There are ${files.length} files, but ${priorities.length} priorities.`;
		throw new EdgeError('EDGE_OPTION_MISSING', message, { remedy: 'Give one for each file.' });
	}
	const parsed = await Promise.all(files.map((file) => parseManifestFile(file, platform)));
	const exported = parsed.map(({ manifest }) => manifest?.configuration.priority);
	const known = priorities ?? exportedPriorities(exported);
	const ids = parsed.map(({ manifest }, index) => {
		return manifest?.configuration.id ?? basename(files[index] ?? '');
	});
	return parsed.map(({ manifest, problems }, index) => {
		const [file = '', id = ''] = [files[index], ids[index]];
		if (manifest === undefined) return { file, problems };
		const priority = known?.[index] ?? index;
		const isUnique = ids.indexOf(id) === ids.lastIndexOf(id);
		const layer = { id: isUnique ? id : file, priority, sections: manifest.sections };
		return { file, problems, layer };
	});
}

/** Priorities of exports, and of a base before them that is a plain manifest; undefined where one lacks. */
function exportedPriorities([base, ...others]: readonly (number | undefined)[]):
	| readonly number[]
	| undefined {
	const layers = others.filter((priority) => priority !== undefined);
	if (layers.length < others.length || layers.length === 0) return undefined;
	return [base ?? Math.min(0, Math.min(...layers) - 1), ...layers];
}
