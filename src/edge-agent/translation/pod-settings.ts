import { isIP } from 'node:net';
import type { JsonObject, JsonValue } from '../../runtime/json.ts';
import type { OptionName } from './create-options-table.ts';
import { definedMembers } from './defined-members.ts';
import type { ModuleScope } from './module-scope.ts';
import { sanitizeDnsLabel } from './object-name.ts';

const approximated = 'EDGE_CREATE_OPTION_APPROXIMATED';
/** More nameservers are refused, as resolvers ignore them (resolv.conf, MAXNS). */
const maxNameservers = 3;
/** Names of RFC 1123, which host aliases must be. */
const subdomain = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Which namespaces of the host a pod shares. */
export interface HostNamespaces {
	readonly hostNetwork: boolean;
	readonly hostIPC: boolean;
	readonly hostPID: boolean;
}

/** Reads NetworkMode, IpcMode and PidMode; the host's need permission, another container's is refused. */
export function hostNamespaces(scope: ModuleScope): HostNamespaces {
	const { policy } = scope;
	return {
		hostNetwork: sharesHost(scope, 'HostConfig.NetworkMode', policy.allowHostNetwork),
		hostIPC: sharesHost(scope, 'HostConfig.IpcMode', policy.allowHostIpc),
		hostPID: sharesHost(scope, 'HostConfig.PidMode', policy.allowHostPid),
	};
}

function sharesHost(scope: ModuleScope, option: OptionName, allowed: boolean): boolean {
	const mode = scope.options.string(option)?.trim() ?? '';
	const path = scope.options.pathOf(option);
	const name = option.slice(option.indexOf('.') + 1);
	if (mode.toLowerCase() === 'host') {
		if (!allowed) {
			const message = `${name} "host" is not allowed to modules.`;
			scope.problems.refuse('EDGE_POLICY_DENIED', path, message);
		}
		return allowed;
	}
	if (/^container:/i.test(mode)) {
		const message = `${name} "${mode.slice(0, 60)}": each module is a pod of its own.`;
		const remedy = 'Let the modules talk over the network, or make them one module.';
		scope.problems.refuse('EDGE_CREATE_OPTION_REFUSED', path, message, remedy);
	} else if (mode === 'none' && option === 'HostConfig.NetworkMode') {
		const message = 'A pod always has a network.';
		scope.problems.warn(approximated, path, message, 'Use a NetworkPolicy.');
	}
	return false;
}

/** Fields of a pod that are not about rights, volumes or its container. */
export function podSettings(scope: ModuleScope, host: HostNamespaces): JsonObject {
	const { options, extension } = scope;
	return definedMembers({
		...(host.hostNetwork && { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }),
		...(host.hostIPC && { hostIPC: true }),
		...(host.hostPID && { hostPID: true }),
		// Among the host's processes, the host's own collects orphans.
		...(options.boolean('HostConfig.Init') && !host.hostPID && { shareProcessNamespace: true }),
		hostname: hostNameOf(scope),
		hostAliases: hostAliases(scope),
		dnsConfig: dnsConfig(scope),
		terminationGracePeriodSeconds: gracePeriod(scope),
		nodeSelector: extension.strings('nodeSelector'),
		tolerations: valuesOf(scope, 'tolerations'),
		affinity: extension.object('affinity'),
		priorityClassName: extension.string('priorityClassName'),
	});
}

function valuesOf(scope: ModuleScope, name: 'tolerations'): JsonValue[] {
	return scope.extension.objects(name, scope.problems).map(({ value }) => value);
}

function gracePeriod({ options, extension }: ModuleScope): number | undefined {
	const seconds =
		extension.integer('terminationGracePeriodSeconds') ?? options.integer('StopTimeout');
	return seconds === undefined || seconds < 0 ? undefined : seconds;
}

function hostNameOf({ options, problems }: ModuleScope): string | undefined {
	const wanted = options.string('Hostname');
	if (wanted === undefined) return undefined;
	const name = sanitizeDnsLabel(wanted);
	if (name !== wanted) {
		const used = name === undefined ? 'the pod keeps its own' : `the pod is called "${name}"`;
		const message = `"${wanted.slice(0, 60)}" is no host name of Kubernetes; ${used}.`;
		problems.warn(approximated, options.pathOf('Hostname'), message);
	}
	return name;
}

/** ExtraHosts, `name:address`, by address. */
function hostAliases({ options, problems }: ModuleScope): JsonObject[] {
	const names = new Map<string, string[]>();
	for (const { value, path } of options.strings('HostConfig.ExtraHosts')) {
		const [, name = '', address = ''] = /^([^:=]+)[:=](.+)$/.exec(value.trim()) ?? [];
		const ip = address.replace(/^\[|\]$/g, '');
		const known = names.get(ip) ?? [];
		if (isIP(ip) !== 0 && subdomain.test(name.toLowerCase())) {
			names.set(ip, [...known, name.toLowerCase()]);
		} else if (isIP(ip) !== 0) {
			const message = `"${name.slice(0, 60)}" is no host name of Kubernetes; it is left out.`;
			problems.warn(approximated, path, message, 'Use letters, digits, `-` and `.`.');
		} else {
			const message =
				ip === 'host-gateway'
					? 'A pod does not know the address of its host; this entry is left out.'
					: 'This is no host name with an address; it is left out.';
			problems.warn(approximated, path, message, 'Use the name of a Service, or an address.');
		}
	}
	return [...names].map(([ip, hostnames]) => ({ ip, hostnames }));
}

function dnsConfig(scope: ModuleScope): JsonObject {
	const { options, problems } = scope;
	const nameservers = usable(scope, 'HostConfig.Dns', (address) => isIP(address) !== 0);
	if (nameservers.length > maxNameservers) {
		const message = `Of the nameservers, the first ${maxNameservers} are used.`;
		problems.warn(approximated, options.pathOf('HostConfig.Dns'), message);
	}
	return definedMembers({
		nameservers: nameservers.slice(0, maxNameservers),
		searches: usable(scope, 'HostConfig.DnsSearch', (domain) => {
			return subdomain.test(domain.toLowerCase().replace(/\.$/, ''));
		}).map((domain) => domain.toLowerCase()),
		options: usable(scope, 'HostConfig.DnsOptions', (option) => option !== '').map((option) => {
			const [name = '', value] = option.split(':');
			return value === undefined ? { name } : { name, value };
		}),
	});
}

/** The values of an option that Kubernetes takes; others are reported. */
function usable(
	{ options, problems }: ModuleScope,
	option: OptionName,
	isUsable: (value: string) => boolean,
): string[] {
	return options.strings(option).flatMap(({ value, path }) => {
		const text = value.trim();
		if (isUsable(text)) return [text];
		if (text === '') return [];
		const what = option === 'HostConfig.Dns' ? 'no address' : 'no domain of Kubernetes';
		problems.warn(approximated, path, `"${text.slice(0, 60)}" is ${what}; it is left out.`);
		return [];
	});
}
