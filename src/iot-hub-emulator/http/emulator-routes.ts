import type { FastifyReply } from 'fastify';
import { isJsonObject } from '../../runtime/json.ts';
import type { Faults } from '../faults.ts';
import { faultsFrom } from '../faults.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { type EventSource, eventSources } from '../telemetry/hub-events.ts';
import type { RouteContext } from './route-context.ts';

/** Where the emulator itself is asked to behave otherwise. IoT Hub has nothing like it. */
export const emulatorPath = '/emulator';

/**
 * Faults on request, and what the hub tells of itself, for tests in any language. A policy with
 * `ServiceConnect` may; faults have no effect on these routes.
 */
export function addEmulatorRoutes({ app, hub, authorization }: RouteContext, faults: Faults): void {
	app.addHook('onRequest', async (request) => {
		authorization.requireService(request, 'ServiceConnect');
	});
	app.get(`${emulatorPath}/faults`, async () => faults.now);
	app.put(`${emulatorPath}/faults`, async (request, reply) => {
		const { wanted, seconds } = faultsFrom(request.body);
		afterAnswer(reply, () => faults.set(wanted, seconds));
		return wanted;
	});
	app.delete(`${emulatorPath}/faults`, async (_request, reply) => {
		faults.set({});
		return reply.code(204).send();
	});
	app.post(`${emulatorPath}/dropConnections`, async (_request, reply) => {
		afterAnswer(reply, () => faults.dropConnections());
		return reply.code(204).send();
	});
	app.get(`${emulatorPath}/eventSources`, async () => hub.events.wanted);
	app.put(`${emulatorPath}/eventSources`, async (request) => {
		hub.events.want(sourcesFrom(request.body));
		return hub.events.wanted;
	});
}

/** A hub that goes away ends the connection that asks for it, too: the answer goes first. */
function afterAnswer(reply: FastifyReply, act: () => void): void {
	reply.header('connection', 'close');
	reply.raw.socket?.once('close', act);
}

/** @throws IotHubError ArgumentInvalid */
function sourcesFrom(body: unknown): EventSource[] {
	const list: unknown = isJsonObject(body) ? body['sources'] : body;
	const known = (source: unknown): source is EventSource =>
		eventSources.some((each) => each === source);
	if (Array.isArray(list) && list.every(known)) return list;
	throw new IotHubError('ArgumentInvalid', `The body is not a list of ${eventSources.join(', ')}.`);
}
