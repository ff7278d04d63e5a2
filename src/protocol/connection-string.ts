import { EdgeError } from '../runtime/edge-error.ts';

/** The members of an IoT Hub connection string: of a hub's policy, a device or a module. */
export interface ConnectionString {
	/** With `:port` where the hub is not on the protocols' own ports. */
	readonly hostName: string;
	readonly deviceId?: string;
	readonly moduleId?: string;
	/** Base64. */
	readonly sharedAccessKey?: string;
	/** The policy of a service connection string, e.g. `iothubowner`. */
	readonly sharedAccessKeyName?: string;
	readonly gatewayHostName?: string;
	/** The device shows a certificate instead of a key. */
	readonly x509?: boolean;
}

const members: ReadonlyMap<string, keyof ConnectionString> = new Map([
	['hostname', 'hostName'],
	['deviceid', 'deviceId'],
	['moduleid', 'moduleId'],
	['sharedaccesskey', 'sharedAccessKey'],
	['sharedaccesskeyname', 'sharedAccessKeyName'],
	['gatewayhostname', 'gatewayHostName'],
	['x509', 'x509'],
]);

/**
 * Reads `HostName=…;DeviceId=…;SharedAccessKey=…`. Member names are taken in any case, unknown ones
 * are ignored, a value may contain `=`.
 *
 * @throws EdgeError EDGE_CONNECTION_STRING_INVALID, without quoting the text, which holds a secret.
 */
export function parseConnectionString(text: string): ConnectionString {
	const found: Partial<Record<keyof ConnectionString, string | boolean>> = {};
	for (const part of text.trim().split(';')) {
		const equals = part.indexOf('=');
		const member = members.get(part.slice(0, Math.max(equals, 0)).trim().toLowerCase());
		if (member === undefined) continue;
		const value = part.slice(equals + 1).trim();
		found[member] = member === 'x509' ? value.toLowerCase() === 'true' : value;
	}
	const parsed = found as Partial<ConnectionString>;
	const missing = missingMember(parsed);
	if (missing !== undefined) {
		throw new EdgeError(
			'EDGE_CONNECTION_STRING_INVALID',
			`The connection string has no ${missing}.`,
		);
	}
	return parsed as ConnectionString;
}

function missingMember(parsed: Partial<ConnectionString>): string | undefined {
	if (!parsed.hostName) return 'HostName';
	if (!parsed.sharedAccessKey && parsed.x509 !== true) return 'SharedAccessKey';
	if (!parsed.deviceId && !parsed.sharedAccessKeyName) return 'DeviceId or SharedAccessKeyName';
	if (parsed.moduleId !== undefined && !parsed.deviceId) return 'DeviceId';
	return undefined;
}

/** The text that `parseConnectionString` reads back. It holds a secret. */
export function formatConnectionString(connection: ConnectionString): string {
	const parts: [string, string | undefined][] = [
		['HostName', connection.hostName],
		['DeviceId', connection.deviceId],
		['ModuleId', connection.moduleId],
		['SharedAccessKeyName', connection.sharedAccessKeyName],
		['SharedAccessKey', connection.sharedAccessKey],
		['GatewayHostName', connection.gatewayHostName],
		['x509', connection.x509 === true ? 'true' : undefined],
	];
	return parts
		.filter(([, value]) => value !== undefined)
		.map(([name, value]) => `${name}=${value}`)
		.join(';');
}
