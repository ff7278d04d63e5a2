import { createRequire } from 'node:module';
import tls from 'node:tls';
import type * as iothub from 'azure-iothub';
import type { HubAccess } from './hub-access.ts';

/**
 * The official service SDK, ready for a hub whose host name carries a port and whose authority is
 * private. It has options for neither, so both are seen to in this process, for this host alone.
 */
export async function serviceSdk({ hostName, authority }: HubAccess): Promise<typeof iothub> {
	await import('../../iot-hub-emulator/sdk-port-preload.ts');
	if (authority !== undefined) trustAt(hostName, authority);
	return createRequire(import.meta.url)('azure-iothub');
}

const trusted = new Map<string, string>();

function trustAt(hostName: string, authority: string): void {
	if (trusted.size === 0) addTrust();
	trusted.set(hostName, authority);
}

function addTrust(): void {
	tls.connect = new Proxy(tls.connect, {
		apply: (connect, self, args) => Reflect.apply(connect, self, trusting(args)),
	});
}

/**
 * The arguments of `tls.connect` with the authority of their host: `https` gives it one object with
 * the name as it stands, the AMQP library port, host and options.
 */
function trusting([first, host, options, ...rest]: unknown[]): unknown[] {
	const isList = typeof first !== 'object' || first === null;
	const name = isList ? `${host}:${first}` : String(Reflect.get(first, 'host'));
	const authority = trusted.get(name);
	if (authority === undefined) return [first, host, options, ...rest];
	const ca = [...tls.getCACertificates('default'), authority];
	if (isList) return [first, host, { ...Object(options), ca }, ...rest];
	return [{ ...first, ca }, host, options, ...rest];
}
