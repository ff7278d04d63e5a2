import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { memberPath } from '../../manifest/json-path.ts';
import { isJsonObject, type JsonObject, type JsonValue, jsonText } from '../../runtime/json.ts';
import { textMembers } from './api-value.ts';
import { definedMembers } from './defined-members.ts';
import { foldedMembers } from './folded-members.ts';
import { metadataOf } from './module-metadata.ts';
import type { ModulePorts, ServicePort } from './module-ports.ts';
import { type ModuleScope, podSelector } from './module-scope.ts';
import { sanitizeDnsLabel } from './object-name.ts';
import type { ServiceType } from './translation.ts';

const serviceTypes: readonly ServiceType[] = ['ClusterIP', 'NodePort', 'LoadBalancer'];
const optionNames = [
	'type',
	'loadBalancerIP',
	'annotations',
	'loadBalancerClass',
	'loadBalancerSourceRanges',
	'externalTrafficPolicy',
	'sessionAffinity',
] as const;

/**
 * The Services of a module: one under its name where it has ports, and one for each alias of its
 * networks. Its type is the extension's, else ClusterIP without port bindings, else the policy's.
 */
export function moduleServices(scope: ModuleScope, ports: ModulePorts): KubernetesObject[] {
	const own = ownService(scope, ports);
	const aliases = aliasesOf(scope).map((alias) => aliasService(scope, alias, ports));
	return own === undefined ? aliases : [own, ...aliases];
}

function ownService(scope: ModuleScope, ports: ModulePorts): KubernetesObject | undefined {
	const { type: wanted, annotations, ...given } = serviceOptions(scope);
	const type = wanted ?? (ports.bound ? scope.policy.portMappingServiceType : 'ClusterIP');
	const options = optionsFor(scope, type, given);
	const offered = type === 'ClusterIP' ? withContainerPorts(ports) : externalPorts(scope, ports);
	if (offered.length === 0) return undefined;
	const service: KubernetesObject = {
		apiVersion: 'v1',
		kind: 'Service',
		metadata: metadataOf(scope, scope.objectName, { dockerLabels: true, annotations }),
		spec: {
			type,
			selector: podSelector(scope),
			ports: offered.map((port) => servicePort(port, type)),
			...options,
		},
	};
	return service;
}

/** Within the cluster, peers reach a port under the container's number as well, as with Docker. */
function withContainerPorts({ container, service }: ModulePorts): ServicePort[] {
	const ports = new Map(service.map((port) => [`${port.port}/${port.protocol}`, port]));
	for (const port of container) {
		const key = `${port.port}/${port.protocol}`;
		const name = `port-${port.port}-${port.protocol.toLowerCase()}`;
		if (!ports.has(key)) ports.set(key, { ...port, name, external: false });
	}
	return [...ports.values()];
}

function externalPorts({ problems, options }: ModuleScope, ports: ModulePorts): ServicePort[] {
	const external = ports.service.filter((port) => port.external);
	if (external.length < ports.service.length) {
		const message = 'Ports of the loopback address are not offered by a Service for the outside.';
		const path = options.pathOf('HostConfig.PortBindings');
		problems.warn('EDGE_CREATE_OPTION_APPROXIMATED', path, message);
	}
	return external;
}

/** Ports that nodes open for Services of type NodePort, unless a cluster has been given others. */
const nodePorts = { first: 30000, last: 32767 };

/** A host port that nodes can open is opened by them; for others they choose one. */
function servicePort(
	{ port, targetPort, name, protocol }: ServicePort,
	type: ServiceType,
): JsonObject {
	const isBound = targetPort !== undefined && port >= nodePorts.first && port <= nodePorts.last;
	const nodePort = type === 'NodePort' && isBound ? port : undefined;
	return definedMembers({ port, targetPort, nodePort, name, protocol });
}

interface ServiceOptions {
	readonly type?: ServiceType;
	readonly annotations?: Record<string, string>;
	readonly [name: string]: JsonValue | undefined;
}

