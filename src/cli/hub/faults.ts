import { exitCode } from '../exit-code.ts';
import { printMembers } from '../member-table.ts';
import type { Terminal } from '../terminal.ts';
import { type HubOptions, hubAccess } from './hub-access.ts';
import { requestHub } from './hub-request.ts';
import type { ResultOptions } from './hub-result.ts';

/** Options of `hub faults set`. */
export interface FaultOptions extends HubOptions, ResultOptions {
	readonly away?: string;
	readonly fail?: string;
	/** Milliseconds. */
	readonly delay?: number;
	/** Milliseconds after which all ends by itself. */
	readonly for?: number;
}

const path = '/emulator/faults';

/** Makes the emulator misbehave in this way and no other. */
export async function setFaults(options: FaultOptions, terminal: Terminal): Promise<number> {
	const access = await hubAccess(options);
	const { away, fail, delay } = options;
	const body = {
		...(away === undefined ? {} : { absence: away }),
		...(fail === undefined ? {} : { requests: fail }),
		...(delay === undefined ? {} : { delayMs: delay }),
		...(options.for === undefined ? {} : { seconds: options.for / 1000 }),
	};
	(await requestHub(access, { method: 'PUT', path, body })).resume();
	printMembers(body, options.output, terminal);
	return exitCode.ok;
}

/** Ends every fault. */
export async function clearFaults(options: HubOptions): Promise<number> {
	(await requestHub(await hubAccess(options), { method: 'DELETE', path })).resume();
	return exitCode.ok;
}

/** Ends every connection of the emulator once. */
export async function dropConnections(options: HubOptions): Promise<number> {
	const request = { method: 'POST', path: '/emulator/dropConnections' };
	(await requestHub(await hubAccess(options), request)).resume();
	return exitCode.ok;
}
