import type { MethodRequest, MethodResponse } from '../../protocol/direct-method.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import { isJsonObject, type JsonValue } from '../../runtime/json.ts';
import type { DeviceScope } from '../authorization/device-scope.ts';

/**
 * The direct methods of `$edgeHub` itself: `RefreshDeviceScopeIdentityCache` with
 * `{"deviceIds": ["…"]}` reads identities again that have changed in IoT Hub.
 */
export async function callHubMethod(
	scope: DeviceScope,
	{ name, payload }: MethodRequest,
): Promise<MethodResponse> {
	if (name.toLowerCase() !== 'refreshdevicescopeidentitycache') {
		return { status: 404, payload: { message: `There is no method ${name}.` } };
	}
	const deviceIds = deviceIdsOf(payload);
	if (deviceIds === undefined) {
		return { status: 400, payload: { message: 'The payload must be {"deviceIds": ["…"]}.' } };
	}
	try {
		for (const deviceId of deviceIds) await scope.reload({ deviceId });
		return { status: 200, payload: null };
	} catch (error) {
		return { status: 500, payload: { message: messageOf(error) } };
	}
}

function deviceIdsOf(payload: JsonValue): string[] | undefined {
	const ids = isJsonObject(payload) ? payload['deviceIds'] : undefined;
	if (!Array.isArray(ids)) return undefined;
	return ids.every((id) => typeof id === 'string' && id !== '') ? (ids as string[]) : undefined;
}
