import test from 'ava';
import type { Command } from 'commander';
import { createProgram } from '../../src/cli/program.ts';
import { RecordingTerminal } from '../support/recording-terminal.ts';

function commandsOf(command: Command): Command[] {
	return [command, ...command.commands.flatMap((each) => commandsOf(each as Command))];
}

test('a description is broken into lines by the width of the terminal only', (t) => {
	for (const command of commandsOf(createProgram(new RecordingTerminal()))) {
		t.notRegex(command.description(), /\n/, command.name());
	}
});
