import type * as iothub from 'azure-iothub';
import { EdgeError, messageOf } from '../../runtime/edge-error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';
import { type HubAccess, type HubOptions, hubAccess } from './hub-access.ts';
import { serviceSdk } from './service-sdk.ts';

/** A hub that a command works with, through the official service SDK. */
export interface HubSession {
	readonly access: HubAccess;
	readonly sdk: typeof iothub;
	readonly registry: iothub.Registry;
}

/** @throws EdgeError when no hub is named */
export async function openHub(options: HubOptions): Promise<HubSession> {
	const access = await hubAccess(options);
	const sdk = await serviceSdk(access);
	return { access, sdk, registry: sdk.Registry.fromConnectionString(access.connectionString) };
}

/** What the SDK answers with, or its failure with IoT Hub's own words. */
export async function asked<Result>(
	request: Promise<{ readonly responseBody: Result }>,
): Promise<Result> {
	return (await understood(request)).responseBody;
}

/** @throws EdgeError EDGE_HUB_UNREACHABLE, EDGE_HUB_REFUSED, EDGE_HUB_REQUEST_FAILED */
export async function understood<Result>(request: Promise<Result>): Promise<Result> {
	try {
		return await request;
	} catch (error) {
		throw refusal(error);
	}
}

function refusal(cause: unknown): EdgeError {
	const status = statusOf(cause);
	const text = `${bodyMessage(cause) ?? messageOf(cause)}`;
	if (status === undefined) {
		return new EdgeError('EDGE_HUB_UNREACHABLE', `IoT Hub cannot be used: ${text}`, { cause });
	}
	const code = status === 401 || status === 403 ? 'EDGE_HUB_REFUSED' : 'EDGE_HUB_REQUEST_FAILED';
	return new EdgeError(code, `IoT Hub answers with ${status}: ${text}`, { cause });
}

function statusOf(error: unknown): number | undefined {
	const response: unknown = Reflect.get(Object(error), 'response');
	const status: unknown = Reflect.get(Object(response), 'statusCode');
	return typeof status === 'number' ? status : undefined;
}

/** IoT Hub's message is JSON, often with JSON within it. */
function bodyMessage(error: unknown): string | undefined {
	const body = parsed(Reflect.get(Object(error), 'responseBody'));
	const message = isJsonObject(body) ? (body['Message'] ?? body['message']) : undefined;
	const inner = parsed(message);
	if (isJsonObject(inner) && typeof inner['message'] === 'string') return inner['message'];
	return typeof message === 'string' ? message : undefined;
}

function parsed(text: unknown): JsonValue | undefined {
	if (typeof text !== 'string') return undefined;
	try {
		return JSON.parse(text) as JsonValue;
	} catch {
		return undefined;
	}
}

/** `edge1/filter` is a module, `edge1` a device. */
export function targetOf(text: string): { readonly deviceId: string; readonly moduleId?: string } {
	const slash = text.indexOf('/');
	if (slash < 0) return { deviceId: text };
	return { deviceId: text.slice(0, slash), moduleId: text.slice(slash + 1) };
}

/** JSON of the command line. @throws EdgeError EDGE_SETTING_INVALID */
export function jsonArgument(text: string, where: string): JsonValue {
	const value = parsed(text);
	if (value !== undefined) return value;
	throw new EdgeError('EDGE_SETTING_INVALID', 'This is not JSON.', { where });
}

/** @throws EdgeError EDGE_SETTING_INVALID */
export function objectArgument(text: string, where: string): JsonObject {
	const value = jsonArgument(text, where);
	if (isJsonObject(value)) return value;
	throw new EdgeError('EDGE_SETTING_INVALID', 'A JSON object is needed.', { where });
}
