import { isIP } from 'node:net';
import type { JsonObject, JsonValue } from '../../runtime/json.ts';
import type { OptionName } from './create-options-table.ts';
import { definedMembers } from './defined-members.ts';
import type { ModuleScope } from './module-scope.ts';
import { sanitizeDnsLabel } from './object-name.ts';

const approximated = 'EDGE_CREATE_OPTION_APPROXIMATED';

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
		...(options.boolean('HostConfig.Init') && { shareProcessNamespace: true }),
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
		if (isIP(ip) !== 0) names.set(ip, [...(names.get(ip) ?? []), name]);
		else {
			const message =
				ip === 'host-gateway'
					? 'A pod does not know the address of its host; this entry is left out.'
					: 'This is no host name with an address; it is left out.';
			problems.warn(approximated, path, message, 'Use the name of a Service, or an address.');
		}
	}
	return [...names].map(([ip, hostnames]) => ({ ip, hostnames }));
}

function dnsConfig({ options }: ModuleScope): JsonObject {
	const values = (name: OptionName) =>
		options
			.strings(name)
			.map(({ value }) => value)
			.filter(Boolean);
	return definedMembers({
		nameservers: values('HostConfig.Dns').filter((address) => isIP(address) !== 0),
		searches: values('HostConfig.DnsSearch'),
		options: values('HostConfig.DnsOptions').map((option) => {
			const [name = '', value] = option.split(':');
			return value === undefined ? { name } : { name, value };
		}),
	});
}
