import type { Container, EnvironmentVariable, KeyReference, Pod } from '../workloads/pod.ts';
import type { Service } from '../workloads/service.ts';
import { type NodeResources, podField, resourceField } from './downward-field.ts';

/** Where values that a container refers to come from. */
export interface EnvironmentSources {
	/** The pod, with its addresses in the status. */
	readonly pod: Pod;
	/** Entries of a ConfigMap or a Secret of the pod's namespace; `undefined` when there is none. */
	readonly data: (kind: 'ConfigMap' | 'Secret', name: string) => Map<string, Buffer> | undefined;
	/** Services of the pod's namespace, for the variables that Docker links had. */
	readonly services: readonly Service[];
	readonly node: NodeResources;
}

/** A container cannot be configured: its environment refers to something that is not there. */
export class MissingReference extends Error {
	override readonly name = 'MissingReference';
}

/**
 * The environment of a container as Kubernetes builds it: service variables, then `envFrom`, then
 * `env`, where `$(NAME)` refers to what came before and `$$` is a dollar sign.
 *
 * @throws MissingReference when a ConfigMap, a Secret or a key is missing and not optional.
 */
export function containerEnvironment(
	container: Container,
	sources: EnvironmentSources,
): Record<string, string> {
	const links = sources.pod.spec.enableServiceLinks ?? true;
	const services = links ? serviceVariables(sources.services) : {};
	const own: Record<string, string> = Object.create(null);
	for (const source of container.envFrom ?? []) {
		Object.assign(own, variablesFrom(source, sources));
	}
	for (const variable of container.env ?? []) {
		const value = variableValue(variable, container, sources);
		if (value === undefined) continue;
		own[variable.name] =
			variable.valueFrom === undefined ? expandVariables(value, { ...services, ...own }) : value;
	}
	return { ...services, ...own };
}

/** Replaces `$(NAME)` by a variable; unknown names stay as they are, `$$` becomes `$`. */
export function expandVariables(text: string, variables: Readonly<Record<string, string>>): string {
	return text.replace(/\$(?:\$|\(([^)]*)\))/g, (whole, name: string | undefined) => {
		if (name === undefined) return '$';
		return Object.hasOwn(variables, name) ? (variables[name] ?? '') : whole;
	});
}

/** `FILTER_SERVICE_HOST`, `FILTER_SERVICE_PORT`, `FILTER_PORT_8080_TCP_ADDR`… of each Service. */
export function serviceVariables(services: readonly Service[]): Record<string, string> {
	const variables: Record<string, string> = {};
	for (const { metadata, spec } of services) {
		const { clusterIP, ports = [] } = spec;
		const [first] = ports;
		if (clusterIP === undefined || clusterIP === 'None' || clusterIP === '' || !first) continue;
		const name = variableName(metadata.name);
		variables[`${name}_SERVICE_HOST`] = clusterIP;
		variables[`${name}_SERVICE_PORT`] = String(first.port);
		variables[`${name}_PORT`] = `${protocolOf(first)}://${clusterIP}:${first.port}`;
		for (const port of ports) {
			if (port.name !== undefined && port.name !== '') {
				variables[`${name}_SERVICE_PORT_${variableName(port.name)}`] = String(port.port);
			}
			const prefix = `${name}_PORT_${port.port}_${protocolOf(port).toUpperCase()}`;
			variables[prefix] = `${protocolOf(port)}://${clusterIP}:${port.port}`;
			variables[`${prefix}_PROTO`] = protocolOf(port);
			variables[`${prefix}_PORT`] = String(port.port);
			variables[`${prefix}_ADDR`] = clusterIP;
		}
	}
	return variables;
}

function variablesFrom(
	source: NonNullable<Container['envFrom']>[number],
	sources: EnvironmentSources,
): Record<string, string> {
	const { prefix = '', configMapRef, secretRef } = source;
	const kind = configMapRef === undefined ? 'Secret' : 'ConfigMap';
	const reference = configMapRef ?? secretRef;
	if (reference === undefined) return {};
	const data = sources.data(kind, reference.name);
	if (data === undefined && reference.optional !== true) {
		throw new MissingReference(`${kind.toLowerCase()} "${reference.name}" not found`);
	}
	// Keys that are no names of variables are left out, as Kubernetes does.
	const entries = [...(data ?? [])].map(([key, value]) => [`${prefix}${key}`, value.toString()]);
	return Object.fromEntries(
		entries.filter(([name = '']) => /^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(name)),
	);
}

function variableValue(
	variable: EnvironmentVariable,
	container: Container,
	sources: EnvironmentSources,
): string | undefined {
	const { value = '', valueFrom } = variable;
	if (valueFrom === undefined) return value;
	const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = valueFrom;
	if (fieldRef !== undefined) return fieldValue(sources.pod, fieldRef.fieldPath);
	if (configMapKeyRef !== undefined) return keyValue('ConfigMap', configMapKeyRef, sources);
	if (secretKeyRef !== undefined) return keyValue('Secret', secretKeyRef, sources);
	if (resourceFieldRef === undefined) return undefined;
	const { pod, node } = sources;
	const named = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find(
		({ name }) => name === resourceFieldRef.containerName,
	);
	return resourceField(named ?? container, resourceFieldRef, node);
}

function fieldValue(pod: Pod, path: string): string {
	const value = podField(pod, path);
	if (value === undefined) throw new MissingReference(`unsupported fieldPath: ${path}`);
	return value;
}

function keyValue(
	kind: 'ConfigMap' | 'Secret',
	{ name, key, optional }: KeyReference,
	{ data, pod }: EnvironmentSources,
): string | undefined {
	const entries = data(kind, name);
	const value = entries?.get(key)?.toString();
	if (value !== undefined || optional === true) return value;
	if (entries === undefined)
		throw new MissingReference(`${kind.toLowerCase()} "${name}" not found`);
	const where = `${pod.metadata.namespace ?? ''}/${name}`;
	throw new MissingReference(`couldn't find key ${key} in ${kind} ${where}`);
}

function variableName(name: string): string {
	return name.toUpperCase().replace(/-/g, '_');
}

function protocolOf({ protocol = 'TCP' }: { protocol?: string }): string {
	return protocol.toLowerCase();
}
