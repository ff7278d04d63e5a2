import type { Publication } from '../../mqtt/mqtt-server.ts';
import type { JsonValue } from '../../runtime/json.ts';
import type { HubServices } from '../hub-services.ts';
import type { MqttClient } from './mqtt-client.ts';

/** Takes in the answer to a direct method. An empty payload, or none that is JSON, counts as null. */
export function handleMethodResponse(
	services: HubServices,
	client: MqttClient,
	{ requestId, status }: { readonly requestId: string; readonly status: number },
	{ payload }: Publication,
): void {
	services.respondToMethod(client.identity, requestId, { status, payload: parsePayload(payload) });
}

function parsePayload(payload: Uint8Array): JsonValue {
	if (payload.byteLength === 0) return null;
	try {
		return JSON.parse(Buffer.from(payload).toString());
	} catch {
		return null;
	}
}
