import { isIP } from 'node:net';
import { parseQuantity } from '../../../cluster/quantity.ts';
import type { JsonObject } from '../../../runtime/json.ts';
import { listAt, numberAt, objectAt, objectsAt, textAt } from '../json-reading.ts';
import { type FieldFault, forbiddenField, invalidValue, required } from '../status-error.ts';
import { labelFaults, subdomainFaults } from './names.ts';

const addressRule = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const maxNameservers = 3;
const maxId = 2 ** 31 - 1;

/** Limits of single fields of a pod, beyond its containers. */
export function podFieldFaults(spec: JsonObject, path: string): FieldFault[] {
	const hostname = textAt(spec, 'hostname');
	return [
		...(hostname === '' ? [] : labelFaults(`${path}.hostname`, hostname)),
		...nameserverFaults(listAt(spec, 'dnsConfig', 'nameservers'), `${path}.dnsConfig.nameservers`),
		...hostAliasFaults(spec, `${path}.hostAliases`),
		...hostNamespaceFaults(spec, `${path}.securityContext`),
		...idFaults(objectAt(spec, 'securityContext'), `${path}.securityContext`),
	];
}

function nameserverFaults(servers: readonly unknown[], path: string): FieldFault[] {
	const faults = servers.flatMap((server, index) => {
		return isIP(String(server)) === 0
			? [invalidValue(`${path}[${index}]`, server, addressRule)]
			: [];
	});
	if (servers.length <= maxNameservers) return faults;
	const why = `must not have more than ${maxNameservers} nameservers`;
	return [invalidValue(path, servers, why), ...faults];
}

function hostAliasFaults(spec: JsonObject, path: string): FieldFault[] {
	return objectsAt(spec, 'hostAliases').flatMap((alias, index) => {
		const ip = textAt(alias, 'ip');
		const names = listAt(alias, 'hostnames').map(String);
		return [
			...(isIP(ip) === 0 ? [invalidValue(`${path}[${index}].ip`, ip, addressRule)] : []),
			...names.flatMap((name, at) => subdomainFaults(`${path}[${index}].hostnames[${at}]`, name)),
		];
	});
}

/** What a pod cannot ask of namespaces that it shares with its host. */
function hostNamespaceFaults(spec: JsonObject, path: string): FieldFault[] {
	const faults: FieldFault[] = [];
	if (spec['hostPID'] === true && spec['shareProcessNamespace'] === true) {
		const why = 'ShareProcessNamespace and HostPID cannot both be enabled';
		faults.push(invalidValue(`${path}.shareProcessNamespace`, true, why));
	}
	const sysctls = objectsAt(spec, 'securityContext', 'sysctls');
	for (const [index, sysctl] of sysctls.entries()) {
		const name = textAt(sysctl, 'name');
		const isNetwork = name.startsWith('net.');
		const isIpc = /^(kernel\.(shm|msg|sem)|fs\.mqueue\.)/.test(name);
		for (const [member, isItsOwn] of Object.entries({ hostNetwork: isNetwork, hostIPC: isIpc })) {
			if (!isItsOwn || spec[member] !== true) continue;
			const why = `may not be specified when '${member}' is true`;
			faults.push(invalidValue(`${path}.sysctls[${index}].name`, name, why));
		}
	}
	return faults;
}

function idFaults(context: JsonObject, path: string): FieldFault[] {
	const ids = ['runAsUser', 'runAsGroup', 'fsGroup'].map((member) => {
		return [`${path}.${member}`, numberAt(context, member)] as const;
	});
	const groups = listAt(context, 'supplementalGroups').map((group, index) => {
		return [`${path}.supplementalGroups[${index}]`, Number(group)] as const;
	});
	return [...ids, ...groups].flatMap(([field, id]) => {
		if (id === undefined || (id >= 0 && id <= maxId)) return [];
		return [invalidValue(field, id, `must be between 0 and ${maxId}, inclusive`)];
	});
}

/** Limits of single fields of a container. */
export function containerFieldFaults(container: JsonObject, path: string): FieldFault[] {
	const security = objectAt(container, 'securityContext');
	const probes = ['livenessProbe', 'readinessProbe', 'startupProbe'].filter((name) => {
		return container[name] !== undefined;
	});
	return [
		...probes.flatMap((name) => probeFaults(objectAt(container, name), `${path}.${name}`)),
		...objectsAt(container, 'volumeMounts').flatMap((mount) => {
			return mountFaults(mount, security, `${path}.volumeMounts`);
		}),
		...limitFaults(objectAt(container, 'resources'), `${path}.resources`),
		...idFaults(security, `${path}.securityContext`),
		...escalationFaults(security, `${path}.securityContext`),
	];
}

function probeFaults(probe: JsonObject, path: string): FieldFault[] {
	const handlers = ['exec', 'httpGet', 'tcpSocket', 'grpc'].filter((name) => {
		return probe[name] !== undefined;
	});
	const faults = handlers.slice(1).map((name) => {
		return forbiddenField(`${path}.${name}`, 'may not specify more than 1 handler type');
	});
	if (handlers.length === 0) faults.push(required(path, 'must specify a handler type'));
	const numbers = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds'] as const;
	for (const name of [...numbers, 'successThreshold', 'failureThreshold']) {
		const number = numberAt(probe, name) ?? 0;
		if (number >= 0) continue;
		faults.push(invalidValue(`${path}.${name}`, number, 'must be greater than or equal to 0'));
	}
	return faults;
}

/** The paths have no index, as those of Kubernetes. */
function mountFaults(mount: JsonObject, security: JsonObject, path: string): FieldFault[] {
	const faults: FieldFault[] = [];
	if (mount['mountPropagation'] === 'Bidirectional' && security['privileged'] !== true) {
		const why = 'Bidirectional mount propagation is available only to privileged containers';
		faults.push(forbiddenField(`${path}.mountPropagation`, why));
	}
	const subPath = textAt(mount, 'subPath');
	if (subPath.startsWith('/')) {
		faults.push(invalidValue(`${path}.subPath`, subPath, 'must be a relative path'));
	} else if (subPath.split('/').includes('..')) {
		faults.push(invalidValue(`${path}.subPath`, subPath, "must not contain '..'"));
	}
	return faults;
}

function limitFaults(resources: JsonObject, path: string): FieldFault[] {
	const limits = objectAt(resources, 'limits');
	const requests = objectAt(resources, 'requests');
	const faults: FieldFault[] = [];
	for (const [list, quantities] of Object.entries({ limits, requests })) {
		for (const [name, quantity] of Object.entries(quantities)) {
			if (!isExtended(name) || Number.isInteger(parseQuantity(quantity))) continue;
			faults.push(invalidValue(`${path}.${list}[${name}]`, quantity, 'must be an integer'));
		}
	}
	for (const [name, request] of Object.entries(requests)) {
		const limit = limits[name];
		if (limit === undefined) continue;
		if ((parseQuantity(request) ?? 0) <= (parseQuantity(limit) ?? 0)) continue;
		const why = `must be less than or equal to ${name} limit of ${limit}`;
		faults.push(invalidValue(`${path}.requests`, request, why));
	}
	return faults;
}

/** Resources of device plugins are counted in whole. */
function isExtended(name: string): boolean {
	return name.includes('/') && !name.startsWith('kubernetes.io/');
}

function escalationFaults(security: JsonObject, path: string): FieldFault[] {
	if (security['privileged'] !== true || security['allowPrivilegeEscalation'] !== false) return [];
	const why = 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true';
	return [invalidValue(path, security, why)];
}
