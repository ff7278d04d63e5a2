import type { Terminal } from '../../src/cli/terminal.ts';

/** A terminal that keeps what commands write; by default no real one, so nothing is coloured. */
export class RecordingTerminal implements Terminal {
	output = '';
	notes = '';
	readonly columns: number | undefined = undefined;
	readonly rows: number | undefined = undefined;

	write(text: string): void {
		this.output += text;
	}

	note(text: string): void {
		this.notes += text;
	}

	style(_format: string, text: string): string {
		return text;
	}
}
