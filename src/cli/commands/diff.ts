import { EdgeError } from '../../runtime/edge-error.ts';
import { connectToEdge } from '../edge-cluster.ts';
import { exitCode } from '../exit-code.ts';
import { type Changes, findChanges, type ObjectChange } from '../manifest-changes.ts';
import { checkManifestFile } from '../manifest-check.ts';
import { type InstallationOptions, readInstallation } from '../manifest-installation.ts';
import type { OutputForm } from '../output-form.ts';
import { plainText } from '../plain-text.ts';
import { formatProblems, hasErrors, plural } from '../problem-list.ts';
import type { Style, Terminal } from '../terminal.ts';

/** Options of `diff`. */
export interface DiffOptions extends InstallationOptions {
	readonly kubeconfig?: string;
	readonly platform?: string;
	readonly output: OutputForm;
}

/**
 * Shows what a manifest would change on the cluster of an edge. Nothing is written there.
 *
 * @returns 0 nothing would change; 1 something would; 2 the manifest has errors; 3 it cannot be told.
 */
export async function diff(
	file: string,
	options: DiffOptions,
	terminal: Terminal,
): Promise<number> {
	try {
		return await compare(file, options, terminal);
	} catch (error) {
		terminal.note(`${terminal.style('red', 'error')} ${plainText(String(error))}\n`);
		return isOfFile(error) ? exitCode.badInput : exitCode.undecided;
	}
}

async function compare(file: string, options: DiffOptions, terminal: Terminal): Promise<number> {
	const client = await connectToEdge(options);
	const { target, policy, device, owner } = await readInstallation(client, options);
	const checked = await checkManifestFile(file, target, policy, options.platform);
	const errors = checked.problems.filter(({ severity }) => severity === 'error');
	if (errors.length > 0) terminal.note(`${formatProblems(file, errors, terminal).join('\n')}\n`);
	if (checked.translation === undefined) return exitCode.badInput;
	const scope = {
		namespace: options.namespace,
		device,
		...(owner === undefined ? {} : { ownerUid: owner.uid }),
	};
	const found = await findChanges(client, checked.translation, scope);
	if (options.output === 'json') terminal.write(`${JSON.stringify(found, null, 2)}\n`);
	else print(found, options.namespace, terminal);
	if (hasErrors(errors)) return exitCode.badInput;
	return found.changes.length > 0 ? exitCode.changes : exitCode.ok;
}

function print(
	{ changes, unchanged, notes }: Changes,
	namespace: string,
	terminal: Terminal,
): void {
	for (const change of changes) {
		for (const line of describe(change, namespace)) {
			terminal.write(`${terminal.style(styleOf(line), plainText(line))}\n`);
		}
	}
	for (const note of notes) terminal.note(`${plainText(note)}\n`);
	const count = (...kinds: ObjectChange['change'][]) =>
		changes.filter(({ change }) => kinds.includes(change)).length;
	terminal.note(
		`${count('create')} created, ${count('update', 'replace')} changed, ` +
			`${count('delete')} deleted, ${plural(unchanged, 'object')} as they are.\n`,
	);
}

function describe({ kind, name, change, diff: hunks, note }: ObjectChange, namespace: string) {
	const object = `${kind} ${namespace}/${name}`;
	return [
		`--- ${change === 'create' ? '/dev/null' : `${object} (cluster)`}`,
		`+++ ${change === 'delete' ? '/dev/null' : `${object} (manifest)`}`,
		...(change === 'replace' ? ['# It is deleted and made anew, as it cannot be changed.'] : []),
		...(note === undefined ? [] : [`# ${note}`]),
		...hunks,
	];
}

function styleOf(line: string): Style {
	if (line.startsWith('---') || line.startsWith('+++')) return 'bold';
	if (line.startsWith('@@')) return 'cyan';
	if (line.startsWith('-')) return 'red';
	return line.startsWith('+') ? 'green' : 'dim';
}

function isOfFile(error: unknown): boolean {
	return (
		error instanceof EdgeError &&
		(error.code === 'EDGE_FILE_UNREADABLE' || error.code === 'EDGE_SETTING_INVALID')
	);
}
