#!/usr/bin/env node
import { CommanderError } from 'commander';
import { EdgeError, messageOf } from '../runtime/edge-error.ts';
import { exitCode } from './exit-code.ts';
import { createProgram } from './program.ts';
import { processTerminal } from './terminal.ts';

try {
	await createProgram(processTerminal).parseAsync();
} catch (error) {
	process.exitCode = report(error);
}

function report(error: unknown): number {
	// commander has printed its own text by now.
	if (error instanceof CommanderError) {
		return error.exitCode === 0 ? exitCode.ok : exitCode.badInput;
	}
	const text = error instanceof EdgeError ? error.toString() : messageOf(error);
	processTerminal.note(`${processTerminal.style('red', 'error')} ${text}\n`);
	if (process.env['IOTEDGE_K8S_TRACE'] !== undefined && error instanceof Error) {
		processTerminal.note(`${error.stack}\n`);
	}
	const unreadable = error instanceof EdgeError && error.code === 'EDGE_FILE_UNREADABLE';
	return unreadable ? exitCode.badInput : exitCode.failed;
}
