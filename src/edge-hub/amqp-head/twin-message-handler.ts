import { randomUUID } from 'node:crypto';
import { type AmqpMessage, bytesOf, int, long } from '../../amqp/amqp-message.ts';
import type { Clock } from '../../runtime/clock.ts';
import { EdgeError, messageOf } from '../../runtime/edge-error.ts';
import type { JsonValue } from '../../runtime/json.ts';
import type { HubServices } from '../hub-services.ts';
import type { AmqpClient } from './amqp-client.ts';

interface Answer {
	readonly status: number;
	readonly version?: number;
	readonly body?: object;
}

const reportedResource = '/properties/reported';
const desiredResource = '/notifications/twin/properties/desired';

/** Answers a request on a twin link. Every request gets an answer: the SDKs wait without end. */
export async function handleTwinMessage(
	services: HubServices,
	client: AmqpClient,
	request: AmqpMessage,
	clock: Clock,
): Promise<void> {
	const { status, version, body } = await serve(services, client, request).catch((error) =>
		failure(error, clock),
	);
	const { correlationId } = request;
	const answer: AmqpMessage = {
		...(correlationId === undefined ? {} : { correlationId }),
		annotations: new Map([
			['status', int(status)],
			...(version === undefined ? [] : [['version', long(version)] as const]),
		]),
		data: Buffer.from(body === undefined ? '' : JSON.stringify(body)),
	};
	// A client that has gone asks again when it is back.
	await client.send('twin', answer).catch(() => {});
}

async function serve(
	services: HubServices,
	client: AmqpClient,
	request: AmqpMessage,
): Promise<Answer> {
	const operation = request.annotations?.get('operation');
	const resource = request.annotations?.get('resource');
	if (operation === 'GET') {
		const { desired, reported } = await services.getTwin(client.identity);
		return { status: 200, body: { desired, reported } };
	}
	if (operation === 'PATCH' && resource === reportedResource) {
		const version = await services.patchReported(client.identity, parsePatch(request));
		return { status: 200, version };
	}
	if (resource === desiredResource && (operation === 'PUT' || operation === 'DELETE')) {
		client.wantDesired(operation === 'PUT');
		return { status: 200 };
	}
	throw new EdgeError('EDGE_TWIN_PATCH_INVALID', 'The operation is not one of twins.');
}

function parsePatch(request: AmqpMessage): JsonValue {
	try {
		return JSON.parse(Buffer.from(bytesOf(request)).toString());
	} catch (cause) {
		throw new EdgeError('EDGE_TWIN_PATCH_INVALID', 'The patch is not JSON.', { cause });
	}
}

/** The answer to a failed request, in IoT Hub's form. */
function failure(error: unknown, clock: Clock): Answer {
	const status = statusOf(error);
	return {
		status,
		body: {
			errorCode: status * 1000,
			trackingId: randomUUID(),
			message: error instanceof EdgeError ? messageOf(error) : 'The twin cannot be served.',
			timestampUtc: new Date(clock.now()).toISOString(),
		},
	};
}

function statusOf(error: unknown): number {
	if (!(error instanceof EdgeError)) return 500;
	if (error.code === 'EDGE_TWIN_PATCH_INVALID') return 400;
	return error.code === 'EDGE_STORAGE_FULL' ? 503 : 500;
}
