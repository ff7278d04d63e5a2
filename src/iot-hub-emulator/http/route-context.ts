import type { FastifyInstance } from 'fastify';
import type { Hub } from '../hub.ts';
import type { RequestAuthorization } from './request-authorization.ts';

/** What a group of routes works with. */
export interface RouteContext {
	readonly app: FastifyInstance;
	readonly hub: Hub;
	readonly authorization: RequestAuthorization;
}
