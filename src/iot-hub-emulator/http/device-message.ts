import type { Message } from '../../protocol/message.ts';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import type { LockedMessage } from '../cloud-to-device/cloud-to-device-queues.ts';
import { IotHubError } from '../iot-hub-error.ts';

/** Header → system property (IoT Hub documentation, "Send Device Event"). */
const systemNames: ReadonlyMap<string, string> = new Map([
	['iothub-messageid', 'messageId'],
	['iothub-correlationid', 'cid'],
	['iothub-userid', 'userId'],
	['iothub-to', 'to'],
	['iothub-expiry', 'absolute-expiry-time'],
	['iothub-ack', 'ack'],
	['iothub-contenttype', 'contentType'],
	['iothub-contentencoding', 'contentEncoding'],
	['iothub-interface-id', 'iothub-interface-id'],
	['iothub-message-schema', 'messageSchema'],
	['iothub-creation-time-utc', 'creationTime'],
	['iothub-operation', 'operation'],
	['dt-subject', 'dt-subject'],
]);

const headerNames = new Map([...systemNames].map(([header, name]) => [name, header]));

const appPrefix = 'iothub-app-';

/** Messages of one batch (IoT Hub quotas). */
const maxBatch = 500;

/**
 * The message of a request.
 *
 * @param rawHeaders names and values in turn, as Node gives them: names of properties keep their case
 */
export function messageOfRequest(rawHeaders: readonly string[], body: Uint8Array): Message {
	const pairs: [string, string][] = [];
	for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
		pairs.push([rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '']);
	}
	return messageOf(pairs, body);
}

/**
 * The messages of a batch: `[{body, base64Encoded?, properties?}]`; bodies are base64 unless they say
 * otherwise.
 *
 * @throws IotHubError ArgumentInvalid
 */
export function messagesOfBatch(batch: Uint8Array): Message[] {
	let list: unknown;
	try {
		list = JSON.parse(Buffer.from(batch).toString());
	} catch {
		throw invalid('The batch is not JSON.');
	}
	if (!Array.isArray(list)) throw invalid('The batch is not a list.');
	if (list.length > maxBatch) throw invalid(`The batch has more than ${maxBatch} messages.`);
	return list.map((item: unknown) => {
		if (!isJsonObject(item)) throw invalid('A message of the batch is not an object.');
		const { body, base64Encoded, properties } = item;
		if (typeof body !== 'string') throw invalid('A message of the batch has no body.');
		const bytes = Buffer.from(body, base64Encoded === false ? 'utf8' : 'base64');
		return messageOf(textEntries(properties ?? {}), bytes);
	});
}

/** The headers under which a device gets a cloud-to-device message. */
export function headersOfMessage(locked: LockedMessage): Record<string, string> {
	const headers = new Map([
		['etag', `"${locked.lockToken}"`],
		['iothub-sequencenumber', String(locked.sequenceNumber)],
		['iothub-enqueuedtime', new Date(locked.enqueuedTime).toISOString()],
		['iothub-deliverycount', String(locked.deliveryCount - 1)],
	]);
	const { systemProperties, properties } = locked.message;
	for (const [name, value] of systemProperties) {
		const header = headerNames.get(name);
		if (header !== undefined) headers.set(header, printable(value));
	}
	for (const [name, value] of properties) {
		// What is no token is no header's name [RFC 9110, 5.6.2].
		if (/^[\w!#$%&'*+\-.^`|~]+$/.test(name)) {
			headers.set(`${appPrefix}${name}`, printable(value ?? ''));
		}
	}
	return Object.fromEntries(headers);
}

function messageOf(pairs: readonly (readonly [string, string])[], body: Uint8Array): Message {
	const properties = new Map<string, string>();
	const systemProperties = new Map<string, string>();
	for (const [name, value] of pairs) {
		const lower = name.toLowerCase();
		const system = systemNames.get(lower);
		if (system !== undefined) systemProperties.set(system, value);
		else if (lower.startsWith(appPrefix)) properties.set(name.slice(appPrefix.length), value);
	}
	return { body, properties, systemProperties };
}

function textEntries(properties: unknown): [string, string][] {
	if (!isJsonObject(properties)) throw invalid('Properties of a message are not an object.');
	return Object.entries(properties as JsonObject).map(([name, value]) => {
		if (typeof value === 'string') return [name, value];
		throw invalid(`The property ${name} is not a string.`);
	});
}

/** Headers carry visible ASCII; everything else is percent-encoded. */
function printable(value: string): string {
	return /^[\x20-\x7e]*$/.test(value) ? value : encodeURIComponent(value);
}

function invalid(message: string): IotHubError {
	return new IotHubError('ArgumentInvalid', message);
}
