import type { IncomingMessage } from 'node:http';
import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';
import { Refused } from './http-answer.ts';
import { requestBody } from './request-body.ts';

const maxBodyBytes = 65_536;

/** The JSON object in a request. @throws Refused */
export async function jsonBody(request: IncomingMessage): Promise<JsonObject> {
	const body = await requestBody(request, maxBodyBytes);
	if (body === undefined) throw new Refused(413, 'The request is too large.');
	const value = parsedJson(body.toString());
	if (isJsonObject(value)) return value;
	throw new Refused(400, 'The request is not a JSON object.');
}

/** @returns undefined for what is no JSON */
export function parsedJson(text: string): JsonValue | undefined {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
