import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { moduleLabel, type TranslationPolicy } from '../../edge-agent/translation/translation.ts';
import type { Problem } from '../../manifest/problem.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import { exitCode } from '../exit-code.ts';
import { type CheckedManifest, checkManifestFile, targetFor } from '../manifest-check.ts';
import { isFolder, manifestFiles } from '../manifest-files.ts';
import { type PolicyAssignments, policyFrom } from '../manifest-policy.ts';
import { objectYaml } from '../object-yaml.ts';
import { plainText } from '../plain-text.ts';
import { formatProblems, plural, sentences } from '../problem-list.ts';
import { Progress } from '../progress.ts';
import type { Terminal } from '../terminal.ts';

/** Options of `translate`. */
export interface TranslateOptions {
	readonly namespace: string;
	readonly device: string;
	readonly hub: string;
	readonly parent?: string;
	/** Folder to write files into, instead of standard output. */
	readonly out?: string;
	readonly policy?: PolicyAssignments;
	readonly platform?: string;
	readonly output: 'yaml' | 'json';
}

/**
 * Prints the objects that a manifest becomes, or writes those of every manifest of a folder.
 *
 * @returns 2 when there are errors; what can be translated is printed all the same.
 * @throws EdgeError EDGE_OPTION_MISSING, EDGE_FILE_UNREADABLE, EDGE_FILE_UNWRITABLE
 */
export async function translateCommand(
	path: string,
	options: TranslateOptions,
	terminal: Terminal,
): Promise<number> {
	const policy = policyFrom(options.policy);
	const files = await manifestFiles([path]);
	const folder = (await isFolder(path)) ? path : dirname(path);
	const { out } = options;
	if (out === undefined && files[0] !== path) {
		const message = 'A folder of manifests becomes a folder of objects.';
		throw new EdgeError('EDGE_OPTION_MISSING', message, { remedy: 'Name it with --out.' });
	}
	const progress = new Progress(files.length, terminal);
	const report = out === undefined ? printTo(terminal) : writeTo(out, folder);
	let faulty = 0;
	for (const file of files) {
		const { checked, text } = await translated(file, options, policy);
		progress.step(file);
		const errors = checked.problems.filter(({ severity }) => severity === 'error');
		if (errors.length > 0) {
			faulty += 1;
			terminal.note(`${formatProblems(file, errors, terminal).join('\n')}\n`);
		}
		await report(file, text, options.output);
	}
	progress.done();
	if (out !== undefined) {
		terminal.note(`${plural(files.length, 'file')} written to ${out}, ${faulty} with errors.\n`);
	}
	return faulty > 0 ? exitCode.badInput : exitCode.ok;
}

type Report = (file: string, text: string, form: TranslateOptions['output']) => Promise<void>;

function printTo(terminal: Terminal): Report {
	return async (_file, text) => terminal.write(text);
}

/** Files named after the manifests, in the same folders below `out`. */
function writeTo(out: string, folder: string): Report {
	return async (file, text, form) => {
		const name = `${basename(file).replace(/\.json$/i, '')}.${form}`;
		const target = join(out, relative(folder, dirname(file)), name);
		try {
			await mkdir(dirname(target), { recursive: true });
			await writeFile(target, text);
		} catch (cause) {
			const message = 'The file cannot be written.';
			throw new EdgeError('EDGE_FILE_UNWRITABLE', message, { where: target, cause });
		}
	};
}

async function translated(
	file: string,
	options: TranslateOptions,
	policy: TranslationPolicy,
): Promise<{ checked: CheckedManifest; text: string }> {
	const { namespace, device: deviceId, hub: iotHubHostName, parent } = options;
	const target = targetFor({ namespace, deviceId, iotHubHostName }, parent);
	const checked = await checkManifestFile(file, target, policy, options.platform);
	return { checked, text: options.output === 'json' ? jsonOf(checked) : yamlOf(checked) };
}

/** A List, as `kubectl apply -f` takes it. */
function jsonOf({ translation }: CheckedManifest): string {
	const items = translation?.objects ?? [];
	return `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, null, 2)}\n`;
}

/** One document an object, before the first of each module what is to be known about it. */
function yamlOf({ translation, problems }: CheckedManifest): string {
	const { objects = [], modules = [] } = translation ?? {};
	const labels = new Map(modules.map(({ name, objectName }) => [name, objectName]));
	const first = new Map<string, KubernetesObject>();
	for (const object of objects.toReversed()) {
		const label = object.metadata.labels?.[moduleLabel];
		if (label !== undefined) first.set(label, object);
	}
	const comments = Map.groupBy(problems, ({ module }) => {
		return module === undefined ? undefined : first.get(labels.get(module) ?? '');
	});
	const refused = new Set(modules.filter((module) => module.refused).map(({ name }) => name));
	const commentOf = (problem: Problem) => commentLines(problem, refused);
	const general = (comments.get(undefined) ?? [])
		.flatMap(commentOf)
		.map((line) => `# ${plainText(line)}\n`);
	const documents = objects.map((object) => {
		return `---\n${objectYaml(object, (comments.get(object) ?? []).flatMap(commentOf))}`;
	});
	return [...general, ...documents].join('');
}

function commentLines(problem: Problem, refused: ReadonlySet<string>): string[] {
	const { severity, path, module } = problem;
	const whose = module === undefined ? '' : `${module}: `;
	const isCause = severity === 'error' && module !== undefined && refused.has(module);
	const isLeftOut = isCause ? ' The module is left out.' : '';
	return [`${severity}: ${whose}${sentences(problem)}${isLeftOut}`, `  at ${path}`];
}
