import type { ServerResponse } from 'node:http';
import type { JsonObject } from '../../../runtime/json.ts';
import { StatusError } from '../status-error.ts';

/** Sends JSON text. */
export function sendText(
	response: ServerResponse,
	code: number,
	text: string,
	warnings: readonly string[] = [],
): void {
	const body = Buffer.from(text);
	if (warnings.length > 0) response.setHeader('warning', warnings.map(formatWarning));
	response.writeHead(code, { 'content-type': 'application/json', 'content-length': body.length });
	response.end(body);
}

/** Sends a JSON object. */
export function sendJson(
	response: ServerResponse,
	code: number,
	value: JsonObject,
	warnings: readonly string[] = [],
): void {
	sendText(response, code, JSON.stringify(value), warnings);
}

/** Sends plain text, as the health checks answer. */
export function sendPlain(response: ServerResponse, code: number, text: string): void {
	response.writeHead(code, { 'content-type': 'text/plain; charset=utf-8' });
	response.end(text);
}

/** Answers with the `Status` of a failure; what is no StatusError is a fault of the server. */
export function sendError(response: ServerResponse, error: unknown): StatusError {
	const status =
		error instanceof StatusError
			? error
			: new StatusError(500, 'InternalError', 'Internal error occurred', {});
	if (response.headersSent) {
		response.destroy();
		return status;
	}
	if (status.code === 401) response.setHeader('www-authenticate', 'Bearer');
	const seconds = status.details?.retryAfterSeconds;
	if (seconds !== undefined) response.setHeader('retry-after', String(seconds));
	sendJson(response, status.code, status.toStatus());
	return status;
}

/** A warning as [RFC 7234, 5.5] wants it: code, agent, quoted text. */
function formatWarning(text: string): string {
	return `299 - ${JSON.stringify(text.replace(/[^\x20-\x7e]/g, '?'))}`;
}
