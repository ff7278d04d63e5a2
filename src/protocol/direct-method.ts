import { EdgeError } from '../runtime/edge-error.ts';
import { isJsonObject, type JsonValue } from '../runtime/json.ts';

/** A call of a direct method, defaults filled in. */
export interface MethodRequest {
	readonly name: string;
	/** Null where the caller sent none. */
	readonly payload: JsonValue;
	/** Seconds that the target has for its answer, once it has the call. */
	readonly responseTimeoutSeconds: number;
	/** Seconds that the call waits for the target to connect. */
	readonly connectTimeoutSeconds: number;
}

/** The target's answer. */
export interface MethodResponse {
	readonly status: number;
	readonly payload: JsonValue;
}

/** Limits and defaults (IoT Hub documentation, "Understand and invoke direct methods"). */
export const methodLimits = {
	maxNameLength: 100,
	maxPayloadBytes: 131_072,
	responseTimeout: { min: 5, max: 300, default: 30 },
	connectTimeout: { min: 0, max: 300, default: 0 },
} as const;

/**
 * Reads the JSON body of a method call: `{methodName, payload, responseTimeoutInSeconds,
 * connectTimeoutInSeconds}`.
 *
 * @throws EdgeError EDGE_METHOD_INVALID
 */
export function parseMethodRequest(body: unknown): MethodRequest {
	if (!isJsonObject(body)) throw invalid('The request is not a JSON object.');
	const { methodName, payload = null } = body;
	if (typeof methodName !== 'string' || methodName.trim() === '') {
		throw invalid('The request has no methodName.');
	}
	if (methodName.length > methodLimits.maxNameLength) {
		throw invalid(`The methodName is longer than ${methodLimits.maxNameLength} characters.`);
	}
	if (Buffer.byteLength(JSON.stringify(payload)) > methodLimits.maxPayloadBytes) {
		throw invalid(`The payload is larger than ${methodLimits.maxPayloadBytes} bytes.`);
	}
	return {
		name: methodName,
		payload,
		responseTimeoutSeconds: seconds(
			body['responseTimeoutInSeconds'],
			'responseTimeoutInSeconds',
			methodLimits.responseTimeout,
		),
		connectTimeoutSeconds: seconds(
			body['connectTimeoutInSeconds'],
			'connectTimeoutInSeconds',
			methodLimits.connectTimeout,
		),
	};
}

function seconds(
	value: unknown,
	name: string,
	range: { readonly min: number; readonly max: number; readonly default: number },
): number {
	if (value === undefined || value === null) return range.default;
	if (typeof value !== 'number' || value < range.min || value > range.max) {
		throw invalid(`${name} is not a number from ${range.min} to ${range.max}.`);
	}
	return value;
}

function invalid(message: string): EdgeError {
	return new EdgeError('EDGE_METHOD_INVALID', message);
}
