import { applyConfigurationContent } from '../configuration/apply-configuration-content.ts';
import type { RouteContext } from './http-head.ts';

interface ApplyRoute {
	Params: { deviceId: string };
}

/** Deployments to single devices. */
export function addConfigurationRoutes({ app, hub, authorization }: RouteContext): void {
	app.post<ApplyRoute>('/devices/:deviceId/applyConfigurationContent', async (request, reply) => {
		authorization.requireService(request, 'RegistryWrite');
		applyConfigurationContent(hub, request.params.deviceId, request.body);
		return reply.code(204).send();
	});
}
