import type { FastifyReply, FastifyRequest } from 'fastify';
import { IotHubError } from '../iot-hub-error.ts';
import { runBulkOperation } from '../registry/bulk-operation.ts';
import { circumstancesOf } from '../registry/identity-circumstances.ts';
import { deviceDocument } from '../registry/identity-document.ts';
import type { DeviceRecord } from '../registry/identity-record.ts';
import { regenerateKeys } from '../registry/key-regeneration.ts';
import type { RouteContext } from './route-context.ts';

interface DeviceRoute {
	Params: { deviceId: string };
	Querystring: { top?: string };
}

/** Devices of one answer at most, and by default. */
const maxTop = 1000;

/** Device identities: `/devices`, and statistics of the registry. */
export function addDeviceRoutes({ app, hub, authorization }: RouteContext): void {
	const { registry } = hub;
	const document = (device: DeviceRecord) => deviceDocument(device, circumstancesOf(hub, device));
	const answer = (reply: FastifyReply, device: DeviceRecord) =>
		reply.header('etag', `"${device.etag}"`).send(document(device));

	app.get<DeviceRoute>('/devices', async (request) => {
		authorization.requireService(request, 'RegistryRead');
		return [...registry.devices()].slice(0, topOf(request.query.top)).map(document);
	});
	app.post('/devices', async (request, reply) => {
		authorization.requireService(request, 'RegistryWrite');
		const result = runBulkOperation(hub, request.body);
		return reply.code(result.isSuccessful ? 200 : 400).send(result);
	});
	app.post('/devices/keys/regenerate', async (request, reply) => {
		authorization.requireService(request, 'RegistryWrite');
		const result = regenerateKeys(registry, request.body);
		const partly = result.rotatedKeys.length > 0 ? 207 : 400;
		return reply.code(result.errors.length === 0 ? 200 : partly).send(result);
	});
	app.get<DeviceRoute>('/devices/:deviceId', async (request, reply) => {
		authorization.requireService(request, 'RegistryRead');
		return answer(reply, registry.device(request.params.deviceId));
	});
	app.put<DeviceRoute>('/devices/:deviceId', async (request, reply) => {
		authorization.requireService(request, 'RegistryWrite');
		const { deviceId } = request.params;
		return answer(reply, registry.putDevice(deviceId, request.body, ifMatchOf(request)));
	});
	app.delete<DeviceRoute>('/devices/:deviceId', async (request, reply) => {
		authorization.requireService(request, 'RegistryWrite');
		registry.deleteDevice(request.params.deviceId, ifMatchOf(request));
		return reply.code(204).send();
	});
	app.delete<DeviceRoute>('/devices/:deviceId/commands', async (request) => {
		authorization.requireService(request, 'ServiceConnect');
		const { deviceId } = registry.device(request.params.deviceId);
		const totalMessagesPurged = hub.cloudToDevice.purge(deviceId);
		return { deviceId, moduleId: null, totalMessagesPurged };
	});
	app.get('/statistics/devices', async (request) => {
		authorization.requireService(request, 'RegistryRead');
		return registry.statistics();
	});
	app.get('/statistics/service', async (request) => {
		authorization.requireService(request, 'ServiceConnect');
		return { connectedDeviceCount: hub.connections.deviceCount };
	});
}

/** The `If-Match` header as received. */
export function ifMatchOf(request: FastifyRequest): string | undefined {
	return request.headers['if-match'];
}

export function topOf(text: string | undefined): number {
	if (text === undefined) return maxTop;
	const top = Number(text);
	if (!Number.isInteger(top) || top < 1 || top > maxTop) {
		throw new IotHubError('ArgumentInvalid', `top is not a number from 1 to ${maxTop}.`);
	}
	return top;
}
