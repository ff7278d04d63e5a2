/** What IoT Hub says to a client. Source: IoT Hub documentation, "Use MQTT directly". */
export type HubTopic =
	| { readonly kind: 'method'; readonly name: string; readonly requestId: string }
	| { readonly kind: 'twin-response'; readonly status: number }
	| { readonly kind: 'desired-patch' }
	| { readonly kind: 'device-bound'; readonly bag: string };

const methodPattern = /^\$iothub\/methods\/POST\/([^/?]+)\/?\?(?:.*&)?\$rid=([^&]+)/;
const twinResponsePattern = /^\$iothub\/twin\/res\/(\d{1,6})\//;
const desiredPrefix = '$iothub/twin/PATCH/properties/desired/';
const deviceBoundPattern = /^devices\/[^/]+\/messages\/devicebound\/?(.*)$/s;

/**
 * Reads the topic of a message from IoT Hub. A method's name is taken as it stands, and decoded
 * where it is percent-encoded.
 *
 * @returns undefined for anything else.
 */
export function parseHubTopic(topic: string): HubTopic | undefined {
	if (topic.startsWith(desiredPrefix)) return { kind: 'desired-patch' };
	const response = twinResponsePattern.exec(topic);
	if (response !== null) return { kind: 'twin-response', status: Number(response[1]) };
	const [, name, requestId] = methodPattern.exec(topic) ?? [];
	if (name && requestId) return { kind: 'method', name: decoded(name), requestId };
	const [, bag] = deviceBoundPattern.exec(topic) ?? [];
	return bag === undefined ? undefined : { kind: 'device-bound', bag };
}

function decoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}
