import type { Problem } from '../manifest/problem.ts';
import type { Terminal } from './terminal.ts';

/** Problems as lines: errors first, each with its place and what to do. */
export function formatProblems(
	file: string,
	problems: readonly Problem[],
	terminal: Terminal,
): string[] {
	const sorted = [...problems].sort((a, b) => rank(a) - rank(b));
	return sorted.flatMap(({ severity, code, path, message, remedy }) => [
		`${terminal.style(severity === 'error' ? 'red' : 'yellow', severity)} ${file} ${path}`,
		`  ${message}${remedy === undefined ? '' : ` ${remedy}`} ${terminal.style('dim', `(${code})`)}`,
	]);
}

function rank({ severity }: Problem): number {
	return severity === 'error' ? 0 : 1;
}

/** `2 errors, 1 warning`. */
export function countProblems(problems: readonly Problem[]): string {
	const errors = problems.filter(({ severity }) => severity === 'error').length;
	const warnings = problems.length - errors;
	return `${plural(errors, 'error')}, ${plural(warnings, 'warning')}`;
}

function plural(count: number, word: string): string {
	return `${count} ${word}${count === 1 ? '' : 's'}`;
}
