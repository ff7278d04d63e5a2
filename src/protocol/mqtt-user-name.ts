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

/** How one old SDK ends its user name: slashes where every other client percent-encodes. */
const legacyQuery =
	'api-version=2017-06-30/DeviceClientType=Microsoft.Azure.Devices.Client/1.5.1-preview-003';

/** Ids may have a question mark too: only one that begins the members counts. */
const withoutSlash = /([^/?])\?(api-version=[^/?]*)$/;

/**
 * Reads `{hub}/{device}[/{module}]/[?]api-version=…[&DeviceClientType=…][&model-id=…][&auth-chain=…]`.
 * Unknown members are ignored, the first of several equal ones counts. The slash before a `?` may be
 * missing, as in IoT Hub's documentation.
 *
 * @returns undefined for anything else.
 */
export function parseMqttUserName(text: string): MqttUserName | undefined {
	const normal = text.endsWith(`/${legacyQuery}`)
		? text.replace(legacyQuery, legacyQuery.replace('/', '&').replace('/1.5', '%2F1.5'))
		: text;
	const segments = normal.replace(withoutSlash, '$1/?$2').split('/');
	if (segments.length !== 3 && segments.length !== 4) return undefined;
	const [hostName = '', deviceId = '', moduleId] = segments.slice(0, -1);
	if (hostName === '' || deviceId.trim() === '' || moduleId === '') return undefined;
	const query = parseQuery(segments.at(-1)?.replace(/^\?/, '') ?? '');
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
