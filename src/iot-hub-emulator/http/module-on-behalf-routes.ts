import type { FastifyReply, FastifyRequest } from 'fastify';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { deviceAtChainStart } from '../registry/auth-chain.ts';
import { circumstancesOf } from '../registry/identity-circumstances.ts';
import { moduleDocument } from '../registry/identity-document.ts';
import type { ModuleRecord } from '../registry/identity-record.ts';
import { ifMatchOf } from './device-routes.ts';
import { requireEdgeHub } from './device-scope-routes.ts';
import { withoutGeneratedKeys } from './module-routes.ts';
import type { RouteContext } from './route-context.ts';

interface OnBehalfRoute {
	Params: { deviceId: string; moduleId: string };
}

/**
 * Module identities of an edge device that has no way to IoT Hub but through its parents, which ask in
 * its place: `/devices/{actor}/modules/$edgeHub/putModuleOnBehalfOf` and the like.
 */
export function addModuleOnBehalfRoutes({ app, hub, authorization }: RouteContext): void {
	const { registry } = hub;
	const base = '/devices/:deviceId/modules/:moduleId';
	const document = (module: ModuleRecord) => moduleDocument(module, circumstancesOf(hub, module));
	const answer = (reply: FastifyReply, module: ModuleRecord) =>
		reply.header('etag', `"${module.etag}"`).send(document(module));
	/** The device whose modules are meant, and the rest of the request. */
	const admitted = (request: FastifyRequest<OnBehalfRoute>) => {
		authorization.requireIdentity(request, requireEdgeHub(request.params));
		const body = isJsonObject(request.body) ? request.body : {};
		const start = deviceAtChainStart(registry, body['authChain'], request.params.deviceId);
		return { deviceId: start.deviceId, body };
	};

	// Azure IoT Edge sends POST, and serves PUT.
	app.route<OnBehalfRoute>({
		method: ['PUT', 'POST'],
		url: `${base}/putModuleOnBehalfOf`,
		handler: async (request, reply) => {
			const { deviceId, body } = admitted(request);
			const module = isJsonObject(body['module']) ? body['module'] : {};
			const identity = { deviceId, moduleId: textOf(module, 'moduleId') };
			const wanted = withoutGeneratedKeys(module);
			return answer(reply, registry.putModule(identity, wanted, ifMatchOf(request)));
		},
	});
	app.post<OnBehalfRoute>(`${base}/getModuleOnBehalfOf`, async (request, reply) => {
		const { deviceId, body } = admitted(request);
		return answer(reply, registry.module({ deviceId, moduleId: targetOf(body) }));
	});
	app.post<OnBehalfRoute>(`${base}/getModulesOnTargetDevice`, async (request) => {
		const { deviceId } = admitted(request);
		return registry.modules(deviceId).map(document);
	});
	app.post<OnBehalfRoute>(`${base}/deleteModuleOnBehalfOf`, async (request, reply) => {
		const { deviceId, body } = admitted(request);
		registry.deleteModule({ deviceId, moduleId: targetOf(body) }, ifMatchOf(request) ?? '*');
		return reply.code(204).send();
	});
}

function targetOf(body: JsonObject): string {
	return textOf(body, 'targetModuleId' in body ? 'targetModuleId' : 'moduleId');
}

function textOf(body: JsonObject, name: string): string {
	const value = body[name];
	if (typeof value === 'string' && value !== '') return value;
	throw new IotHubError('ArgumentInvalid', `The request has no ${name}.`);
}
