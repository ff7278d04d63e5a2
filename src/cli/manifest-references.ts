import { doubtsOf } from '../conditions/doubtful-reads.ts';
import { type CompiledRoute, compileRoute } from '../edge-hub/routing/route.ts';
import { memberPath } from '../manifest/json-path.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { suggestion } from '../manifest/nearest-name.ts';
import type { Problem } from '../manifest/problem.ts';
import { isJsonObject, type JsonValue } from '../runtime/json.ts';

/**
 * Where a manifest names modules that it does not have, in routes and as sections with a twin, and
 * where routes look at what messages hardly have.
 * Warnings, as leaf devices and layers may bring what is missing; layers themselves are not looked
 * at, as they name what their base has.
 */
export function referenceProblems(manifest: Manifest, modules: readonly string[]): Problem[] {
	if (manifest.layered || manifest.agent === undefined) return [];
	const known = [...modules, '$edgeAgent', '$edgeHub'];
	return [...routeReferences(manifest, known), ...twinReferences(manifest, known)];
}

function routeReferences({ hub }: Manifest, known: readonly string[]): Problem[] {
	const routes = hub?.desired['routes'];
	if (hub === undefined || !isJsonObject(routes)) return [];
	const lower = new Set(known.map((name) => name.toLowerCase()));
	return Object.entries(routes).flatMap(([name, value]) => {
		const path = memberPath(memberPath(hub.path, 'routes'), name);
		const route = routeOf(name, value);
		if (route === undefined) return [];
		const unknown = modulesOf(route)
			.filter((module) => !lower.has(module.toLowerCase()))
			.map((module) => unknownModule(module, `The route "${name}" names`, path, known));
		const doubts = doubtsOf(route.condition.reads).map((doubt) => doubtful(name, doubt, path));
		return [...unknown, ...doubts];
	});
}

/** A route without faults. */
function routeOf(name: string, value: JsonValue | undefined): CompiledRoute | undefined {
	const text = isJsonObject(value) ? value['route'] : value;
	const route = typeof text === 'string' ? compileRoute(name, text) : undefined;
	return route === undefined || 'problems' in route ? undefined : route;
}

function doubtful(name: string, doubt: string, path: string): Problem {
	return {
		severity: 'warning',
		code: 'EDGE_ROUTE_DOUBTFUL',
		path,
		message: `The route "${name}" may not mean what it says: ${doubt}`,
		remedy: 'Look at it with `iotedge-k8s route explain`.',
	};
}

/** The modules that a route names: that of its source, and that of its sink. */
function modulesOf(route: CompiledRoute): string[] {
	const [, source] =
		/^\/messages\/modules\/([^/*]+)(?:\/outputs(?:\/|$)|\/\*?$|$)/i.exec(route.source) ?? [];
	const sink = route.sink.kind === 'module-input' ? route.sink.moduleId : undefined;
	return [...new Set([source, sink])].filter((module) => module !== undefined);
}

function twinReferences({ sections, twins }: Manifest, known: readonly string[]): Problem[] {
	return [...twins]
		.filter(([name]) => Object.hasOwn(sections, name) && !known.includes(name))
		.map(([name, { path }]) => unknownModule(name, 'A twin is set for', path, known));
}

function unknownModule(
	module: string,
	what: string,
	path: string,
	known: readonly string[],
): Problem {
	return {
		severity: 'warning',
		code: 'EDGE_MODULE_UNKNOWN',
		path,
		message: `${what} the module "${module.slice(0, 128)}", which the deployment does not have.`,
		remedy: suggestion(module, known) || 'Add the module, or remove this.',
	};
}
