import { MessageScope } from '../../conditions/message-scope.ts';
import type { RouteProblem } from '../../conditions/route-problem.ts';
import type { Message } from '../../protocol/message.ts';
import { isJsonObject, type JsonObject, type JsonValue, jsonText } from '../../runtime/json.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { withConditionNames } from '../routing/routed-message.ts';
import { conditionOf, routeFrom, routingSourceFrom } from '../routing/routing-document.ts';
import type { RouteContext } from './route-context.ts';

/**
 * Message routing: `properties.routing` of Azure's resource provider, and its tests of routes, without
 * the path of subscription and resource group before them.
 */
export function addRoutingRoutes({ app, hub, authorization }: RouteContext): void {
	const { routing } = hub;

	app.get('/routing', async (request) => {
		authorization.requireService(request, 'RegistryRead');
		return routing.document;
	});
	app.put('/routing', async (request) => {
		authorization.requireService(request, 'RegistryWrite');
		return routing.put(request.body);
	});
	app.delete('/routing', async (request, reply) => {
		authorization.requireService(request, 'RegistryWrite');
		routing.reset();
		return reply.code(204).send();
	});
	app.post('/routing/routes/$testall', async (request) => {
		authorization.requireService(request, 'RegistryRead');
		const body = objectFrom(request.body);
		const source = routingSourceFrom(body['routingSource'] ?? 'DeviceMessages');
		if (source === undefined) {
			throw new IotHubError('ArgumentInvalid', 'routingSource is no source of this hub.');
		}
		const routes = routing.matches(scopeFrom(body), source);
		return { routes: routes.map((properties) => ({ properties })) };
	});
	app.post('/routing/routes/$testnew', async (request) => {
		authorization.requireService(request, 'RegistryRead');
		const body = objectFrom(request.body);
		const condition = conditionOf(routeFrom(body['route']));
		if ('problems' in condition) {
			const compilationErrors = condition.problems.map(compilationError);
			return { result: 'undefined', details: { compilationErrors } };
		}
		return { result: String(condition.test(scopeFrom(body))) };
	});
}

/** `{ message: { body, appProperties, systemProperties }, twin }` of a test. */
function scopeFrom(body: JsonObject): MessageScope {
	const message = objectFrom(body['message'] ?? {});
	const tried: Message = {
		body: Buffer.from(jsonText(message['body'] ?? '')),
		properties: new Map(Object.entries(textsFrom(message['appProperties']))),
		systemProperties: withConditionNames(textsFrom(message['systemProperties'])),
	};
	const twin = isJsonObject(body['twin']) ? body['twin'] : undefined;
	return new MessageScope(tried, () => twin);
}

function textsFrom(value: JsonValue | undefined): Record<string, string> {
	const members = Object.entries(isJsonObject(value) ? value : {});
	return Object.fromEntries(members.map(([name, member]) => [name, jsonText(member)]));
}

function objectFrom(value: unknown): JsonObject {
	if (isJsonObject(value)) return value;
	throw new IotHubError('ArgumentInvalid', 'The body is no object with message, twin and route.');
}

function compilationError({ message, line, column, endLine, endColumn }: RouteProblem) {
	const location = { start: { line, column }, end: { line: endLine, column: endColumn } };
	return { message, severity: 'error', location };
}
