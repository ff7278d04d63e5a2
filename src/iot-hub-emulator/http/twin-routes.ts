import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Identity } from '../../protocol/identity.ts';
import { etagOfCounter } from '../registry/etag.ts';
import { hubTwinDocument } from '../twin/hub-twin-document.ts';
import type { Twin } from '../twin/twin.ts';

import { ifMatchOf } from './device-routes.ts';
import type { RouteContext } from './route-context.ts';

interface TwinRoute {
	Params: { deviceId: string; moduleId?: string };
}

/** Device and module twins as services see them. */
export function addTwinRoutes({ app, hub, authorization }: RouteContext): void {
	const { twins } = hub;

	const answer = (reply: FastifyReply, identity: Identity, twin: Twin) => {
		const document = hubTwinDocument(hub, identity, twin);
		return reply.header('etag', `"${etagOfCounter(twin.serviceVersion)}"`).send(document);
	};
	const begin = (request: FastifyRequest<TwinRoute>): Identity => {
		authorization.requireService(request, 'ServiceConnect');
		return request.params;
	};

	for (const path of ['/twins/:deviceId', '/twins/:deviceId/modules/:moduleId']) {
		app.get<TwinRoute>(path, async (request, reply) => {
			const identity = begin(request);
			return answer(reply, identity, twins.get(identity));
		});
		app.patch<TwinRoute>(path, async (request, reply) => {
			const identity = begin(request);
			return answer(reply, identity, twins.patch(identity, request.body, ifMatchOf(request)));
		});
		app.put<TwinRoute>(path, async (request, reply) => {
			const identity = begin(request);
			return answer(reply, identity, twins.replace(identity, request.body, ifMatchOf(request)));
		});
	}
}
