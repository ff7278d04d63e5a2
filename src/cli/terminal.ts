import { styleText } from 'node:util';

/** Where a command writes. Standard output carries results, standard error everything else. */
export interface Terminal {
	/** Results: what a script would read. */
	write(text: string): void;
	/** Progress, warnings, errors. */
	note(text: string): void;
	/** Columns of a real terminal; undefined where output goes to a file or a pipe. */
	readonly columns: number | undefined;
	readonly rows: number | undefined;
	/** Colours text on a terminal that wants colours, and nowhere else. */
	style(format: Style, text: string): string;
}

export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan';

/** The terminal, file or pipe that this process was started with. */
export const processTerminal: Terminal = {
	write: (text) => void process.stdout.write(text),
	note: (text) => void process.stderr.write(text),
	get columns() {
		return process.stdout.isTTY ? process.stdout.columns : undefined;
	},
	get rows() {
		return process.stdout.isTTY ? process.stdout.rows : undefined;
	},
	// `styleText` looks at the stream, NO_COLOR and FORCE_COLOR.
	style: (format, text) => styleText(format, text, { stream: process.stdout }),
};
