import { Document } from 'yaml';
import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import type { Problem } from '../../manifest/problem.ts';
import { exitCode } from '../exit-code.ts';
import { checkManifestFile } from '../manifest-check.ts';
import { formatProblems } from '../problem-list.ts';
import type { Terminal } from '../terminal.ts';

/** Options of `translate`. */
export interface TranslateOptions {
	readonly namespace: string;
	readonly device: string;
	readonly hub: string;
	readonly output: 'yaml' | 'json';
}

/** Prints the objects that a manifest becomes. @returns 2 when it has errors; what can be translated is printed all the same. */
export async function translateCommand(
	file: string,
	options: TranslateOptions,
	terminal: Terminal,
): Promise<number> {
	const target = {
		namespace: options.namespace,
		deviceId: options.device,
		iotHubHostName: options.hub,
	};
	const { translation, problems } = await checkManifestFile(file, target);
	const errors = problems.filter(({ severity }) => severity === 'error');
	if (errors.length > 0) terminal.note(`${formatProblems(file, errors, terminal).join('\n')}\n`);
	const objects = translation?.objects ?? [];
	terminal.write(options.output === 'json' ? jsonOf(objects) : yamlOf(objects, problems));
	return errors.length > 0 ? exitCode.badInput : exitCode.ok;
}

/** A List, as `kubectl apply -f` takes it. */
function jsonOf(objects: readonly KubernetesObject[]): string {
	return `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }, null, 2)}\n`;
}

/** One document an object; warnings stand as comments before the objects of their module. */
function yamlOf(objects: readonly KubernetesObject[], problems: readonly Problem[]): string {
	const warnings = problems.filter(({ severity }) => severity === 'warning');
	const comment = warnings.map(({ path, message }) => ` ${message}\n   at ${path}`).join('\n');
	const documents = objects.map((object) => new Document(object));
	const [first] = documents;
	if (first !== undefined && comment !== '') first.commentBefore = comment;
	return documents.map((document) => `---\n${document.toString({ lineWidth: 0 })}`).join('');
}
