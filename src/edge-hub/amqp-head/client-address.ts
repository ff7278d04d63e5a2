import type { Identity } from '../../protocol/identity.ts';

/** What a link of a client is about (IoT Hub documentation, "AMQP support"). */
export type ClientAddress = {
	readonly kind: 'events' | 'cloud-to-device' | 'methods' | 'twin';
	readonly identity: Identity;
};

const kinds: ReadonlyMap<string, ClientAddress['kind']> = new Map([
	['messages/events', 'events'],
	['messages/devicebound', 'cloud-to-device'],
	['methods/devicebound', 'methods'],
	['twin', 'twin'],
]);

/**
 * `/devices/{device}[/modules/{module}]/{what}`, or a whole URL of that.
 *
 * @returns undefined for an address without meaning
 */
export function parseClientAddress(address: string): ClientAddress | undefined {
	const found = splitIdentity(address);
	if (found === undefined) return undefined;
	const kind = kinds.get(found.rest.join('/').toLowerCase());
	return kind === undefined ? undefined : { kind, identity: found.identity };
}

/** The identity that a token is for: `host/devices/{device}[/modules/{module}]`, encoded or not. */
export function identityOfAudience(audience: string): Identity | undefined {
	return splitIdentity(`/${decoded(audience).split('/').slice(1).join('/')}`)?.identity;
}

function splitIdentity(address: string) {
	const path = address.replace(/^[a-z]+:\/\/[^/]*/i, '').replace(/\/+$/, '');
	const [, devices, deviceId, ...rest] = path.split('/').map(decoded);
	if (devices?.toLowerCase() !== 'devices' || !deviceId) return undefined;
	if (rest[0]?.toLowerCase() !== 'modules') return { identity: { deviceId }, rest };
	const [, moduleId] = rest.splice(0, 2);
	return moduleId ? { identity: { deviceId, moduleId }, rest } : undefined;
}

function decoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}
