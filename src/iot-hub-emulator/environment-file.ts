import { readFileSync } from 'node:fs';

/** What a process needs to talk to the emulator with the official SDKs. */
export interface EmulatorAccess {
	/** Connection string of `iothubowner`. */
	readonly service: string;
	/** Connection string of the Event Hubs-compatible endpoint. */
	readonly events: string;
	/** The provisioning service: where it is, which ID scope, connection string of its owner. */
	readonly provisioning?: {
		readonly host: string;
		readonly idScope: string;
		readonly service: string;
	};
	/** Connection strings by device id. */
	readonly devices: ReadonlyMap<string, string>;
	/** File with the hub's authority in PEM. */
	readonly caFile: string;
}

/**
 * Module that lets the service SDK use a host name with a port, for `node --import`. It is a `data:`
 * URL because a process of Node 20 cannot load the TypeScript file it is made from.
 */
export function sdkPortPreload(): string {
	const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
	const file = new URL(`./sdk-port-preload.${extension}`, import.meta.url);
	return `data:text/javascript;base64,${readFileSync(file, 'base64')}`;
}

/**
 * The environment variables that let unmodified SDKs and samples work with the emulator. The first
 * device is `IOTHUB_DEVICE_CONNECTION_STRING`; every one has
 * `IOTHUB_DEVICE_CONNECTION_STRING_<ID IN CAPITALS>` besides.
 */
export function emulatorEnvironment(access: EmulatorAccess): Map<string, string> {
	const variables = new Map([
		['IOTHUB_CONNECTION_STRING', access.service],
		['EVENTHUB_CONNECTION_STRING', access.events],
	]);
	const [first] = access.devices.values();
	if (first !== undefined) variables.set('IOTHUB_DEVICE_CONNECTION_STRING', first);
	for (const [deviceId, connectionString] of access.devices) {
		const suffix = deviceId.toUpperCase().replace(/[^A-Z0-9]/g, '_');
		variables.set(`IOTHUB_DEVICE_CONNECTION_STRING_${suffix}`, connectionString);
	}
	if (access.provisioning !== undefined) {
		variables.set('PROVISIONING_HOST', access.provisioning.host);
		variables.set('PROVISIONING_IDSCOPE', access.provisioning.idScope);
		variables.set('PROVISIONING_CONNECTION_STRING', access.provisioning.service);
	}
	variables.set('NODE_EXTRA_CA_CERTS', access.caFile);
	variables.set('NODE_OPTIONS', `--import=${sdkPortPreload()}`);
	return variables;
}

const heading = [
	'# For unmodified Azure SDKs. Load it in a shell with `set -a; . ./.env`: Node reads these variables',
	'# when it starts, which is too early for `--env-file` and dotenv.',
	'# NODE_OPTIONS loads a few lines that let azure-iothub use a host name with a port.',
];

/** The same as the content of a `.env` file. It holds secrets. */
export function environmentFile(access: EmulatorAccess): string {
	const lines = [...emulatorEnvironment(access)].map(([name, value]) => `${name}="${value}"`);
	return `${[...heading, ...lines].join('\n')}\n`;
}
