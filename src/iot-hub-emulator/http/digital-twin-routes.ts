import { parseMethodRequest } from '../../protocol/direct-method.ts';
import { digitalTwin } from '../digital-twin/digital-twin.ts';
import { desiredPatchOf } from '../digital-twin/digital-twin-patch.ts';
import { etagOfCounter } from '../registry/etag.ts';
import { ifMatchOf } from './device-routes.ts';
import type { RouteContext } from './route-context.ts';

interface DigitalTwinRoute {
	Params: { deviceId: string; component?: string; command: string };
	Querystring: { connectTimeoutInSeconds?: string; responseTimeoutInSeconds?: string };
}

/** Digital twins: what devices with an IoT Plug and Play model show of it. */
export function addDigitalTwinRoutes({ app, hub, authorization }: RouteContext): void {
	const path = '/digitaltwins/:deviceId';

	app.get<DigitalTwinRoute>(path, async (request, reply) => {
		authorization.requireService(request, 'ServiceConnect');
		const { deviceId } = request.params;
		const twin = hub.twins.get({ deviceId });
		reply.header('etag', `"${etagOfCounter(twin.serviceVersion)}"`);
		return digitalTwin(deviceId, twin);
	});
	app.patch<DigitalTwinRoute>(path, async (request, reply) => {
		authorization.requireService(request, 'ServiceConnect');
		const { deviceId } = request.params;
		const body = { properties: { desired: desiredPatchOf(request.body) } };
		const twin = hub.twins.patch({ deviceId }, body, ifMatchOf(request));
		reply.header('etag', `"${etagOfCounter(twin.serviceVersion)}"`);
		return reply.code(202).header('location', request.url).send();
	});
	for (const command of [
		`${path}/commands/:command`,
		`${path}/components/:component/commands/:command`,
	]) {
		app.post<DigitalTwinRoute>(command, async (request, reply) => {
			authorization.requireService(request, 'ServiceConnect');
			const { deviceId, component, command: name } = request.params;
			const { connectTimeoutInSeconds, responseTimeoutInSeconds } = request.query;
			const call = parseMethodRequest({
				// Commands of components are methods with an asterisk in their names.
				methodName: component === undefined ? name : `${component}*${name}`,
				payload: request.body ?? null,
				...(connectTimeoutInSeconds
					? { connectTimeoutInSeconds: Number(connectTimeoutInSeconds) }
					: {}),
				...(responseTimeoutInSeconds
					? { responseTimeoutInSeconds: Number(responseTimeoutInSeconds) }
					: {}),
			});
			const caller = new AbortController();
			reply.raw.once('close', () => caller.abort());
			const response = await hub.methods.invoke({ deviceId }, call, caller.signal);
			return reply
				.header('x-ms-command-statuscode', String(response.status))
				.type('application/json; charset=utf-8')
				.send(JSON.stringify(response.payload));
		});
	}
}
