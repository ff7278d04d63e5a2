import type { ModuleTranslation, Translation } from '../edge-agent/translation/translation.ts';
import type { Deployment, ModuleDeployment } from '../manifest/deployment.ts';
import { memberPath } from '../manifest/json-path.ts';
import type { Problem } from '../manifest/problem.ts';
import { isJsonObject, type JsonValue } from '../runtime/json.ts';

/** An address in a text: `http://rtspsim:8080/…`. */
const address = /\/\/([A-Za-z0-9][A-Za-z0-9._-]{0,127}):(\d{1,5})(?!\d)/g;

/** A text of a module that may name others. */
interface Text {
	readonly path: string;
	readonly value: string;
}

/**
 * Modules that call another at a port that it does not offer: on a Docker network every port of a
 * container can be reached, on Kubernetes those that a Service has. Told by addresses in variables
 * and arguments.
 */
export function callProblems(deployment: Deployment, translation: Translation): Problem[] {
	const offered = offeredPorts(translation);
	const targets = new Map(
		translation.modules.flatMap((module): [string, ModuleTranslation][] => [
			[module.name.toLowerCase(), module],
			[module.objectName, module],
		]),
	);
	return deployment.modules.flatMap((module) =>
		textsOf(module).flatMap(({ path, value }) =>
			callsIn(value).flatMap(({ host, port }) => {
				const target = targets.get(host);
				if (target === undefined || target.refused || target.name === module.name) return [];
				if (target.name === 'edgeAgent' || offered.has(`${target.objectName}:${port}`)) return [];
				return notOffered(module, target, port, path);
			}),
		),
	);
}

/** `filter:8080` for every port of a Service, by the module behind it. */
function offeredPorts({ objects }: Translation): ReadonlySet<string> {
	const services = objects.filter(({ kind }) => kind === 'Service');
	return new Set(
		services.flatMap(({ metadata, spec }) => {
			const ports = Array.isArray(spec?.['ports']) ? spec['ports'].filter(isJsonObject) : [];
			return ports.map(({ port }) => `${metadata.name}:${port}`);
		}),
	);
}

function textsOf({ env, path, createOptions }: ModuleDeployment): Text[] {
	const settings = memberPath(path, 'settings');
	const variables = [...env].map(([name, value]) => ({
		path: memberPath(memberPath(path, 'env'), name),
		value,
	}));
	const options = ['Env', 'Cmd', 'Entrypoint'].flatMap((name) => {
		const place = memberPath(memberPath(settings, 'createOptions'), name);
		return stringsOf(createOptions[name]).map((value) => ({ path: place, value }));
	});
	return [...variables, ...options];
}

function stringsOf(value: JsonValue | undefined): string[] {
	return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function callsIn(text: string): { host: string; port: number }[] {
	return [...text.matchAll(address)].map(([, host = '', port = '']) => ({
		host: host.toLowerCase(),
		port: Number(port),
	}));
}

function notOffered(
	{ name }: ModuleDeployment,
	target: ModuleTranslation,
	port: number,
	path: string,
): Problem {
	return {
		severity: 'warning',
		code: 'EDGE_PORT_NOT_OFFERED',
		path,
		message: `The module "${name}" calls "${target.name}" at port ${port}, which that one does not expose.`,
		remedy: `Add "ExposedPorts": {"${port}/tcp": {}} to the createOptions of "${target.name}".`,
		module: name,
	};
}