function serviceOptions({ extension, problems }: ModuleScope): ServiceOptions {
	const object = extension.object('serviceOptions') ?? {};
	const path = extension.pathOf('serviceOptions');
	const members = foldedMembers(object, optionNames, path, problems, 'EDGE_EXTENSION_UNKNOWN');
	const { type, annotations, ...others } = Object.fromEntries(members);
	const known = serviceTypes.find((one) => one.toLowerCase() === jsonText(type).toLowerCase());
	if (type !== undefined && known === undefined) {
		const message = `"${jsonText(type).slice(0, 40)}" is no type of Service; the default is used.`;
		problems.warn('EDGE_EXTENSION_INVALID', path, message, `Use ${serviceTypes.join(', ')}.`);
	}
	return {
		...others,
		...(known !== undefined && { type: known }),
		...(isJsonObject(annotations) && { annotations: textMembers(annotations) }),
	};
}

/** Which types of Service take an option; the API refuses it with others. Not named: all do. */
const typesOfOption: Readonly<Record<string, readonly ServiceType[]>> = {
	loadBalancerClass: ['LoadBalancer'],
	loadBalancerSourceRanges: ['LoadBalancer'],
	externalTrafficPolicy: ['LoadBalancer', 'NodePort'],
};

/** The options that a Service of a type takes; others are left out with a warning. */
function optionsFor(
	{ extension, problems }: ModuleScope,
	type: ServiceType,
	given: JsonObject,
): JsonObject {
	const kept = Object.entries(given).filter(([name]) => {
		const types = typesOfOption[name];
		if (types === undefined || types.includes(type)) return true;
		const path = memberPath(extension.pathOf('serviceOptions'), name);
		const message = `A Service of type ${type} has no ${name}; it is left out.`;
		problems.warn('EDGE_EXTENSION_INVALID', path, message, `Set type to ${types.join(' or ')}.`);
		return false;
	});
	return Object.fromEntries(
		kept.map(([name, value]) => [
			name,
			name === 'loadBalancerSourceRanges' && typeof value === 'string' ? [value] : value,
		]),
	);
}

/** Aliases of the module's networks that are names of the cluster's DNS, without its own. */
function aliasesOf(scope: ModuleScope): string[] {
	const aliases = new Set<string>();
	for (const [, { value, path }] of scope.options.members('NetworkingConfig.EndpointsConfig')) {
		if (isJsonObject(value)) reportAddresses(scope, value, path);
		const list = isJsonObject(value)
			? Object.entries(value).find(([name]) => /^aliases$/i.test(name))?.[1]
			: [];
		for (const alias of Array.isArray(list) ? list : []) {
			const name = sanitizeDnsLabel(jsonText(alias), 'rfc1035');
			if (name !== undefined && name === jsonText(alias).toLowerCase()) aliases.add(name);
			else reportAlias(scope, jsonText(alias));
		}
	}
	aliases.delete(scope.objectName);
	return [...aliases];
}

/** Says so where a module asks for an address of its own, as others may have it in their settings. */
function reportAddresses({ problems }: ModuleScope, endpoint: JsonObject, path: string): void {
	for (const [name, value] of Object.entries(endpoint)) {
		if (!/^(ipamconfig|macaddress|links)$/i.test(name) || !value) continue;
		if (typeof value === 'object' && Object.keys(value).length === 0) continue;
		const message = `"${name}" is left out: addresses and links are the cluster's.`;
		const remedy = 'Use the name of the module, or an alias.';
		problems.warn('EDGE_CREATE_OPTION_APPROXIMATED', memberPath(path, name), message, remedy);
	}
}

function reportAlias({ options, problems }: ModuleScope, alias: string): void {
	const path = options.pathOf('NetworkingConfig.EndpointsConfig');
	const message = `"${alias.slice(0, 60)}" is no name of the cluster's DNS; the alias is left out.`;
	problems.warn('EDGE_CREATE_OPTION_APPROXIMATED', path, message, 'Use letters, digits and `-`.');
}

function aliasService(scope: ModuleScope, alias: string, ports: ModulePorts): KubernetesObject {
	const offered = withContainerPorts(ports).map((port) => servicePort(port, 'ClusterIP'));
	const selector = podSelector(scope);
	return {
		apiVersion: 'v1',
		kind: 'Service',
		metadata: metadataOf(scope, alias),
		spec:
			offered.length > 0
				? { type: 'ClusterIP', selector, ports: offered }
				: { type: 'ClusterIP', clusterIP: 'None', selector },
	};
}
