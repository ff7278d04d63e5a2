import type { Identity } from '../../protocol/identity.ts';

/** What a link of IoT Hub's AMQP interface is about (IoT Hub documentation, "AMQP support"). */
export type AmqpAddress =
	| {
			readonly kind: 'events' | 'device-bound' | 'methods' | 'twin';
			readonly identity: Identity;
	  }
	| { readonly kind: 'service-device-bound' | 'feedback' | 'file-notifications' };

const serviceKinds = {
	'/messages/devicebound': 'service-device-bound',
	'/messages/servicebound/feedback': 'feedback',
	'/messages/servicebound/filenotifications': 'file-notifications',
} as const;

const deviceKinds = {
	'messages/events': 'events',
	'messages/devicebound': 'device-bound',
	'methods/devicebound': 'methods',
	twin: 'twin',
} as const;

/**
 * @param address of a link, or of a message's `to`: a path, or a whole URL
 * @returns undefined for an address that IoT Hub does not have
 */
export function parseAmqpAddress(address: string): AmqpAddress | undefined {
	const path = pathOfAddress(address);
	const service = lookUp(serviceKinds, path.toLowerCase());
	if (service !== undefined) return { kind: service };
	const [, devices, deviceId, ...rest] = path.split('/').map(decoded);
	if (devices?.toLowerCase() !== 'devices' || !deviceId) return undefined;
	const isModule = rest[0]?.toLowerCase() === 'modules';
	const moduleId = isModule ? rest.splice(0, 2)[1] : undefined;
	if (moduleId === '') return undefined;
	const kind = lookUp(deviceKinds, rest.join('/').toLowerCase());
	if (kind === undefined) return undefined;
	return { kind, identity: moduleId === undefined ? { deviceId } : { deviceId, moduleId } };
}

/**
 * The path of a token's audience: `host/devices/d`, percent-encoded or not, with or without a scheme.
 * Empty for a whole host.
 */
export function pathOfAudience(audience: string): string {
	return pathOfAddress(withoutScheme(decoded(audience)));
}

/** The device or module that a path belongs to. */
export function identityOfPath(path: string): Identity | undefined {
	const [, devices, deviceId, modules, moduleId] = path.split('/');
	if (devices?.toLowerCase() !== 'devices' || !deviceId) return undefined;
	return modules?.toLowerCase() === 'modules' && moduleId ? { deviceId, moduleId } : { deviceId };
}

/** `sb://host/entity` → `host/entity`. */
export function withoutScheme(resource: string): string {
	return resource.replace(/^[a-z]+:\/\//i, '');
}

/** The path of a link's address, which may be a whole URL; without a slash at its end. */
export function pathOfAddress(address: string): string {
	const bare = withoutScheme(address);
	const slash = bare.indexOf('/');
	return slash < 0 ? '' : bare.slice(slash).replace(/\/+$/, '');
}

function decoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

function lookUp<T extends object>(table: T, key: string): T[keyof T] | undefined {
	return Object.hasOwn(table, key) ? table[key as keyof T] : undefined;
}
