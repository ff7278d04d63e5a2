import { stripVTControlCharacters } from 'node:util';

/**
 * Aligned columns under upper-case headings, two blanks apart, as kubectl prints them. Cells may
 * carry colours; a cell that looks like a number is aligned to the right.
 *
 * @returns the lines, without trailing blanks.
 */
export function formatTable(
	headings: readonly string[],
	rows: readonly (readonly string[])[],
): string[] {
	const widths = headings.map((heading, column) =>
		Math.max(width(heading), ...rows.map((row) => width(row[column] ?? ''))),
	);
	const numeric = headings.map(
		(_, column) => rows.length > 0 && rows.every((row) => isNumber(row[column] ?? '')),
	);
	return [headings, ...rows].map((row) =>
		row
			.map((cell, column) => pad(cell, widths[column] ?? 0, numeric[column] === true))
			.join('  ')
			.trimEnd(),
	);
}

function width(cell: string): number {
	return [...stripVTControlCharacters(cell)].length;
}

function isNumber(cell: string): boolean {
	return /^[\d.,]+$|^-$/.test(stripVTControlCharacters(cell));
}

function pad(cell: string, columns: number, right: boolean): string {
	const blanks = ' '.repeat(Math.max(0, columns - width(cell)));
	return right ? `${blanks}${cell}` : `${cell}${blanks}`;
}
