import { type Condition, compileCondition } from '../../conditions/condition.ts';
import { describeProblems } from '../../conditions/route-problem.ts';
import { isJsonObject, type JsonObject, jsonText } from '../../runtime/json.ts';
import { IotHubError } from '../iot-hub-error.ts';
import {
	builtInEndpoint,
	type EventHubEndpointDocument,
	readEndpoints,
} from './endpoint-document.ts';
import { type EnrichmentDocument, readEnrichments } from './enrichment.ts';
import { listAt, Misfits } from './misfits.ts';

/** What messages a route is for, as Azure's resource provider names it. */
export type RoutingSource = (typeof routingSources)[number];

/** Sources that this hub sends messages of. */
export const routingSources = [
	'DeviceMessages',
	'TwinChangeEvents',
	'DeviceLifecycleEvents',
	'DeviceConnectionStateEvents',
] as const;

export interface RouteDocument {
	readonly name: string;
	readonly source: RoutingSource;
	readonly condition: string;
	/** One name, as in Azure. */
	readonly endpointNames: readonly string[];
	readonly isEnabled: boolean;
}

/** `properties.routing` of Azure's resource `Microsoft.Devices/IotHubs`, as far as it is served here. */
export interface RoutingDocument {
	readonly endpoints: { readonly eventHubs: readonly EventHubEndpointDocument[] };
	readonly routes: readonly RouteDocument[];
	readonly fallbackRoute: RouteDocument;
	readonly enrichments: readonly EnrichmentDocument[];
}

const maxRoutes = 100;
const routeName = /^[A-Za-z0-9._-]{1,64}$/;

/** Of a hub that nobody has told anything: telemetry goes to the built-in endpoint. */
export const defaultRouting: RoutingDocument = {
	endpoints: { eventHubs: [] },
	routes: [],
	fallbackRoute: fallbackRoute(true),
	enrichments: [],
};

/**
 * Reads routing, or a whole resource that holds it under `properties.routing`. Without `fallbackRoute`
 * there is none, as in Azure's templates.
 *
 * @throws IotHubError ArgumentInvalid that names everything that is wrong, each with its place
 */
export function routingFrom(body: unknown): RoutingDocument {
	const document = routingOf(body);
	const misfits = new Misfits();
	const eventHubs = readEndpoints(document['endpoints'], misfits);
	const endpoints = new Set([builtInEndpoint, ...eventHubs.map(({ name }) => name)]);
	const routes = listAt(document, 'routes', maxRoutes, misfits).map((entry, index) => {
		return readRoute(entry, `routes[${index}]`, endpoints, misfits);
	});
	misfits.requireUnique('routes', routes);
	const routing: RoutingDocument = {
		endpoints: { eventHubs },
		routes,
		fallbackRoute: readFallback(document['fallbackRoute'], misfits),
		enrichments: readEnrichments(document, endpoints, misfits),
	};
	misfits.throwIfAny();
	return routing;
}

/** @throws IotHubError ArgumentInvalid */
export function routeFrom(body: unknown): RouteDocument {
	const misfits = new Misfits();
	const names =
		isJsonObject(body) && Array.isArray(body['endpointNames']) ? body['endpointNames'] : [];
	const route = readRoute(body, 'route', new Set(names.map(jsonText)), misfits, false);
	misfits.throwIfAny();
	return route;
}

/** The condition of a route, or what is wrong with it. A blank one is always true. */
export function conditionOf({ source, condition }: Pick<RouteDocument, 'source' | 'condition'>) {
	const text = condition.trim() === '' ? 'true' : condition;
	const twinChanges = source === 'TwinChangeEvents';
	return compileCondition(text, { dialect: 'iot-hub', twinChanges });
}

/** @throws IotHubError ArgumentInvalid for a condition that `routingFrom` would not let pass */
export function requireCondition(route: RouteDocument): Condition {
	const condition = conditionOf(route);
	if (!('problems' in condition)) return condition;
	throw new IotHubError('ArgumentInvalid', describeProblems(condition.problems));
}

export function routingSourceFrom(value: unknown): RoutingSource | undefined {
	return routingSources.find((source) => source.toLowerCase() === String(value).toLowerCase());
}

function routingOf(body: unknown): JsonObject {
	const properties = isJsonObject(body) ? body['properties'] : undefined;
	const routing = isJsonObject(properties) ? properties['routing'] : body;
	if (isJsonObject(routing)) return routing;
	throw new IotHubError(
		'ArgumentInvalid',
		'The body is neither routing nor an IoT Hub resource with properties.routing.',
	);
}

function readRoute(
	value: unknown,
	place: string,
	endpoints: ReadonlySet<string>,
	misfits: Misfits,
	compile = true,
): RouteDocument {
	const entry = isJsonObject(value) ? value : {};
	const name = jsonText(entry['name'] ?? '');
	if (!routeName.test(name)) {
		misfits.add(`${place}.name`, 'is not 1 to 64 letters, digits, dots, dashes or underscores');
	}
	const source = routingSourceFrom(entry['source']);
	if (source === undefined) {
		misfits.add(`${place}.source`, `is none of ${routingSources.join(', ')}`);
	}
	const route: RouteDocument = {
		name,
		source: source ?? 'DeviceMessages',
		condition: jsonText(entry['condition'] ?? 'true'),
		endpointNames: readEndpointName(entry, place, endpoints, misfits),
		isEnabled: jsonText(entry['isEnabled'] ?? true).toLowerCase() === 'true',
	};
	const condition = compile ? conditionOf(route) : undefined;
	if (condition !== undefined && 'problems' in condition) {
		misfits.add(`${place}.condition`, `cannot be used: ${describeProblems(condition.problems)}`);
	}
	return route;
}

function readEndpointName(
	entry: JsonObject,
	place: string,
	endpoints: ReadonlySet<string>,
	misfits: Misfits,
): string[] {
	const given = entry['endpointNames'];
	const [name, ...others] = Array.isArray(given) ? given.map(jsonText) : [];
	if (name !== undefined && others.length === 0 && endpoints.has(name)) return [name];
	const known = [...endpoints].join(', ');
	misfits.add(`${place}.endpointNames`, `is not a list of one of the endpoints ${known}`);
	return [];
}

function fallbackRoute(isEnabled: boolean): RouteDocument {
	return {
		name: '$fallback',
		source: 'DeviceMessages',
		condition: 'true',
		endpointNames: [builtInEndpoint],
		isEnabled,
	};
}

function readFallback(value: unknown, misfits: Misfits): RouteDocument {
	if (value === undefined || value === null) return fallbackRoute(false);
	const entry = isJsonObject(value) ? value : {};
	const named = { source: 'DeviceMessages', ...entry, name: 'fallback' };
	const route = readRoute(named, 'fallbackRoute', new Set([builtInEndpoint]), misfits);
	if (route.source !== 'DeviceMessages') {
		misfits.add('fallbackRoute.source', 'is not DeviceMessages');
	}
	return { ...route, name: '$fallback' };
}
