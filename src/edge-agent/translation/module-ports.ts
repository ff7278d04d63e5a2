import { isJsonObject, type JsonObject, type JsonValue, jsonText } from '../../runtime/json.ts';
import type { Placed } from './create-options.ts';
import { foldedMembers } from './folded-members.ts';
import type { ModuleScope } from './module-scope.ts';

type Protocol = 'TCP' | 'UDP' | 'SCTP';

/** A port that the container listens on. */
export interface ContainerPort {
	readonly port: number;
	readonly protocol: Protocol;
}

/** A port of the module's Service. */
export interface ServicePort extends ContainerPort {
	readonly name: string;
	/** The container's port, where it differs or was bound. */
	readonly targetPort?: number;
	/** Whether it may be reachable from outside the cluster. */
	readonly external: boolean;
}

/** What a module listens on and offers. */
export interface ModulePorts {
	readonly container: readonly ContainerPort[];
	readonly service: readonly ServicePort[];
	/** Whether the manifest binds ports, and so asks to be reachable from outside. */
	readonly bound: boolean;
}

const portKey = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i;
const maxRange = 1000;
const loopback = /^(127\.|::1$|localhost$)/;
const anyAddress = new Set(['', '0.0.0.0', '::']);

/** A port and protocol as Docker writes them: `80`, `80/tcp`, `1680/udp`; undefined where it is none. */
export function parsePort(text: string): ContainerPort | undefined {
	const [first, ...others] = parsePorts(text);
	return others.length === 0 ? first : undefined;
}

/** As `parsePort`, for ranges too: `8000-8010/tcp`. Empty where it is none. */
function parsePorts(text: string): ContainerPort[] {
	const [, from, to = from, protocol = 'tcp'] = portKey.exec(text.trim()) ?? [];
	const first = Number(from);
	const last = Number(to);
	const isRange = first >= 1 && last >= first && last <= 65535 && last - first < maxRange;
	if (!isRange) return [];
	return Array.from({ length: last - first + 1 }, (_, index) => {
		return { port: first + index, protocol: protocol.toUpperCase() as Protocol };
	});
}

/**
 * Reads ExposedPorts and PortBindings. Service ports are one per number and protocol; a binding
 * wins over an exposed port of the same number, as in Microsoft's preview.
 */
export function readPorts(scope: ModuleScope): ModulePorts {
	const container = new Map<string, ContainerPort>();
	const service = new Map<string, ServicePort>();
	for (const [key, { path }] of scope.options.members('ExposedPorts')) {
		for (const port of portsOf(scope, key, path)) {
			container.set(keyOf(port), port);
			service.set(keyOf(port), { ...port, name: nameOf('exposedport', port), external: true });
		}
	}
	const bindings = scope.options.members('HostConfig.PortBindings');
	const names = new Set<string>();
	for (const [key, bound] of bindings) {
		for (const port of portsOf(scope, key, bound.path)) {
			container.set(keyOf(port), port);
			for (const binding of bindingsOf(scope, port, bound)) {
				const name = nameOf('hostport', port);
				const unique = names.has(name) ? `${name}-${binding.port}` : name;
				names.add(unique);
				service.set(keyOf(binding), { ...binding, name: unique });
			}
		}
	}
	return {
		container: [...container.values()],
		service: [...service.values()],
		bound: bindings.length > 0,
	};
}

function portsOf({ problems }: ModuleScope, key: string, path: string): ContainerPort[] {
	const ports = parsePorts(key);
	if (ports.length === 0) {
		const message = 'This is no port; it is left out.';
		problems.warn('EDGE_CREATE_OPTION_INVALID', path, message, 'Write `80/tcp` or `53/udp`.');
	}
	return ports;
}

function bindingsOf(
	scope: ModuleScope,
	port: ContainerPort,
	{ value, path }: Placed<JsonValue>,
): Omit<ServicePort, 'name'>[] {
	const list = Array.isArray(value) ? value : [value ?? {}];
	const items = list.length === 0 ? [{}] : list;
	return items.flatMap((item, index) => {
		const place = `${path}[${index}]`;
		const hostPort = isJsonObject(item) ? hostPortOf(scope, port, item, place) : undefined;
		if (hostPort !== undefined) return [hostPort];
		const message = 'A binding without a usable HostPort is left out.';
		const remedy = 'Write `[{ "HostPort": "8080" }]`.';
		scope.problems.warn('EDGE_CREATE_OPTION_INVALID', place, message, remedy);
		return [];
	});
}

function hostPortOf(
	{ problems }: ModuleScope,
	{ port, protocol }: ContainerPort,
	binding: JsonObject,
	path: string,
): Omit<ServicePort, 'name'> | undefined {
	const code = 'EDGE_CREATE_OPTION_UNKNOWN';
	const members = foldedMembers(binding, ['HostIp', 'HostPort'], path, problems, code);
	if (members.size === 0 && Object.keys(binding).length > 0) return undefined;
	const text = jsonText(members.get('HostPort') ?? '').trim();
	const ports = text === '' || text === '0' ? [{ port, protocol }] : parsePorts(text);
	const [first] = ports;
	if (first === undefined) return undefined;
	if (ports.length > 1) {
		const message = `Of the host ports ${text}, the first is used.`;
		problems.warn('EDGE_CREATE_OPTION_APPROXIMATED', path, message);
	}
	const external = isExternal(jsonText(members.get('HostIp') ?? '').trim(), path, problems);
	return { port: first.port, targetPort: port, protocol, external };
}

function isExternal(hostIp: string, path: string, problems: ModuleScope['problems']): boolean {
	if (anyAddress.has(hostIp)) return true;
	const message = loopback.test(hostIp)
		? 'A port bound to the loopback address is reachable within the cluster only.'
		: `HostIp ${hostIp} is an address of one host; the Service uses the cluster's addresses.`;
	problems.warn('EDGE_CREATE_OPTION_APPROXIMATED', path, message);
	return !loopback.test(hostIp);
}

function keyOf({ port, protocol }: ContainerPort): string {
	return `${port}/${protocol}`;
}

function nameOf(kind: string, { port, protocol }: ContainerPort): string {
	return `${kind}-${port}-${protocol.toLowerCase()}`;
}
