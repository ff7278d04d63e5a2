import type { Identity } from './identity.ts';

/** What a client's publish means. Source: IoT Hub documentation, "Use MQTT directly". */
export type ClientTopic =
	| { readonly kind: 'telemetry'; readonly identity: Identity; readonly bag: string }
	| { readonly kind: 'twin-get'; readonly requestId: string }
	| { readonly kind: 'twin-patch'; readonly requestId?: string; readonly version?: number }
	| { readonly kind: 'method-response'; readonly status: number; readonly requestId: string }
	/** A topic of twins or methods that lacks what it must have: nobody could be answered. */
	| { readonly kind: 'malformed' };

const twinGet = '$iothub/twin/GET/';
const twinPatch = '$iothub/twin/PATCH/properties/reported/';
const methodResponse = '$iothub/methods/res/';

const malformed: ClientTopic = { kind: 'malformed' };

/** What Azure IoT Edge tells the caller of a method whose answer has a status that is no integer. */
const unreadableStatus = 400_000;
const maxStatus = 2_147_483_647;

/**
 * Reads the topic of a publish. Ids are as they stand; the bag is left encoded.
 *
 * @returns undefined for a topic that means nothing to IoT Hub.
 */
export function parseClientTopic(topic: string): ClientTopic | undefined {
	if (topic.startsWith('devices/')) return parseTelemetryTopic(topic);
	if (topic.startsWith(twinGet)) return parseTwinGet(topic.slice(twinGet.length));
	if (topic.startsWith(twinPatch)) return parseTwinPatch(topic.slice(twinPatch.length));
	if (topic.startsWith(methodResponse))
		return parseMethodResponse(topic.slice(methodResponse.length));
	return undefined;
}

/** `devices/{d}[/modules/{m}]/messages/events[/{bag}][/]`; the SDKs end outputs with a slash. */
function parseTelemetryTopic(topic: string): ClientTopic | undefined {
	const [, deviceId, ...rest] = topic.split('/');
	const moduleId = rest[0] === 'modules' ? rest.splice(0, 2)[1] : undefined;
	const [messages, events, bag = '', end = '', ...beyond] = rest;
	if (messages !== 'messages' || events !== 'events' || end !== '' || beyond.length > 0) {
		return undefined;
	}
	if (!deviceId || moduleId === '') return undefined;
	const identity = moduleId === undefined ? { deviceId } : { deviceId, moduleId };
	return { kind: 'telemetry', identity, bag };
}

function parseTwinGet(rest: string): ClientTopic {
	const requestId = parameters(rest)?.get('$rid');
	return requestId ? { kind: 'twin-get', requestId } : malformed;
}

function parseTwinPatch(rest: string): ClientTopic {
	const found = rest === '' ? new Map<string, string>() : parameters(rest);
	if (found === undefined) return malformed;
	const requestId = found.get('$rid');
	const version = found.get('$version');
	return {
		kind: 'twin-patch',
		...(requestId ? { requestId } : {}),
		...(version !== undefined && /^\d{1,15}$/.test(version) ? { version: Number(version) } : {}),
	};
}

function parseMethodResponse(rest: string): ClientTopic {
	const slash = rest.indexOf('/');
	const text = rest.slice(0, Math.max(slash, 0));
	const requestId = parameters(rest.slice(slash + 1))?.get('$rid');
	if (!requestId) return malformed;
	const readable = /^-?\d{1,10}$/.test(text) && Math.abs(Number(text)) <= maxStatus;
	const status = readable ? Number(text) : unreadableStatus;
	return { kind: 'method-response', status, requestId };
}

/** The members of `?$rid=…&$version=…`. Their values are not percent-decoded. */
function parameters(text: string): Map<string, string> | undefined {
	if (!text.startsWith('?')) return undefined;
	const members = new Map<string, string>();
	for (const part of text.slice(1).split('&')) {
		const equals = part.indexOf('=');
		if (equals > 0) members.set(part.slice(0, equals), part.slice(equals + 1));
	}
	return members;
}

/** A message on a module's input. The slash after the input is needed even where the bag is empty. */
export function inputTopic(module: Required<Identity>, input: string, bag: string): string {
	return `devices/${module.deviceId}/modules/${module.moduleId}/inputs/${input}/${bag}`;
}

/** A cloud-to-device message. */
export function deviceBoundTopic(deviceId: string, bag: string): string {
	return `devices/${deviceId}/messages/devicebound/${bag}`;
}

/** The answer to a twin request. */
export function twinResponseTopic(status: number, requestId: string, version?: number): string {
	const suffix = version === undefined ? '' : `&$version=${version}`;
	return `$iothub/twin/res/${status}/?$rid=${requestId}${suffix}`;
}

/** A change of desired properties. */
export function desiredPatchTopic(version: number): string {
	return `$iothub/twin/PATCH/properties/desired/?$version=${version}`;
}

/** A direct method call. */
export function methodRequestTopic(name: string, requestId: string): string {
	return `$iothub/methods/POST/${name}/?$rid=${requestId}`;
}

/** What a client subscribes to. */
export type Subscription =
	| 'methods'
	| 'desired-properties'
	| 'twin-responses'
	| 'cloud-to-device'
	| 'inputs';

/**
 * Reads a topic filter as IoT Hub and Edge Hub do: by its text, not as a wildcard pattern.
 *
 * @param identity the subscriber; filters that name another identity mean nothing.
 */
export function parseSubscription(filter: string, identity: Identity): Subscription | undefined {
	if (filter.startsWith('$iothub/methods/POST/')) return 'methods';
	if (filter.startsWith('$iothub/twin/PATCH/properties/desired/')) return 'desired-properties';
	if (filter === '$iothub/twin/res/#') return 'twin-responses';
	const { deviceId, moduleId } = identity;
	if (moduleId === undefined) {
		return filter === `devices/${deviceId}/messages/devicebound/#` ? 'cloud-to-device' : undefined;
	}
	const prefix = `devices/${deviceId}/modules/${moduleId}/`;
	return filter.startsWith(prefix) && filter.endsWith('#') ? 'inputs' : undefined;
}
