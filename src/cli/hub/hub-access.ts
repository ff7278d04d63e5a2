import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { parseConnectionString } from '../../protocol/connection-string.ts';
import { EdgeError } from '../../runtime/edge-error.ts';

/** The options that lead to an IoT Hub. */
export interface HubOptions {
	/** Of a policy of the hub. It holds a secret. */
	readonly connectionString?: string;
	/** PEM file of the authority behind the hub's certificate, for a hub with a private one. */
	readonly ca?: string;
	/** Where `dev` keeps its edge. */
	readonly state: string;
}

/** An IoT Hub and the right to use it. */
export interface HubAccess {
	/** It holds a secret. */
	readonly connectionString: string;
	readonly hostName: string;
	/** PEM; absent for a hub with a public certificate. */
	readonly authority?: string;
}

const variable = 'IOTHUB_CONNECTION_STRING';

/**
 * The hub that is meant: the option, else `IOTHUB_CONNECTION_STRING`, else that of the development
 * edge in this folder. The edge's own authority is trusted whichever way its hub was named.
 *
 * @throws EdgeError EDGE_OPTION_MISSING, EDGE_CONNECTION_STRING_INVALID, EDGE_FILE_UNREADABLE
 */
export async function hubAccess(options: HubOptions): Promise<HubAccess> {
	const local = await localVariables(options.state);
	const { connectionString = process.env[variable] ?? local[variable] } = options;
	if (connectionString === undefined || connectionString === '') {
		const message = `Which IoT Hub? Give --connection-string or ${variable}, or start \`dev\` here.`;
		throw new EdgeError('EDGE_OPTION_MISSING', message);
	}
	const { hostName } = parseConnectionString(connectionString);
	const isLocal = hostName === hostNameIn(local[variable]);
	const caFile = options.ca ?? (isLocal ? local['NODE_EXTRA_CA_CERTS'] : undefined);
	const authority = caFile === undefined ? undefined : await readText(caFile);
	return { connectionString, hostName, ...(authority === undefined ? {} : { authority }) };
}

/** What `dev` has written for Azure SDKs; nothing where it has never run. */
async function localVariables(state: string): Promise<NodeJS.Dict<string>> {
	try {
		return parseEnv(await readFile(join(state, '.env'), 'utf8'));
	} catch {
		return {};
	}
}

function hostNameIn(connectionString: string | undefined): string | undefined {
	return connectionString === undefined
		? undefined
		: parseConnectionString(connectionString).hostName;
}

/** @throws EdgeError EDGE_FILE_UNREADABLE */
export async function readText(file: string): Promise<string> {
	try {
		return await readFile(file, 'utf8');
	} catch (cause) {
		throw new EdgeError('EDGE_FILE_UNREADABLE', 'It cannot be read.', { where: file, cause });
	}
}
