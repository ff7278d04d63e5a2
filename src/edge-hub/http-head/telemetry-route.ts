import type { IncomingHttpHeaders } from 'node:http';
import { type Message, maxMessageSize } from '../../protocol/message.ts';
import { EdgeError, messageOf } from '../../runtime/edge-error.ts';
import { isJsonObject, type JsonObject, type JsonValue, jsonText } from '../../runtime/json.ts';
import { ingestTelemetry } from '../telemetry.ts';
import { type HttpAnswer, refusal } from './http-answer.ts';
import type { HttpCall } from './http-call.ts';
import { requestBody } from './request-body.ts';
import { authenticationFault } from './request-credential.ts';

const batchType = 'application/vnd.microsoft.iothub.json';
/** Bodies of a batch are in base64. */
const maxBodyBytes = maxMessageSize * 2;
const applicationPrefix = 'iothub-app-';

/** Header → system property (IoT Hub documentation, "Device - Send Device Event"). */
const systemHeaders: ReadonlyMap<string, string> = new Map([
	['iothub-messageid', 'messageId'],
	['iothub-correlationid', 'cid'],
	['iothub-userid', 'userId'],
	['iothub-to', 'to'],
	['iothub-expiry', 'absolute-expiry-time'],
	['iothub-contenttype', 'contentType'],
	['iothub-contentencoding', 'contentEncoding'],
	['iothub-interface-id', 'iothub-interface-id'],
]);

/**
 * `POST /devices/{device}[/modules/{module}]/messages/events`: one message, or a batch of them. It is
 * answered when all are on disk. Not in Azure IoT Edge; in IoT Hub's form. A client that sends more
 * than it may waits for a moment; where that does not suffice, it is asked to come later.
 */
export async function sendTelemetry(call: HttpCall): Promise<HttpAnswer> {
	const { request, target, options } = call;
	const fault = await authenticationFault(call, target);
	if (fault !== undefined) return fault;
	const body = await requestBody(request, maxBodyBytes);
	if (body === undefined) return refusal(413, 'The request is too large.');
	try {
		const batch = request.headers['content-type']?.toLowerCase().startsWith(batchType);
		const messages = batch ? batchOf(body) : [singleMessage(body, request.headers)];
		const wait = await options.rates.requested(target, messages.length);
		if (wait > 0) return tooFast(wait);
		const sender = { identity: target };
		await Promise.all(
			messages.map((message) => ingestTelemetry(options.services, sender, message)),
		);
		return { status: 204 };
	} catch (error) {
		return refusal(statusOf(error), messageOf(error));
	}
}

/** @param wait milliseconds after which the client may come again */
function tooFast(wait: number): HttpAnswer {
	const seconds = Math.ceil(wait / 1000);
	const reason = `More messages than the client may send. Try again in ${seconds} s.`;
	return { ...refusal(429, reason), headers: { 'retry-after': String(seconds) } };
}

function singleMessage(body: Buffer, headers: IncomingHttpHeaders): Message {
	const texts = Object.entries(headers).filter(([, value]) => typeof value === 'string');
	return messageWith(body, texts as [string, string][]);
}

function messageWith(body: Uint8Array, headers: readonly (readonly [string, string])[]): Message {
	const properties = new Map<string, string>();
	const systemProperties = new Map<string, string>();
	for (const [header, value] of headers) {
		const name = header.toLowerCase();
		const system = systemHeaders.get(name);
		if (system !== undefined) systemProperties.set(system, value);
		else if (name.startsWith(applicationPrefix)) {
			properties.set(header.slice(applicationPrefix.length), value);
		}
	}
	return { body, properties, systemProperties };
}

function batchOf(body: Buffer): Message[] {
	let batch: JsonValue;
	try {
		batch = JSON.parse(body.toString());
	} catch (cause) {
		throw new EdgeError('EDGE_MESSAGE_INVALID', 'The batch is not JSON.', { cause });
	}
	if (!Array.isArray(batch)) throw new EdgeError('EDGE_MESSAGE_INVALID', 'The batch is no array.');
	return batch.map((entry) => {
		if (isJsonObject(entry) && typeof entry['body'] === 'string') return entryOf(entry);
		throw new EdgeError('EDGE_MESSAGE_INVALID', 'A message of the batch has no body.');
	});
}

function entryOf({ body, properties, base64Encoded }: JsonObject): Message {
	const headers = Object.entries(isJsonObject(properties) ? properties : {});
	const encoding = base64Encoded === false ? 'utf8' : 'base64';
	return messageWith(
		Buffer.from(jsonText(body), encoding),
		headers.map(([name, value]) => [name, jsonText(value)] as const),
	);
}

function statusOf(error: unknown): number {
	if (!(error instanceof EdgeError)) return 500;
	if (error.code === 'EDGE_MESSAGE_INVALID') return 400;
	return error.code === 'EDGE_STORAGE_FULL' ? 503 : 500;
}
