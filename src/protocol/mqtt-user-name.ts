import type { Identity } from './identity.ts';

/** What an MQTT client of IoT Hub says of itself in its user name. */
export interface MqttUserName {
	readonly hostName: string;
	readonly identity: Identity;
	readonly apiVersion: string;
	readonly modelId?: string;
	readonly deviceClientType?: string;
	/** A child edge's chain `target;…;edge`, for a client on whose behalf it connects. */
	readonly authChain?: string;
}

/**
 * Reads `{hub}/{device}[/{module}]/[?]api-version=…[&DeviceClientType=…][&model-id=…][&auth-chain=…]`.
 * Unknown members are ignored, the first of several equal ones counts.
 *
 * @returns undefined for anything else.
 */
export function parseMqttUserName(text: string): MqttUserName | undefined {
	const segments = text.split('/');
	// A value such as the platform in DeviceClientType may hold slashes: the query is all that
	// follows the segment it begins in.
	const queryAt = segments.findIndex((segment) => /^\?|(^|&)api-version=/.test(segment));
	if (queryAt !== 2 && queryAt !== 3) return undefined;
	const [hostName = '', deviceId = '', moduleId] = segments.slice(0, queryAt);
	if (hostName === '' || deviceId.trim() === '' || moduleId === '') return undefined;
	const query = parseQuery(segments.slice(queryAt).join('/').replace(/^\?/, ''));
	const apiVersion = query?.get('api-version');
	if (query === undefined || !apiVersion) return undefined;
	return {
		hostName,
		identity: moduleId === undefined ? { deviceId } : { deviceId, moduleId },
		apiVersion,
		...optional('modelId', query.get('model-id')),
		...optional('deviceClientType', query.get('DeviceClientType')),
		...optional('authChain', query.get('auth-chain')),
	};
}

function optional<Name extends string>(name: Name, value: string | undefined) {
	return (value === undefined ? {} : { [name]: value }) as { readonly [N in Name]?: string };
}

function parseQuery(text: string): Map<string, string> | undefined {
	const members = new Map<string, string>();
	for (const part of text.split('&')) {
		const equals = part.indexOf('=');
		if (equals < 0) continue;
		const name = part.slice(0, equals);
		if (members.has(name)) continue;
		try {
			members.set(name, decodeURIComponent(part.slice(equals + 1)));
		} catch {
			return undefined;
		}
	}
	return members;
}
