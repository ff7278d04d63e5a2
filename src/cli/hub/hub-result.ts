import type { OutputForm } from '../output-form.ts';
import { plainText } from '../plain-text.ts';
import { formatTable } from '../table.ts';
import type { Terminal } from '../terminal.ts';

/** How a command prints what it has found. */
export interface ResultOptions {
	readonly output: OutputForm;
}

/** The same as a table for people. */
export interface ResultTable {
	readonly headings: readonly string[];
	readonly rows: readonly (readonly string[])[];
}

/** Prints a result as JSON, or as an aligned table. */
export function printResult(
	result: unknown,
	{ headings, rows }: ResultTable,
	{ output }: ResultOptions,
	terminal: Terminal,
): void {
	if (output === 'json') {
		terminal.write(`${JSON.stringify(result, null, 2)}\n`);
		return;
	}
	const cells = rows.map((row) => row.map(plainText));
	terminal.write(`${formatTable(headings, cells).join('\n')}\n`);
	if (rows.length === 0) terminal.note('There are none.\n');
}
