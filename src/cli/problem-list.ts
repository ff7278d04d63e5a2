import type { Problem } from '../manifest/problem.ts';
import { plainText } from './plain-text.ts';
import type { Terminal } from './terminal.ts';

/** Places of one problem that are listed; the others are counted. */
const maxPlaces = 10;

/** Different problems of one file that are listed; nobody reads more. */
const maxGroups = 200;

/** A problem that occurs in several places of a manifest, said once. */
interface ProblemGroup {
	readonly problem: Problem;
	/** JSON paths, at least one. */
	readonly paths: readonly string[];
}

/** Problems as lines: errors first, each with its places and what to do. */
export function formatProblems(
	file: string,
	problems: readonly Problem[],
	terminal: Terminal,
): string[] {
	const groups = groupsOf(problems);
	const left = groups.length - maxGroups;
	const lines = groups
		.slice(0, maxGroups)
		.flatMap(({ problem, paths: [first = '$', ...others] }) => {
			const { severity, code } = problem;
			const colour = severity === 'error' ? 'red' : 'yellow';
			return [
				`${terminal.style(colour, severity)} ${plainText(file)} ${clipped(first)}`,
				`  ${clipped(sentences(problem), 1000)} ${terminal.style('dim', `(${code})`)}`,
				...others.slice(0, maxPlaces - 1).map((path) => `  also ${clipped(path)}`),
				...(others.length >= maxPlaces ? [`  and ${others.length - maxPlaces + 1} more`] : []),
			];
		});
	return left > 0 ? [...lines, `${plural(left, 'more problem')} of ${plainText(file)}`] : lines;
}

/** A path of names of any length, as a line can show it. */
function clipped(text: string, length = 400): string {
	return plainText(text.length > length ? `${text.slice(0, length)}…` : text);
}

/** What a problem says and what to do about it. */
export function sentences({ message, remedy }: Problem): string {
	return remedy === undefined ? message : `${message} ${remedy}`;
}

/** Problems that say the same, errors first, otherwise in the order in which they were found. */
function groupsOf(problems: readonly Problem[]): ProblemGroup[] {
	const groups = Map.groupBy(problems, (problem) => {
		return `${problem.severity} ${problem.code} ${sentences(problem)}`;
	});
	return [...groups.values()]
		.flatMap((same): ProblemGroup[] => {
			const [problem] = same;
			return problem === undefined ? [] : [{ problem, paths: same.map(({ path }) => path) }];
		})
		.sort((a, b) => rank(a.problem) - rank(b.problem));
}

function rank({ severity }: Problem): number {
	return severity === 'error' ? 0 : 1;
}

/** Whether there is an error among problems. */
export function hasErrors(problems: readonly Problem[]): boolean {
	return problems.some(({ severity }) => severity === 'error');
}

/** `2 errors, 1 warning`. */
export function countProblems(problems: readonly Problem[]): string {
	const errors = problems.filter(({ severity }) => severity === 'error').length;
	const warnings = problems.length - errors;
	return `${plural(errors, 'error')}, ${plural(warnings, 'warning')}`;
}

/** `1 file`, `2 files`. */
export function plural(count: number, word: string): string {
	return `${count} ${word}${count === 1 ? '' : 's'}`;
}
