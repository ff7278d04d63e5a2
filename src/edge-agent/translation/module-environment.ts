import { memberPath } from '../../manifest/json-path.ts';
import { isJsonObject, type JsonObject, jsonText } from '../../runtime/json.ts';
import { isEdgeHub, type ModuleScope } from './module-scope.ts';
import { protectedReference } from './protected-secret.ts';
import { sidecarWorkloadUri, usesSidecar } from './workload-sidecar.ts';

/** Valid in every version of Kubernetes. */
const strictName = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/;
/** Valid since Kubernetes 1.32: printable ASCII but `=`. */
const relaxedName = /^[\x21-\x3c\x3e-\x7e][\x20-\x3c\x3e-\x7e]*$/;

/** Variables that only the runtime sets, whether it does so for the module at hand or not. */
const runtimeNames = [
	'IOTEDGE_IOTHUBHOSTNAME',
	'IOTEDGE_AUTHSCHEME',
	'IOTEDGE_WORKLOADURI',
	'IOTEDGE_MANAGEMENTURI',
	'IOTEDGE_MODULEGENERATIONID',
	'IOTEDGE_DEVICEID',
	'IOTEDGE_MODULEID',
	'IOTEDGE_APIVERSION',
	'IOTEDGE_GATEWAYHOSTNAME',
	'IOTEDGE_PARENTHOSTNAME',
	'EdgeDeviceHostName',
];

/**
 * The container's variables: the author's first, then the runtime's. Each name occurs once, as
 * server-side apply demands. A module's `env` wins over createOptions, as on a Docker device, and
 * no author can change what the runtime sets.
 *
 * @param own variables that only the runtime sets
 * @param defaults variables for a module that does not set them
 */
export function containerEnvironment(
	scope: ModuleScope,
	own: readonly JsonObject[] = [],
	defaults: ReadonlyMap<string, string> = new Map(),
): JsonObject[] {
	const runtime = runtimeVariables(scope);
	const taken = new Set([...runtimeNames, ...own.map(({ name }) => jsonText(name))]);
	const authored = authoredVariables(scope, taken);
	const extended = extensionVariables(scope, taken);
	const extendedNames = new Set(extended.map(({ name }) => name));
	const level = scope.context.runtimeLogLevel;
	const hasLevel = authored.has('RuntimeLogLevel') || extendedNames.has('RuntimeLogLevel');
	if (!hasLevel) runtime.set('RuntimeLogLevel', level);
	// Programs read the names of these in any case.
	const given = new Set(
		[...authored.keys(), ...extendedNames].map((name) => `${name}`.toLowerCase()),
	);
	for (const [name, value] of defaults) {
		if (!given.has(name.toLowerCase())) runtime.set(name, value);
	}
	return [
		...[...authored]
			.filter(([name]) => !extendedNames.has(name))
			.map(([name, value]) => ({ name, value: escapeReferences(value) })),
		...extended,
		...[...runtime].map(([name, value]) => ({ name, value: escapeReferences(value) })),
		...own,
	];
}

/**
 * A text that Kubernetes leaves as it is: in commands, arguments and variables it takes `$(NAME)`
 * for a reference and `$$` for an escaped dollar, which Docker does not.
 */
