import type { FastifyReply } from 'fastify';
import { isJsonObject } from '../../runtime/json.ts';
import { circumstancesOf } from '../registry/identity-circumstances.ts';
import { moduleDocument } from '../registry/identity-document.ts';
import type { ModuleRecord } from '../registry/identity-record.ts';
import { ifMatchOf } from './device-routes.ts';
import type { RouteContext } from './route-context.ts';

interface ModuleRoute {
	Params: { deviceId: string; moduleId: string };
}

/** Module identities: `/devices/{d}/modules`, for services and for the device itself. */
export function addModuleRoutes({ app, hub, authorization }: RouteContext): void {
	const { registry } = hub;
	const document = (module: ModuleRecord) => moduleDocument(module, circumstancesOf(hub, module));
	const answer = (reply: FastifyReply, module: ModuleRecord) =>
		reply.header('etag', `"${module.etag}"`).send(document(module));

	app.get<ModuleRoute>('/devices/:deviceId/modules', async (request) => {
		const { deviceId } = request.params;
		authorization.requireServiceOrDevice(request, 'RegistryRead', deviceId);
		return registry.modules(deviceId).map(document);
	});
	app.get<ModuleRoute>('/devices/:deviceId/modules/:moduleId', async (request, reply) => {
		const { params } = request;
		authorization.requireServiceOrDevice(request, 'RegistryRead', params.deviceId);
		return answer(reply, registry.module(params));
	});
	app.put<ModuleRoute>('/devices/:deviceId/modules/:moduleId', async (request, reply) => {
		const { params, body } = request;
		const who = authorization.requireServiceOrDevice(request, 'RegistryWrite', params.deviceId);
		const wanted = who === 'device' ? withoutGeneratedKeys(body) : body;
		return answer(reply, registry.putModule(params, wanted, ifMatchOf(request)));
	});
	app.delete<ModuleRoute>('/devices/:deviceId/modules/:moduleId', async (request, reply) => {
		const { params } = request;
		authorization.requireServiceOrDevice(request, 'RegistryWrite', params.deviceId);
		registry.deleteModule(params, ifMatchOf(request));
		return reply.code(204).send();
	});
}

/** An IoT Edge device makes the keys of its modules itself, once it knows their generation ids. */
export function withoutGeneratedKeys(body: unknown): unknown {
	if (!isJsonObject(body) || body['authentication']) return body;
	return { ...body, authentication: { type: 'none' } };
}
