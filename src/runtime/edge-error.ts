import { errorCatalogue } from './error-catalogue.ts';

/** A stable code of `docs/errors.md`. */
export type ErrorCode = keyof typeof errorCatalogue;

/** What an error carries besides its sentence. */
export interface EdgeErrorOptions {
	/** Where the fault lies: a file, a module, a JSON path, a Kubernetes object. */
	readonly where?: string;
	/** What to do about it. Default: the catalogue's remedy for the code. */
	readonly remedy?: string;
	readonly cause?: unknown;
}

/**
 * An error for the person who must act: a stable code, one sentence, where, what to do.
 * Every code is a row of the error catalogue, from which `docs/errors.md` is generated.
 */
export class EdgeError extends Error {
	override readonly name = 'EdgeError';
	readonly code: ErrorCode;
	readonly where: string | undefined;
	readonly remedy: string;

	constructor(code: ErrorCode, message: string, options: EdgeErrorOptions = {}) {
		super(message, options.cause === undefined ? {} : { cause: options.cause });
		this.code = code;
		this.where = options.where;
		this.remedy = options.remedy ?? errorCatalogue[code].remedy;
	}

	/** One line for a log or a terminal: code, where, sentence, remedy. */
	override toString(): string {
		const where = this.where === undefined ? '' : ` ${this.where}:`;
		return `${this.code}${where} ${this.message} ${this.remedy}`.trimEnd();
	}
}

/** The text of anything that was thrown, without a stack. */
export function messageOf(thrown: unknown): string {
	return thrown instanceof Error ? thrown.message : String(thrown);
}
