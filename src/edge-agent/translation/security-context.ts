import { isJsonObject, type JsonObject, type JsonValue, jsonText } from '../../runtime/json.ts';
import { definedMembers } from './defined-members.ts';
import type { ContainerPort } from './module-ports.ts';
import type { ModuleScope } from './module-scope.ts';
import type { HostNamespaces } from './pod-settings.ts';

/** Rights of a module: of its pod and of its container. */
export interface SecurityContexts {
	readonly pod: JsonObject;
	readonly container: JsonObject;
}

/** Kernel settings that a pod may change without harm to others (Kubernetes, safe sysctls). */
const safeSysctls = new Set([
	'kernel.shm_rmid_forced',
	'net.ipv4.ip_local_port_range',
	'net.ipv4.tcp_syncookies',
	'net.ipv4.ping_group_range',
	'net.ipv4.ip_unprivileged_port_start',
	'net.ipv4.ip_local_reserved_ports',
	'net.ipv4.tcp_keepalive_time',
	'net.ipv4.tcp_fin_timeout',
	'net.ipv4.tcp_keepalive_intvl',
	'net.ipv4.tcp_keepalive_probes',
]);
/** Settings of namespaces that a pod of the host's network or IPC does not have of its own. */
const networkSysctl = /^net\./;
const ipcSysctl = /^(kernel\.(shm|msg|sem)|fs\.mqueue\.)/;
/** Highest number of a user or group. */
const maxId = 2 ** 31 - 1;
const lowPortSysctl = 'net.ipv4.ip_unprivileged_port_start';
const denied = 'EDGE_POLICY_DENIED';
const approximated = 'EDGE_CREATE_OPTION_APPROXIMATED';

/**
 * The rights of a module. Without demands of the manifest they pass the Pod Security level
 * `restricted`; more only where the policy allows it, otherwise the module is refused.
 */
export function securityContexts(
	scope: ModuleScope,
	ports: readonly ContainerPort[],
	host: HostNamespaces,
): SecurityContexts {
	const privileged = isPrivileged(scope);
	const user = userOf(scope, privileged);
	const sysctls = sysctlsOf(scope, ports, host);
	const profiles = securityProfiles(scope);
	const pod = definedMembers({
		...user,
		supplementalGroups: groupsOf(scope),
		sysctls,
		...(!privileged && { seccompProfile: { type: 'RuntimeDefault' } }),
		...profiles,
	});
	return {
		pod: withExtension(scope, pod, privileged),
		container: containerContext(scope, privileged),
	};
}

function isPrivileged({ options, policy, problems }: ModuleScope): boolean {
	if (!options.boolean('HostConfig.Privileged')) return false;
	if (!policy.allowPrivileged) {
		const path = options.pathOf('HostConfig.Privileged');
		problems.refuse(denied, path, 'Privileged modules are not allowed.');
	}
	return policy.allowPrivileged;
}

function containerContext(scope: ModuleScope, privileged: boolean): JsonObject {
	const { options, policy } = scope;
	const readOnlyRootFilesystem = options.boolean('HostConfig.ReadonlyRootfs') || undefined;
	const add = addedCapabilities(scope);
	const drop = capabilitiesOf(options.strings('HostConfig.CapDrop').map(({ value }) => value));
	if (privileged) {
		return definedMembers({ privileged: true, readOnlyRootFilesystem });
	}
	const harmless = add.every((name) => name === 'NET_BIND_SERVICE');
	const asked = options.strings('HostConfig.SecurityOpt').some(({ value }) => {
		return /^\s*no-new-privileges(?:[=:]true)?\s*$/i.test(value);
	});
	const confined = policy.runAsNonRoot || asked;
	return definedMembers({
		allowPrivilegeEscalation: confined && harmless ? false : undefined,
		readOnlyRootFilesystem,
		capabilities: definedMembers({ add, drop: policy.runAsNonRoot ? ['ALL'] : drop }),
	});
}

function addedCapabilities({ options, policy, problems }: ModuleScope): string[] {
	const added = options.strings('HostConfig.CapAdd');
	const path = options.pathOf('HostConfig.CapAdd');
	const names = capabilitiesOf(added.map(({ value }) => value));
	const demanding = names.filter((name) => name !== 'NET_BIND_SERVICE');
	const allowed = new Set(capabilitiesOf(policy.allowCapabilities));
	const excess = demanding.filter((name) => !allowed.has(name) && !policy.allowPrivileged);
	if (excess.length > 0) {
		const message = `Capabilities that are not allowed to modules: ${excess.join(', ').slice(0, 80)}.`;
		problems.refuse(denied, path, message);
	} else if (policy.runAsNonRoot && demanding.length > 0) {
		const message = 'Capabilities of a user that is not root count only for files that carry them.';
		problems.warn(approximated, path, message);
	}
	return names;
}

