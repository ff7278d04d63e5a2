import { type Layer, type MergedLayers, mergeLayers } from '../../manifest/layered-deployment.ts';
import { exitCode } from '../exit-code.ts';
import { checkManifest } from '../manifest-check.ts';
import { readLayers } from '../manifest-layers.ts';
import { plainText } from '../plain-text.ts';
import { formatProblems, hasErrors } from '../problem-list.ts';
import type { Terminal } from '../terminal.ts';

/** Options of `merge`. */
export interface MergeOptions {
	/** Of the base and the layers, in the order of the files. */
	readonly priorities?: readonly number[];
	readonly platform?: string;
	/** `manifest`: the manifest alone; `json`: with what was overridden. */
	readonly output: 'manifest' | 'json';
}

/**
 * Prints the manifest that a device with a base deployment and layers gets; what was overridden goes
 * to standard error.
 *
 * @returns 2 when a file or the result has errors, or no file is a base.
 * @throws EdgeError EDGE_OPTION_MISSING, EDGE_FILE_UNREADABLE
 */
export async function merge(
	files: readonly string[],
	options: MergeOptions,
	terminal: Terminal,
): Promise<number> {
	const found = await readLayers(files, options.priorities, options.platform);
	for (const { file, problems } of found) print(file, problems, terminal);
	if (found.some(({ layer, problems }) => layer === undefined || hasErrors(problems))) {
		return exitCode.badInput;
	}
	const layers = found.flatMap(({ layer = [] }) => layer);
	const merged = mergeLayers(layers);
	if (hasErrors(merged.problems)) {
		print(files.join(', '), merged.problems, terminal);
		return exitCode.badInput;
	}
	const manifest = { modulesContent: merged.sections };
	const { problems } = checkManifest(JSON.stringify(manifest), 'effective manifest');
	const result = options.output === 'json' ? { manifest, ...asJson(merged, layers) } : manifest;
	terminal.write(`${JSON.stringify(result, null, 2)}\n`);
	if (options.output === 'manifest') tell(merged, layers, terminal);
	print('effective manifest', problems, terminal);
	return hasErrors(problems) ? exitCode.badInput : exitCode.ok;
}

function print(file: string, problems: Parameters<typeof formatProblems>[1], terminal: Terminal) {
	if (problems.length > 0) {
		terminal.note(`${formatProblems(file, problems, terminal).join('\n')}\n`);
	}
}

function asJson({ overrides, problems }: MergedLayers, layers: readonly Layer[]) {
	return { layers: inOrder(layers), overrides, problems };
}

function tell(merged: MergedLayers, layers: readonly Layer[], terminal: Terminal): void {
	const order = inOrder(layers).map(({ id, priority }) => `${id} (${priority})`);
	const lines = [
		`Laid over each other by priority: ${order.join(', ')}.`,
		...merged.overrides.map(({ section, member, by, of }) => {
			return `${by} overrides ${member} of ${section}, which ${of} had set.`;
		}),
		...merged.problems.map(({ message }) => message),
	];
	terminal.note(lines.map((line) => `${plainText(line)}\n`).join(''));
}

function inOrder(layers: readonly Layer[]): { id: string; priority: number }[] {
	return layers
		.map(({ id, priority }) => ({ id, priority }))
		.sort((a, b) => a.priority - b.priority);
}
