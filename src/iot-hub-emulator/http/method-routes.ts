import { parseMethodRequest } from '../../protocol/direct-method.ts';
import type { RouteContext } from './route-context.ts';

interface MethodRoute {
	Params: { deviceId: string; moduleId?: string };
}

/** Direct method calls. */
export function addMethodRoutes({ app, hub, authorization }: RouteContext): void {
	for (const path of ['/twins/:deviceId/methods', '/twins/:deviceId/modules/:moduleId/methods']) {
		app.post<MethodRoute>(path, async (request, reply) => {
			authorization.requireService(request, 'ServiceConnect');
			const call = parseMethodRequest(request.body);
			const caller = new AbortController();
			reply.raw.once('close', () => caller.abort());
			return hub.methods.invoke(request.params, call, caller.signal);
		});
	}
}
