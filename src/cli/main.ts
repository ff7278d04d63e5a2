#!/usr/bin/env node
import { CommanderError } from 'commander';
import { EdgeError, type ErrorCode, messageOf } from '../runtime/edge-error.ts';
import { exitCode } from './exit-code.ts';
import { createProgram } from './program.ts';
import { processTerminal } from './terminal.ts';

/** Errors of the command line or of what it names. */
const inputErrors: ReadonlySet<ErrorCode> = new Set([
	'EDGE_EMULATOR_ROUTING_INVALID',
	'EDGE_FILE_UNREADABLE',
	'EDGE_NAME_UNKNOWN',
	'EDGE_OPTION_MISSING',
	'EDGE_SETTING_INVALID',
]);

// Whoever reads has what it wanted, as with `| head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
	if (error.code !== 'EPIPE') throw error;
	process.exit();
});

try {
	await createProgram(processTerminal).parseAsync();
} catch (error) {
	process.exitCode = report(error);
}

/** Commands are loaded when they run: one that needs more of Node.js than there is ends here. */
function reasonOf(error: unknown): string {
	if (Reflect.get(Object(error), 'code') !== 'ERR_UNKNOWN_BUILTIN_MODULE') return messageOf(error);
	return `This command needs Node.js 24 or newer; this is ${process.version}.`;
}

function report(error: unknown): number {
	// commander has printed its own text by now.
	if (error instanceof CommanderError) {
		return error.exitCode === 0 ? exitCode.ok : exitCode.badInput;
	}
	const text = error instanceof EdgeError ? error.toString() : reasonOf(error);
	processTerminal.note(`${processTerminal.style('red', 'error')} ${text}\n`);
	if (process.env['IOTEDGE_K8S_TRACE'] !== undefined && error instanceof Error) {
		processTerminal.note(`${error.stack}\n`);
	}
	return error instanceof EdgeError && inputErrors.has(error.code)
		? exitCode.badInput
		: exitCode.failed;
}
