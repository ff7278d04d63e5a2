import type { IncomingMessage } from 'node:http';
import type { JsonValue } from '../../../runtime/json.ts';
import { decodeProtobuf, ProtobufError, protobufType } from '../schema/protobuf.ts';
import { badRequest, StatusError, unsupportedMediaType } from '../status-error.ts';

/** What Kubernetes takes at most. */
const maxBytes = 3 * 1024 * 1024;

/** The media type of a request's body, without its parameters. */
export function contentTypeOf(request: IncomingMessage): string {
	const [type = ''] = (request.headers['content-type'] ?? 'application/json').split(';');
	return type.trim().toLowerCase();
}

/**
 * Reads a body of JSON, YAML or Kubernetes' binary form.
 *
 * @returns undefined for an empty body.
 * @throws StatusError 400, 413 or 415
 */
export async function readBody(request: IncomingMessage): Promise<JsonValue | undefined> {
	const type = contentTypeOf(request);
	const chunks: Buffer[] = [];
	let size = 0;
	for await (const chunk of request) {
		size += chunk.length;
		// The rest is read as well: a client that still writes would not see the answer.
		if (size <= maxBytes) chunks.push(chunk);
	}
	if (size > maxBytes) throw new StatusError(413, 'RequestEntityTooLarge', `limit is ${maxBytes}`);
	if (size === 0) return undefined;
	if (type === protobufType) return parseProtobuf(Buffer.concat(chunks));
	if (!/json$|yaml$/.test(type)) {
		throw unsupportedMediaType(
			`the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, ${protobufType}; it was ${type}`,
		);
	}
	return parseBody(Buffer.concat(chunks).toString('utf8'), type);
}

function parseProtobuf(bytes: Buffer): JsonValue {
	try {
		return decodeProtobuf(bytes);
	} catch (error) {
		if (!(error instanceof ProtobufError)) throw error;
		throw badRequest(`error decoding ${protobufType}: ${error.message}`);
	}
}

async function parseBody(text: string, type: string): Promise<JsonValue> {
	try {
		return JSON.parse(text);
	} catch (error) {
		if (!type.endsWith('yaml')) throw badRequest(`error decoding JSON: ${String(error)}`);
	}
	const { parse } = await import('yaml');
	try {
		return parse(text);
	} catch (error) {
		throw badRequest(`error decoding YAML: ${String(error)}`);
	}
}
