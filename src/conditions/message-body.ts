import type { Message } from '../protocol/message.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../runtime/json.ts';
import { parseLenientJson } from '../runtime/lenient-json.ts';

const decoders: ReadonlyMap<string, (body: Uint8Array) => string> = new Map([
	['utf-8', (body: Uint8Array) => view(body).toString('utf8')],
	['utf-16', (body: Uint8Array) => view(body).toString('utf16le')],
	['utf-32', decodeUtf32],
]);

/**
 * The body of a message whose contentType is `application/json` and whose contentEncoding is utf-8,
 * utf-16 or utf-32 (little-endian), where it is a JSON object; otherwise undefined
 * (IoT Hub documentation, "Message routing query syntax", message body).
 */
export function parseMessageBody(message: Message): JsonObject | undefined {
	const contentType = message.systemProperties.get('contentType');
	if (contentType?.toLowerCase() !== 'application/json') return undefined;
	const encoding = message.systemProperties.get('contentEncoding')?.toLowerCase() ?? '';
	const decode = decoders.get(encoding);
	if (decode === undefined) return undefined;
	const value = parse(decode(message.body));
	return isJsonObject(value) ? value : undefined;
}

function parse(text: string): JsonValue | undefined {
	try {
		return JSON.parse(text) as JsonValue;
	} catch {
		return parseLenientJson(text);
	}
}

function view(body: Uint8Array): Buffer {
	return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}

function decodeUtf32(body: Uint8Array): string {
	const bytes = view(body);
	const points: string[] = [];
	for (let position = 0; position + 4 <= bytes.byteLength; position += 4) {
		const point = bytes.readUInt32LE(position);
		points.push(point > 0x10_ffff ? '\ufffd' : String.fromCodePoint(point));
	}
	return points.join('');
}
