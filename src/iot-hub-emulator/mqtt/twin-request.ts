import type { MqttConnection } from '../../mqtt/mqtt-server.ts';
import type { Identity } from '../../protocol/identity.ts';
import {
	type ClientTopic,
	parseSubscription,
	twinResponseTopic,
} from '../../protocol/mqtt-topic.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import type { Faults } from '../faults.ts';
import type { Hub } from '../hub.ts';
import { asIotHubError, IotHubError } from '../iot-hub-error.ts';

/** Who asks, and whom. */
export interface TwinRequestContext {
	readonly hub: Hub;
	readonly faults: Faults;
	readonly identity: Identity;
	readonly mqtt: MqttConnection;
}

type TwinTopic = ClientTopic & { readonly kind: 'twin-get' | 'twin-patch' };

interface Answer {
	readonly status: number;
	readonly version?: number;
	readonly body?: object;
}

/** Serves a client's twin request and publishes the answer, if the client listens for it. */
export async function answerTwinRequest(
	topic: TwinTopic,
	payload: Uint8Array,
	context: TwinRequestContext,
): Promise<void> {
	const { status, version, body } = await serve(topic, payload, context);
	const filters = [...context.mqtt.subscriptions.keys()];
	const listens = filters.some(
		(filter) => parseSubscription(filter, context.identity) === 'twin-responses',
	);
	if (topic.requestId === undefined || !listens) return;
	const publication = {
		topic: twinResponseTopic(status, topic.requestId, version),
		payload: Buffer.from(body === undefined ? '' : JSON.stringify(body)),
	};
	await context.mqtt.publish(publication, 0);
}

async function serve(
	topic: TwinTopic,
	payload: Uint8Array,
	{ hub, faults, identity }: TwinRequestContext,
): Promise<Answer> {
	try {
		await faults.request();
		hub.throttles.take(topic.kind === 'twin-get' ? 'twin-read' : 'twin-update');
		if (topic.kind === 'twin-get') return { status: 200, body: hub.twins.propertiesOf(identity) };
		const version = hub.twins.patchReported(identity, patchFrom(payload), topic.version);
		return { status: 204, version };
	} catch (error) {
		const refusal = asIotHubError(error);
		if (refusal !== error) hub.logger.error('a twin request failed', { reason: messageOf(error) });
		return { status: refusal.status, body: refusal.deviceBody(new Date(hub.clock.now())) };
	}
}

function patchFrom(payload: Uint8Array): JsonObject {
	try {
		const patch: unknown = JSON.parse(Buffer.from(payload).toString());
		if (isJsonObject(patch)) return patch;
	} catch {
		// The same answer as for JSON that is no object.
	}
	throw new IotHubError('ArgumentInvalid', 'The reported properties are not a JSON object.');
}
