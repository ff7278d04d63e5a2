import type { MethodRequest, MethodResponse } from '../../protocol/direct-method.ts';
import { EdgeError, messageOf } from '../../runtime/edge-error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';

/** One direct method of `$edgeAgent`: takes the call's payload, gives the answer's. */
export type AgentMethod = (payload: JsonValue) => Promise<JsonValue>;

/**
 * Answers calls by a table of methods. Names are taken in any case. Errors of the caller are 400,
 * all others 500, with `{"message"}`. Source: Azure IoT Edge documentation, "Communicate with
 * edgeAgent using built-in direct methods".
 *
 * @param onInvoked told of every call of a method of the table, with its name there.
 */
export function answerWith(
	methods: Readonly<Record<string, AgentMethod>>,
	onInvoked: (name: string) => void = () => {},
): (request: MethodRequest) => Promise<MethodResponse> {
	const rows = Object.entries(methods);
	const byName = new Map(rows.map(([name, run]) => [name.toLowerCase(), { name, run }]));
	return async ({ name, payload }) => {
		const method = byName.get(name.toLowerCase());
		if (method === undefined) {
			const supported = Object.keys(methods).join(', ');
			const message = `Command '${name}' not found. The supported commands are - ${supported}`;
			return { status: 400, payload: { message } };
		}
		try {
			onInvoked(method.name);
			return { status: 200, payload: await method.run(payload) };
		} catch (error) {
			const callers = error instanceof EdgeError && error.code === 'EDGE_METHOD_INVALID';
			return { status: callers ? 400 : 500, payload: { message: messageOf(error) } };
		}
	};
}

/**
 * The payload of a method that takes `{schemaVersion, …}`.
 *
 * @throws EdgeError EDGE_METHOD_INVALID for a payload without one, EDGE_METHOD_SCHEMA for a version
 * that is not 1.x.
 */
export function versionedPayload(payload: JsonValue): JsonObject {
	if (!isJsonObject(payload)) throw methodFault('The payload must be a JSON object.');
	const version = payload['schemaVersion'];
	if (typeof version !== 'string' || version.trim() === '') {
		throw methodFault('The payload has no schemaVersion.');
	}
	if (/^1(\.\d+){1,3}$/.test(version.trim())) return payload;
	throw new EdgeError('EDGE_METHOD_SCHEMA', `The schema version ${version} is not supported.`);
}

/** An error of the caller. */
export function methodFault(message: string): EdgeError {
	return new EdgeError('EDGE_METHOD_INVALID', message);
}