function capabilitiesOf(names: readonly string[]): string[] {
	return [...new Set(names.map((name) => name.trim().toUpperCase().replace(/^CAP_/, '')))];
}

/** Who the module runs as; a privileged module as its image says, for that is what it was given. */
function userOf(scope: ModuleScope, privileged: boolean): JsonObject {
	const { options, policy, problems } = scope;
	const { runAsNonRoot, runAsUser } = policy;
	const base =
		runAsNonRoot && !privileged
			? { runAsNonRoot, runAsUser, fsGroup: runAsUser, fsGroupChangePolicy: 'OnRootMismatch' }
			: {};
	const text = options.string('User');
	if (text === undefined) return base;
	const path = options.pathOf('User');
	const [userText = '', groupText] = text.split(':').map((part) => part.trim());
	const user = idOf(userText);
	const group = idOf(groupText ?? '');
	if (user === undefined) {
		const used = runAsNonRoot && !privileged ? `user ${runAsUser}` : 'the user of its image';
		const message = `"${userText.slice(0, 40)}" cannot be looked up in the image; the module runs as ${used}.`;
		problems.warn(approximated, path, message, 'Give the number of the user.');
		return base;
	}
	if (user === 0 && runAsNonRoot && !privileged) {
		const remedy = 'Use another user, or let the operator set runAsNonRoot to false.';
		problems.refuse(denied, path, 'Modules may not run as root.', remedy);
	}
	if (group === undefined && groupText) {
		const message = `The group "${groupText.slice(0, 40)}" cannot be looked up in the image; it is left out.`;
		problems.warn(approximated, path, message, 'Give the number of the group.');
	}
	return { ...base, runAsUser: user, ...(group !== undefined && { runAsGroup: group }) };
}

function idOf(text: string): number | undefined {
	if (text === 'root') return 0;
	return /^\d{1,10}$/.test(text) && Number(text) <= maxId ? Number(text) : undefined;
}

function groupsOf({ options, problems }: ModuleScope): number[] {
	return options.strings('HostConfig.GroupAdd').flatMap(({ value, path }) => {
		const group = idOf(value.trim());
		if (group !== undefined) return [group];
		const message = `The group "${value.slice(0, 40)}" cannot be looked up in the image; it is left out.`;
		problems.warn(approximated, path, message, 'Give the number of the group.');
		return [];
	});
}

/** Kernel settings, with the one that lets a user other than root listen on ports below 1024. */
function sysctlsOf(
	{ options, policy, problems }: ModuleScope,
	ports: readonly ContainerPort[],
	{ hostNetwork, hostIPC }: HostNamespaces,
): JsonObject[] {
	const settings = new Map<string, string>();
	for (const [name, { value, path }] of options.members('HostConfig.Sysctls')) {
		if (!safeSysctls.has(name) && !policy.allowSysctls.includes(name)) {
			problems.refuse(denied, path, `The kernel setting ${name.slice(0, 60)} is not allowed.`);
		}
		if ((hostNetwork && networkSysctl.test(name)) || (hostIPC && ipcSysctl.test(name))) {
			const message = `The kernel setting ${name.slice(0, 60)} would be the host's.`;
			problems.refuse('EDGE_CREATE_OPTION_REFUSED', path, message, 'Set it on the node.');
		}
		settings.set(name, jsonText(value));
	}
	const hasLowPort = ports.some(({ port }) => port < 1024);
	if (hasLowPort && policy.runAsNonRoot && !hostNetwork && !settings.has(lowPortSysctl)) {
		settings.set(lowPortSysctl, '0');
	}
	return [...settings].map(([name, value]) => ({ name, value }));
}

