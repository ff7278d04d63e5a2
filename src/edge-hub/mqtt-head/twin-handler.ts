import { randomUUID } from 'node:crypto';
import type { Publication } from '../../mqtt/mqtt-server.ts';
import { twinResponseTopic } from '../../protocol/mqtt-topic.ts';
import type { Clock } from '../../runtime/clock.ts';
import { EdgeError, messageOf } from '../../runtime/edge-error.ts';
import type { JsonObject, JsonValue } from '../../runtime/json.ts';
import type { HubServices } from '../hub-services.ts';
import type { MqttClient } from './mqtt-client.ts';

/** Answers a request for the twin. Every request gets an answer: the SDKs wait without end. */
export async function handleTwinGet(
	services: HubServices,
	client: MqttClient,
	{ requestId }: { readonly requestId: string },
	clock: Clock,
): Promise<void> {
	await answer(client, requestId, clock, async () => {
		const { desired, reported } = await services.getTwin(client.identity);
		return {
			topic: twinResponseTopic(200, requestId),
			body: JSON.stringify({ desired, reported }),
		};
	});
}

/** Takes in a patch of reported properties. Without a request id nobody waits for the answer. */
export async function handleTwinPatch(
	services: HubServices,
	client: MqttClient,
	{ requestId }: { readonly requestId?: string },
	{ payload }: Publication,
	clock: Clock,
): Promise<void> {
	await answer(client, requestId, clock, async () => {
		const version = await services.patchReported(client.identity, parsePatch(payload));
		return { topic: twinResponseTopic(204, requestId ?? '', version), body: '' };
	});
}

function parsePatch(payload: Uint8Array): JsonValue {
	try {
		return JSON.parse(Buffer.from(payload).toString());
	} catch (cause) {
		throw new EdgeError('EDGE_TWIN_PATCH_INVALID', 'The patch is not JSON.', { cause });
	}
}

async function answer(
	client: MqttClient,
	requestId: string | undefined,
	clock: Clock,
	compute: () => Promise<{ readonly topic: string; readonly body: string }>,
): Promise<void> {
	const response = await compute().catch((error: unknown) => {
		const status = statusOf(error);
		const context = { trackingId: randomUUID(), now: clock.now() };
		const body = JSON.stringify(twinErrorBody(status, messageOf(error), context));
		return { topic: twinResponseTopic(status, requestId ?? ''), body };
	});
	if (requestId === undefined) return;
	// A client that has gone asks again when it is back.
	await client.sendTwinResponse(response.topic, response.body).catch(() => {});
}

function statusOf(error: unknown): number {
	if (!(error instanceof EdgeError)) return 500;
	if (error.code === 'EDGE_TWIN_PATCH_INVALID') return 400;
	return error.code === 'EDGE_STORAGE_FULL' ? 503 : 500;
}

/** The body of a failed twin request, in IoT Hub's form, which the Azure SDKs understand. */
function twinErrorBody(
	status: number,
	message: string,
	context: { readonly trackingId: string; readonly now: number },
): JsonObject {
	return {
		errorCode: status * 1000,
		trackingId: context.trackingId,
		message,
		timestampUtc: new Date(context.now).toISOString(),
	};
}
