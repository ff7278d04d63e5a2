import type { FastifyReply, FastifyRequest } from 'fastify';
import { isJsonObject } from '../../runtime/json.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { queryRows } from '../query/query-collections.ts';
import { queryPage } from '../query/query-page.ts';
import type { RouteContext } from './route-context.ts';

/** `POST /devices/query`: the query language, page by page. */
export function addQueryRoutes({ app, hub, authorization }: RouteContext): void {
	app.post('/devices/query', async (request, reply) => {
		authorization.requireService(request, 'RegistryRead');
		const query = isJsonObject(request.body) ? request.body['query'] : undefined;
		if (typeof query !== 'string') {
			throw new IotHubError('ArgumentInvalid', 'The body has no query.');
		}
		const page = queryPage({ query, ...paging(request) }, (from) => queryRows(hub, from));
		return sendPage(reply, page.type, page.rows, page.continuation);
	});
}

/** The page that a request's headers ask for. @throws IotHubError ArgumentInvalid */
export function paging({ headers }: FastifyRequest): { size?: number; continuation?: string } {
	const count = headers['x-ms-max-item-count'];
	const continuation = headers['x-ms-continuation'];
	const size = Number(count);
	if (count && !(Number.isInteger(size) && size > 0)) {
		throw new IotHubError('ArgumentInvalid', 'x-ms-max-item-count is not a whole number from 1.');
	}
	return {
		...(count ? { size } : {}),
		...(typeof continuation === 'string' && continuation !== '' ? { continuation } : {}),
	};
}

export function sendPage(
	reply: FastifyReply,
	itemType: string,
	rows: readonly object[],
	continuation: string | undefined,
): FastifyReply {
	reply.header('x-ms-item-type', itemType);
	if (continuation !== undefined) reply.header('x-ms-continuation', continuation);
	return reply.send(rows);
}