export function escapeReferences(text: string): string {
	return text.replace(/\$(?=[$(])/g, '$$$$');
}

/** What the SDKs of Azure IoT read in a module's environment. */
function runtimeVariables(scope: ModuleScope): Map<string, string> {
	const { context, moduleId } = scope;
	const variables = new Map([
		['IOTEDGE_IOTHUBHOSTNAME', context.iotHubHostName],
		['IOTEDGE_AUTHSCHEME', 'sasToken'],
		['IOTEDGE_WORKLOADURI', usesSidecar(scope) ? sidecarWorkloadUri : context.workloadUri],
		['IOTEDGE_MODULEGENERATIONID', context.generationIds.get(moduleId) ?? ''],
		['IOTEDGE_DEVICEID', context.deviceId],
		['IOTEDGE_MODULEID', moduleId],
		['IOTEDGE_APIVERSION', context.apiVersion],
		['EdgeDeviceHostName', context.edgeDeviceHostName],
	]);
	const gateway = isEdgeHub(scope) ? context.parentHostName : context.gatewayHostName;
	if (gateway !== undefined) variables.set('IOTEDGE_GATEWAYHOSTNAME', gateway);
	if (!isEdgeHub(scope) && context.parentHostName !== undefined) {
		variables.set('IOTEDGE_PARENTHOSTNAME', context.parentHostName);
	}
	return variables;
}

function authoredVariables(scope: ModuleScope, taken: ReadonlySet<string>): Map<string, string> {
	const { module, options, problems } = scope;
	const wanted = new Map<string, { value: string; path: string }>();
	for (const { value, path } of options.list('Env')) {
		const entry = jsonText(value);
		const equals = entry.indexOf('=');
		if (equals <= 0) {
			const message = 'An entry of Env without a name and "=" is left out.';
			problems.warn('EDGE_CREATE_OPTION_INVALID', path, message, 'Write `NAME=value`.');
		} else wanted.set(entry.slice(0, equals), { value: entry.slice(equals + 1), path });
	}
	for (const [name, value] of module.env) {
		wanted.set(name, { value, path: memberPath(`${module.path}.env`, name) });
	}
	const variables = new Map<string, string>();
	for (const [name, { value, path }] of wanted) {
		const usable = usableName(scope, name, path, wanted);
		if (usable === undefined) continue;
		if (taken.has(usable)) reportTaken(scope, usable, path);
		else variables.set(usable, value);
	}
	return variables;
}

/** The name that Kubernetes takes; `:` becomes `__`, which .NET reads as the same. */
function usableName(
	{ problems }: ModuleScope,
	name: string,
	path: string,
	wanted: ReadonlyMap<string, unknown>,
): string | undefined {
	if (strictName.test(name)) return name;
	const renamed = name.replaceAll(':', '__');
	if (renamed !== name && strictName.test(renamed)) {
		if (wanted.has(renamed)) return undefined;
		const message = `"${name}" is set as "${renamed}", which .NET configuration reads alike.`;
		problems.warn('EDGE_ENVIRONMENT_NAME', path, message, `Write "${renamed}".`);
		return renamed;
	}
	const shown = name.length > 60 ? `${name.slice(0, 60)}…` : name;
	if (relaxedName.test(name)) {
		const message = `"${shown}" is a name that Kubernetes takes from version 1.32 on.`;
		const remedy = 'Use letters, digits, `_`, `-` and `.`, no digit first.';
		problems.warn('EDGE_ENVIRONMENT_NAME', path, message, remedy);
		return name;
	}
	const message = `"${shown}" cannot be the name of a variable; it is left out.`;
	problems.warn('EDGE_ENVIRONMENT_NAME', path, message, 'Use letters, digits, `_`, `-` and `.`.');
	return undefined;
}

function extensionVariables(scope: ModuleScope, taken: ReadonlySet<string>): JsonObject[] {
	const { extension, problems } = scope;
	const variables = new Map<string, JsonObject>();
	for (const { value, path } of extension.objects('env', problems)) {
		const { name, value: text, valueFrom } = value;
		if (typeof name !== 'string' || !relaxedName.test(name)) {
			problems.refuse('EDGE_EXTENSION_INVALID', path, 'A variable needs a valid "name".');
		} else if (taken.has(name)) reportTaken(scope, name, path);
		else if (protectedReference(valueFrom, scope.policy) !== undefined) {
			const message = `The Secret "${protectedReference(valueFrom, scope.policy)}" belongs to the runtime.`;
			problems.refuse('EDGE_POLICY_DENIED', path, message);
		} else {
			variables.set(
				name,
				isJsonObject(valueFrom) ? { name, valueFrom } : { name, value: jsonText(text ?? '') },
			);
		}
	}
	return [...variables.values()];
}

function reportTaken({ problems }: ModuleScope, name: string, path: string): void {
	const message = `"${name}" is set by the runtime; the value of the manifest is not used.`;
	problems.warn('EDGE_ENVIRONMENT_NAME', path, message, 'Remove it.');
}
