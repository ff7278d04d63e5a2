import test from 'ava';
import { createProgram } from '../../src/cli/program.ts';
import { RecordingTerminal } from '../support/recording-terminal.ts';

/** As the real terminal, whose functions need no `this`. */
function unbound(terminal: RecordingTerminal) {
	const { columns, rows, style } = terminal;
	const write = (text: string) => terminal.write(text);
	const note = (text: string) => terminal.note(text);
	return { columns, rows, style, write, note };
}

for (const lines of ['x', '-1', '1.5', '', '1e3']) {
	test(`a log's last "${lines}" lines are refused before a cluster is asked`, async (t) => {
		const terminal = new RecordingTerminal();
		const words = ['logs', 'filter', `--tail=${lines}`, '--kubeconfig', '/none'];
		const program = createProgram(unbound(terminal));
		const code = 'commander.invalidArgument';
		await t.throwsAsync(program.parseAsync(words, { from: 'user' }), { code });
		t.regex(terminal.notes, /--tail.*Give a number of lines/);
	});
}
