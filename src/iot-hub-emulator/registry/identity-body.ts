import { isValidId } from '../../protocol/identity.ts';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import { IotHubError } from '../iot-hub-error.ts';

/**
 * The members of an identity that a client may set, checked. Authentication is read apart because
 * it depends on the record that is there.
 */
export interface DeviceBody {
	readonly status: 'enabled' | 'disabled';
	readonly statusReason: string | null;
	readonly iotEdge: boolean;
	readonly deviceScope?: string;
	readonly parentScopes: readonly string[];
}

/** @throws IotHubError ArgumentInvalid */
export function deviceBodyFrom(deviceId: string, body: unknown): DeviceBody {
	const device = objectNaming(body, 'deviceId', deviceId);
	const status = device['status'] ?? 'enabled';
	if (status !== 'enabled' && status !== 'disabled') throw invalid('status is not known');
	const statusReason = textOrNull(device, 'statusReason');
	if ((statusReason?.length ?? 0) > 128)
		throw invalid('statusReason is longer than 128 characters');
	const capabilities = device['capabilities'] ?? {};
	if (!isJsonObject(capabilities)) throw invalid('capabilities is not an object');
	const parentScopes = device['parentScopes'] ?? [];
	if (!Array.isArray(parentScopes) || parentScopes.some((scope) => typeof scope !== 'string')) {
		throw invalid('parentScopes is not a list of strings');
	}
	const deviceScope = textOrNull(device, 'deviceScope');
	return {
		status,
		statusReason,
		iotEdge: capabilities['iotEdge'] === true,
		...(deviceScope ? { deviceScope } : {}),
		parentScopes: parentScopes as string[],
	};
}

/** @returns `managedBy` of a module. @throws IotHubError ArgumentInvalid */
export function managedByFrom(moduleId: string, body: unknown): string | null {
	return textOrNull(objectNaming(body, 'moduleId', moduleId), 'managedBy');
}

/** @throws IotHubError ArgumentInvalid for an id with characters that IoT Hub does not take. */
export function requireValidId(id: string, what: 'device' | 'module'): void {
	if (isValidId(id)) return;
	throw invalid(`the ${what} id is not 1 to 128 letters, digits and -.+%_#*?!(),:=@$'`);
}

/** The body may leave its own id out, but must not name another one. */
function objectNaming(body: unknown, member: string, id: string): JsonObject {
	if (!isJsonObject(body)) throw invalid('the body is not a JSON object');
	const named = body[member];
	if (named !== undefined && named !== null && named !== id) {
		throw invalid(`${member} of the body differs from the one in the path`);
	}
	return body;
}

function textOrNull(object: JsonObject, member: string): string | null {
	const value = object[member] ?? null;
	if (value !== null && typeof value !== 'string') throw invalid(`${member} is not a string`);
	return value;
}

function invalid(message: string): IotHubError {
	return new IotHubError('ArgumentInvalid', `Invalid identity: ${message}.`);
}
