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
	const bound = new BoundPorts(scope);
	for (const [key, value] of bindings) {
		const ports = portsOf(scope, key, value.path);
		for (const port of ports) container.set(keyOf(port), port);
		for (const binding of bindingsOf(scope, ports, value)) bound.add(binding);
	}
	for (const [key, port] of bound.byKey) service.set(key, port);
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

/** A host port that leads to a port of the container. */
interface Binding extends ContainerPort {
	readonly targetPort: number;
	readonly external: boolean;
	readonly path: string;
}

/** The Service's ports for bindings; the first container port that asks for a host port has it. */
class BoundPorts {
	readonly byKey = new Map<string, ServicePort>();
	readonly #problems: ModuleScope['problems'];
	readonly #names = new Map<string, string>();

	constructor({ problems }: ModuleScope) {
		this.#problems = problems;
	}

	add({ path, ...binding }: Binding): void {
		const key = keyOf(binding);
		const rival = this.byKey.get(key);
		if (rival !== undefined && rival.targetPort !== binding.targetPort) {
			const message = `Host port ${key.toLowerCase()} leads to port ${rival.targetPort} already; this binding is left out.`;
			this.#problems.warn('EDGE_CREATE_OPTION_INVALID', path, message, 'Choose another HostPort.');
			return;
		}
		const name = nameOf('hostport', { ...binding, port: binding.targetPort });
		const owner = this.#names.get(name) ?? key;
		const unique = owner === key ? name : `${name}-${binding.port}`;
		this.#names.set(unique, key);
		this.byKey.set(key, { ...binding, name: unique });
	}
}

function bindingsOf(
	scope: ModuleScope,
	ports: readonly ContainerPort[],
	{ value, path }: Placed<JsonValue>,
): Binding[] {
	const list = Array.isArray(value) ? value : [value ?? {}];
	const items = list.length === 0 ? [{}] : list;
	return items.flatMap((item, index) => {
		const place = `${path}[${index}]`;
		const bindings = isJsonObject(item) ? bindingOf(scope, ports, item, place) : [];
		if (bindings.length > 0 || ports.length === 0) return bindings;
		const message = 'A binding without a usable HostPort is left out.';
		const remedy = 'Write `[{ "HostPort": "8080" }]`.';
		scope.problems.warn('EDGE_CREATE_OPTION_INVALID', place, message, remedy);
		return [];
	});
}

/** What one binding says about the ports of its key; empty where it says nothing that can be used. */
function bindingOf(
	{ problems }: ModuleScope,
	ports: readonly ContainerPort[],
	binding: JsonObject,
	path: string,
): Binding[] {
	const code = 'EDGE_CREATE_OPTION_UNKNOWN';
	const members = foldedMembers(binding, ['HostIp', 'HostPort'], path, problems, code);
	if (members.size === 0 && Object.keys(binding).length > 0) return [];
	const text = jsonText(members.get('HostPort') ?? '').trim();
	const hostPorts = text === '' || text === '0' ? ports : parsePorts(text);
	if (hostPorts.length === 0) return [];
	if (hostPorts.length > ports.length && ports.length === 1) {
		const message = `Of the host ports ${text}, the first is used.`;
		problems.warn('EDGE_CREATE_OPTION_APPROXIMATED', path, message);
	} else if (hostPorts.length !== ports.length) return [];
	const external = isExternal(jsonText(members.get('HostIp') ?? '').trim(), path, problems);
	return ports.map(({ port: targetPort, protocol }, index) => {
		const port = hostPorts[index]?.port ?? targetPort;
		return { port, targetPort, protocol, external, path };
	});
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
