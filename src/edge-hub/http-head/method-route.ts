import { methodLimits, parseMethodRequest } from '../../protocol/direct-method.ts';
import { type Identity, identityKey } from '../../protocol/identity.ts';
import { EdgeError, messageOf } from '../../runtime/edge-error.ts';
import type { JsonValue } from '../../runtime/json.ts';
import { failedMethodResponse } from '../methods/method-status.ts';
import { type HttpAnswer, refusal } from './http-answer.ts';
import type { HttpCall } from './http-call.ts';
import { requestBody } from './request-body.ts';
import { authenticationFault } from './request-credential.ts';

/** A payload may be written with escapes, which count as one character in the limit. */
const maxBodyBytes = methodLimits.maxPayloadBytes * 6 + 4_096;

/**
 * `POST /twins/{device}[/modules/{module}]/methods`: a module of this edge device calls a method of
 * a module or device that is connected here. Works without the cloud. The time limits of the
 * request are kept by the hub: callers do not.
 */
export async function callMethod(call: HttpCall): Promise<HttpAnswer> {
	const { services } = call.options;
	const caller = callerOf(call.request.headers['x-ms-edge-moduleid']);
	if (caller === undefined) return refusal(400, 'Invalid header value for x-ms-edge-moduleId');
	if (caller.deviceId !== services.edgeDeviceId) {
		return refusal(401, 'Only modules on the same device can invoke DirectMethods');
	}
	const fault = await authenticationFault(call, caller);
	if (fault !== undefined) return fault;
	const body = await requestBody(call.request, maxBodyBytes);
	if (body === undefined) return refusal(413, 'The request is too large.');
	try {
		const request = parseMethodRequest(parsed(body));
		const answer = await call.options.callMethod(identityKey(caller), call.target, request);
		return { status: 200, body: { status: answer.status, payload: answer.payload } };
	} catch (error) {
		return refusal(failedMethodResponse(error).status, messageOf(error));
	}
}

/** `device/module`, as the SDKs write it. */
function callerOf(header: string | string[] | undefined): Identity | undefined {
	const [deviceId = '', moduleId = '', ...rest] = String(header ?? '').split('/');
	return deviceId === '' || moduleId === '' || rest.length > 0 ? undefined : { deviceId, moduleId };
}

function parsed(body: Buffer): JsonValue {
	try {
		return JSON.parse(body.toString());
	} catch (cause) {
		throw new EdgeError('EDGE_METHOD_INVALID', 'The request is not JSON.', { cause });
	}
}
