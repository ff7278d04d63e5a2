import type { OutputForm } from './output-form.ts';
import { formatTable } from './table.ts';
import type { Terminal } from './terminal.ts';

/** Prints where things are: one line of JSON for scripts, a table of members for people. */
export function printMembers(description: object, output: OutputForm, terminal: Terminal): void {
	if (output === 'json') {
		terminal.write(`${JSON.stringify(description)}\n`);
		return;
	}
	const rows = Object.entries(description).map(([name, value]) => [
		name,
		typeof value === 'object' ? JSON.stringify(value) : String(value),
	]);
	terminal.write(`${formatTable(['MEMBER', 'VALUE'], rows).join('\n')}\n`);
}
