import type { FastifyRequest } from 'fastify';
import type { Identity } from '../../protocol/identity.ts';
import type { Message } from '../../protocol/message.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { meteredSize, requireMessageSize } from '../message-size.ts';
import { telemetryEvent } from '../telemetry/telemetry-event.ts';
import { headersOfMessage, messageOfRequest, messagesOfBatch } from './device-message.ts';
import type { RouteContext } from './route-context.ts';

interface MessageRoute {
	Params: { deviceId: string; moduleId?: string; lockToken: string };
	Querystring: { reject?: string };
}

const batchType = 'application/vnd.microsoft.iothub.json';

/** The HTTPS interface for devices: telemetry, and cloud-to-device messages. Bodies are buffers. */
export function addDeviceMessageRoutes({ app, hub, authorization }: RouteContext): void {
	const bound = '/devices/:deviceId/messages/devicebound';

	for (const owner of ['/devices/:deviceId', '/devices/:deviceId/modules/:moduleId']) {
		app.post<MessageRoute>(`${owner}/messages/events`, async (request, reply) => {
			const { deviceId, moduleId } = request.params;
			const identity: Identity = moduleId === undefined ? { deviceId } : { deviceId, moduleId };
			const admission = authorization.requireIdentity(request, identity);
			const messages = messagesOf(request);
			for (const message of messages) hub.throttles.meter(meteredSize(message));
			const sender = { identity, admission };
			const now = hub.clock.now();
			hub.connections.touch(identity);
			await Promise.all(
				messages.map((message) => hub.routing.accept(telemetryEvent(message, sender, now))),
			);
			return reply.code(204).send();
		});
	}
	app.get<MessageRoute>(bound, async (request, reply) => {
		const { deviceId } = request.params;
		authorization.requireIdentity(request, { deviceId });
		const locked = hub.cloudToDevice.take(deviceId);
		if (locked === undefined) return reply.code(204).send();
		return reply
			.headers(headersOfMessage(locked))
			.type(locked.message.systemProperties.get('contentType') ?? 'application/octet-stream')
			.send(Buffer.from(locked.message.body));
	});
	app.delete<MessageRoute>(`${bound}/:lockToken`, async (request, reply) => {
		const { deviceId, lockToken } = request.params;
		authorization.requireIdentity(request, { deviceId });
		const action = request.query.reject === undefined ? 'complete' : 'reject';
		requireLock(hub.cloudToDevice[action](deviceId, { lockToken }));
		return reply.code(204).send();
	});
	app.post<MessageRoute>(`${bound}/:lockToken/abandon`, async (request, reply) => {
		const { deviceId, lockToken } = request.params;
		authorization.requireIdentity(request, { deviceId });
		requireLock(hub.cloudToDevice.abandon(deviceId, { lockToken }));
		return reply.code(204).send();
	});
}

/** @throws IotHubError MessageTooLarge, ArgumentInvalid */
function messagesOf(request: FastifyRequest): Message[] {
	const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0);
	const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
	const messages =
		type === batchType ? messagesOfBatch(body) : [messageOfRequest(request.raw.rawHeaders, body)];
	requireMessageSize(messages);
	return messages;
}

function requireLock(held: boolean): void {
	if (held) return;
	throw new IotHubError('DeviceMessageLockLost', 'The lock of the message is lost.');
}
