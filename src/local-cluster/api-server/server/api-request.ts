import type { IncomingMessage, ServerResponse } from 'node:http';
import type { User } from '../access/user.ts';
import type { ResourceKind } from '../kinds/resource-kind.ts';
import type { RequestInfo, ResourcePath } from './request-info.ts';

/** A request for a resource, from a user who may make it. */
export interface ApiRequest {
	readonly request: IncomingMessage;
	readonly response: ServerResponse;
	readonly info: RequestInfo;
	readonly path: ResourcePath;
	readonly kind: ResourceKind;
	readonly user: User;
}
