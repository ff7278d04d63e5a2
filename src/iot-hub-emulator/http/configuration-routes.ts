import type { FastifyReply } from 'fastify';
import { isJsonObject } from '../../runtime/json.ts';
import { applyConfigurationContent } from '../configuration/apply-configuration-content.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { configurationDocument } from '../configuration/configuration-document.ts';
import { testConfigurationQueries } from '../configuration/test-configuration-queries.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { ifMatchOf, topOf } from './device-routes.ts';
import type { RouteContext } from './route-context.ts';

interface ConfigurationRoute {
	Params: { id: string };
	Querystring: { top?: string };
}

interface ApplyRoute {
	Params: { deviceId: string };
}

/** Deployments to single devices, automatic deployments and device configurations. */
export function addConfigurationRoutes({ app, hub, authorization }: RouteContext): void {
	const { configurations } = hub;
	const answer = (reply: FastifyReply, configuration: Configuration) =>
		reply.header('etag', `"${configuration.etag}"`).send(configurationDocument(hub, configuration));

	app.post<ApplyRoute>('/devices/:deviceId/applyConfigurationContent', async (request, reply) => {
		authorization.requireService(request, 'RegistryWrite');
		applyConfigurationContent(hub, request.params.deviceId, request.body);
		return reply.code(204).send();
	});
	app.get<ConfigurationRoute>('/configurations', async (request) => {
		authorization.requireService(request, 'RegistryRead');
		const shown = configurations.list().slice(0, topOf(request.query.top));
		return shown.map((configuration) => configurationDocument(hub, configuration));
	});
	app.post('/configurations/testQueries', async (request) => {
		authorization.requireService(request, 'RegistryRead');
		if (isJsonObject(request.body)) return testConfigurationQueries(request.body);
		throw new IotHubError('ArgumentInvalid', 'The body is not a JSON object.');
	});
	app.get<ConfigurationRoute>('/configurations/:id', async (request, reply) => {
		authorization.requireService(request, 'RegistryRead');
		return answer(reply, configurations.get(request.params.id));
	});
	app.put<ConfigurationRoute>('/configurations/:id', async (request, reply) => {
		authorization.requireService(request, 'RegistryWrite');
		const ifMatch = ifMatchOf(request);
		const configuration = configurations.put(request.params.id, request.body, ifMatch);
		return answer(reply.code(ifMatch === undefined ? 201 : 200), configuration);
	});
	app.delete<ConfigurationRoute>('/configurations/:id', async (request, reply) => {
		authorization.requireService(request, 'RegistryWrite');
		configurations.delete(request.params.id, ifMatchOf(request));
		return reply.code(204).send();
	});
}