/** Reads SecurityOpt: `no-new-privileges`, `seccomp=…`, `apparmor=…`, `label=type:…`. */
function securityProfiles(scope: ModuleScope): JsonObject {
	const profiles: Record<string, JsonValue> = {};
	const labels: Record<string, JsonValue> = {};
	for (const { value, path } of scope.options.strings('HostConfig.SecurityOpt')) {
		const [, name = '', setting = ''] = /^([a-z-]+)[=:]?(.*)$/i.exec(value.trim()) ?? [];
		const profile = setting === 'unconfined' ? { type: 'Unconfined' } : localhostProfile(setting);
		if (setting === 'unconfined' || setting === 'disable') requirePrivileged(scope, value, path);
		if (name === 'seccomp') profiles['seccompProfile'] = profile;
		else if (name === 'apparmor') profiles['appArmorProfile'] = profile;
		else if (name === 'label') Object.assign(labels, seLinuxLabel(setting));
		else if (name !== 'no-new-privileges') {
			const message = `"${value.slice(0, 60)}" has no counterpart; it is left out.`;
			scope.problems.warn(approximated, path, message);
		}
	}
	return definedMembers({ ...profiles, seLinuxOptions: labels });
}

function requirePrivileged({ policy, problems }: ModuleScope, value: string, path: string): void {
	if (policy.allowPrivileged) return;
	problems.refuse(denied, path, `"${value.slice(0, 60)}" weakens the module's confinement.`);
}

function localhostProfile(name: string): JsonObject {
	return /^(builtin|runtime\/default|docker-default)$/.test(name)
		? { type: 'RuntimeDefault' }
		: { type: 'Localhost', localhostProfile: name };
}

function seLinuxLabel(setting: string): JsonObject {
	const [, name, value] = /^(user|role|type|level):(.+)$/.exec(setting) ?? [];
	return name === undefined || value === undefined ? {} : { [name]: value };
}

const podFields: Record<string, 'number' | 'boolean' | 'numbers' | 'any'> = {
	runAsUser: 'number',
	runAsGroup: 'number',
	fsGroup: 'number',
	runAsNonRoot: 'boolean',
	supplementalGroups: 'numbers',
	fsGroupChangePolicy: 'any',
	supplementalGroupsPolicy: 'any',
	seccompProfile: 'any',
	appArmorProfile: 'any',
	seLinuxOptions: 'any',
	sysctls: 'any',
};

/** The pod's context with the extension's `securityContext` over it. */
function withExtension(scope: ModuleScope, base: JsonObject, privileged: boolean): JsonObject {
	const { extension, policy, problems } = scope;
	const own = extension.object('securityContext') ?? {};
	const path = extension.pathOf('securityContext');
	const merged = new Map(Object.entries(base));
	for (const [name, value] of Object.entries(own)) {
		const field = Object.keys(podFields).find((one) => one.toLowerCase() === name.toLowerCase());
		if (field === undefined) {
			const message = `"${name.slice(0, 60)}" is no field of a pod's security context.`;
			problems.warn('EDGE_EXTENSION_UNKNOWN', `${path}.${name.slice(0, 60)}`, message);
		} else if (value !== null && value !== undefined) {
			merged.set(field, fieldValue(value, podFields[field] ?? 'any'));
		}
	}
	const asks = (name: string) =>
		own[Object.keys(own).find((key) => key.toLowerCase() === name) ?? ''];
	const isRoot = jsonText(asks('runasuser')) === '0' || jsonText(asks('runasnonroot')) === 'false';
	if (isRoot && policy.runAsNonRoot && !privileged) {
		problems.refuse(denied, path, 'Modules may not run as root.');
	}
	const weakens = ['seccompProfile', 'appArmorProfile'].some((name) => {
		const profile = own[name];
		return isJsonObject(profile) && profile['type'] === 'Unconfined';
	});
	if (weakens) requirePrivileged(scope, 'Unconfined', path);
	refuseUnsafeSysctls(scope, own['sysctls'], path);
	return Object.fromEntries(merged);
}

function refuseUnsafeSysctls(
	{ policy, problems }: ModuleScope,
	sysctls: JsonValue | undefined,
	path: string,
): void {
	for (const item of Array.isArray(sysctls) ? sysctls : []) {
		const name = isJsonObject(item) ? jsonText(item['name']) : '';
		if (safeSysctls.has(name) || policy.allowSysctls.includes(name)) continue;
		problems.refuse(denied, path, `The kernel setting "${name.slice(0, 60)}" is not allowed.`);
	}
}

function fieldValue(value: JsonValue, form: 'number' | 'boolean' | 'numbers' | 'any'): JsonValue {
	if (form === 'number') return Number(value);
	if (form === 'boolean') return jsonText(value).toLowerCase() === 'true';
	if (form === 'numbers' && Array.isArray(value)) return value.map(Number);
	return value;
}
