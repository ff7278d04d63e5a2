import type { Problem } from '../../manifest/problem.ts';
import type { ErrorCode } from '../../runtime/edge-error.ts';

/** Problems of one module's translation, as they are found. */
export class ModuleProblems {
	readonly #module: string;
	/** By what they say, as two objects made of one option would report it twice. */
	readonly #problems = new Map<string, Problem>();
	#refused = false;

	constructor(module: string) {
		this.#module = module;
	}

	/** Something to know; the module runs. */
	warn(code: ErrorCode, path: string, message: string, remedy?: string): void {
		this.#add('warning', code, path, message, remedy);
	}

	/** Something that forbids to run the module; others are not concerned. */
	refuse(code: ErrorCode, path: string, message: string, remedy?: string): void {
		this.#add('error', code, path, message, remedy);
	}

	/** Whether the module must not run. */
	get refused(): boolean {
		return this.#refused;
	}

	get all(): readonly Problem[] {
		return [...this.#problems.values()];
	}

	#add(
		severity: Problem['severity'],
		code: ErrorCode,
		path: string,
		message: string,
		remedy: string | undefined,
	): void {
		this.#refused ||= severity === 'error';
		const problem: Problem = { severity, code, path, message, module: this.#module };
		const full = remedy === undefined ? problem : { ...problem, remedy };
		this.#problems.set(`${code} ${path} ${message}`, full);
	}
}
