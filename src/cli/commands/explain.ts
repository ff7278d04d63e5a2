import { EdgeError } from '../../runtime/edge-error.ts';
import { exitCode } from '../exit-code.ts';
import { findEntries, type GlossaryEntry, glossary, nearestEntry } from '../manifest-glossary.ts';
import type { OutputForm } from '../output-form.ts';
import { formatTable } from '../table.ts';
import type { Terminal } from '../terminal.ts';

/**
 * Prints what becomes of an option of createOptions or of the Kubernetes extension, or what an error
 * code means; without a name, all options.
 *
 * @throws EdgeError EDGE_NAME_UNKNOWN
 */
export function explain(
	name: string | undefined,
	options: { readonly output: OutputForm },
	terminal: Terminal,
): number {
	const all = glossary();
	const found = name === undefined ? all : findEntries(all, name);
	if (name !== undefined && found.length === 0) throw unknownName(all, name);
	if (options.output === 'json') terminal.write(`${JSON.stringify(found, null, 2)}\n`);
	else if (name === undefined) terminal.write(`${tableOf(found).join('\n')}\n`);
	else terminal.write(`${found.map((entry) => pageOf(entry, terminal)).join('\n')}`);
	return exitCode.ok;
}

function tableOf(entries: readonly GlossaryEntry[]): string[] {
	const options = entries.filter(({ kind }) => kind !== 'error');
	const rows = options.map(({ name, takes, fate, target }) => [name, takes, fate, target]);
	return formatTable(['OPTION', 'TAKES', 'FATE', 'KUBERNETES'], rows);
}

function pageOf(entry: GlossaryEntry, terminal: Terminal): string {
	const { name, kind, takes, fate, target, note, remedy } = entry;
	const lines =
		kind === 'error'
			? [note, remedy]
			: [
					`${fate}${target === '' ? '' : `: ${target}`}`,
					`takes ${takes === 'any' ? 'any value' : article(takes)}`,
					note,
				];
	const body = lines.filter((line) => line !== '').map((line) => `  ${line}\n`);
	return `${terminal.style('bold', name)}\n${body.join('')}`;
}

function article(word: string): string {
	if (word.endsWith('s')) return `a list of ${word}`;
	return /^[aeiou]/.test(word) ? `an ${word}` : `a ${word}`;
}

function unknownName(all: readonly GlossaryEntry[], name: string): EdgeError {
	const near = nearestEntry(all, name);
	const message = `Nothing is known of "${name.slice(0, 80)}".`;
	const remedy = near === undefined ? {} : { remedy: `Did you mean "${near}"?` };
	return new EdgeError('EDGE_NAME_UNKNOWN', message, remedy);
}
