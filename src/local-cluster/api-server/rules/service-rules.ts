import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import type { JsonObject } from '../../../runtime/json.ts';
import {
	ensureObject,
	listAt,
	numberAt,
	objectAt,
	objectsAt,
	setAbsent,
	textAt,
} from '../json-reading.ts';
import {
	duplicate,
	type FieldFault,
	forbiddenField,
	invalid,
	invalidValue,
	required,
} from '../status-error.ts';
import type { KindRules, RuleContext } from './kind-rules.ts';
import { portNameFaults, subdomainFaults } from './names.ts';

const serviceKind = { group: '', kind: 'Service', plural: 'services' };

function specOf(service: KubernetesObject): JsonObject {
	return ensureObject(service as unknown as JsonObject, 'spec');
}

/** Types that have a port on every node. */
function hasNodePorts(spec: JsonObject): boolean {
	if (spec['type'] === 'NodePort') return true;
	return spec['type'] === 'LoadBalancer' && spec['allocateLoadBalancerNodePorts'] !== false;
}

function setDefaults(service: KubernetesObject): void {
	const spec = specOf(service);
	for (const port of objectsAt(spec, 'ports')) {
		if (port['port'] !== undefined) setAbsent(port, 'targetPort', port['port']);
	}
	if (spec['type'] === 'ExternalName') return;
	setAbsent(spec, 'internalTrafficPolicy', 'Cluster');
	setAbsent(spec, 'ipFamilyPolicy', 'SingleStack');
	setAbsent(spec, 'ipFamilies', ['IPv4']);
	if (spec['type'] === 'LoadBalancer') setAbsent(spec, 'allocateLoadBalancerNodePorts', true);
	if (hasNodePorts(spec)) setAbsent(spec, 'externalTrafficPolicy', 'Cluster');
	if (spec['sessionAffinity'] === 'ClientIP') {
		setAbsent(ensureObject(spec, 'sessionAffinityConfig', 'clientIP'), 'timeoutSeconds', 10_800);
	}
}

function allocate(
	service: KubernetesObject,
	live: KubernetesObject | undefined,
	context: RuleContext,
): void {
	const spec = specOf(service);
	const others = context
		.list('services')
		.filter((other) => other.metadata.uid !== service.metadata.uid);
	keepAddress(spec, objectAt(live, 'spec'));
	allocateAddress(service.metadata.name, spec, others, context);
	allocatePorts(service.metadata.name, spec, objectAt(live, 'spec'), others, context);
}

/** A client that sends the object without its address does not give the address back. */
function keepAddress(spec: JsonObject, live: JsonObject): void {
	const address = live['clusterIP'];
	if (address === undefined || live['type'] === 'ExternalName') return;
	if (spec['type'] !== 'ExternalName') setAbsent(spec, 'clusterIP', address);
}

function allocateAddress(
	name: string,
	spec: JsonObject,
	others: readonly KubernetesObject[],
	context: RuleContext,
): void {
	if (spec['type'] === 'ExternalName') {
		delete spec['clusterIP'];
		delete spec['clusterIPs'];
		return;
	}
	const taken = new Set(others.map((other) => textAt(other, 'spec', 'clusterIP')));
	setAbsent(spec, 'clusterIP', String(listAt(spec, 'clusterIPs')[0] ?? ''));
	const wanted = textAt(spec, 'clusterIP');
	if (wanted === '') {
		const address = context.addresses.freeAddress(taken);
		if (address === undefined) throw refused(name, 'spec.clusterIPs[0]', '', 'range is full');
		spec['clusterIP'] = address;
	} else if (wanted !== 'None') {
		if (!context.addresses.contains(wanted)) {
			const why = `failed to allocate IP ${wanted}: the provided IP (${wanted}) is not in the valid range. The range of valid IPs is ${context.addresses.range}`;
			throw refused(name, 'spec.clusterIPs', [wanted], why);
		}
		if (taken.has(wanted)) {
			const why = `failed to allocate IP ${wanted}: provided IP is already allocated`;
			throw refused(name, 'spec.clusterIPs', [wanted], why);
		}
	}
	spec['clusterIPs'] = [textAt(spec, 'clusterIP')];
}

function allocatePorts(
	name: string,
	spec: JsonObject,
	live: JsonObject,
	others: readonly KubernetesObject[],
	context: RuleContext,
): void {
	if (!hasNodePorts(spec)) {
		// A change back to ClusterIP gives the ports back, unless the client set them on purpose.
		for (const port of objectsAt(spec, 'ports')) delete port['nodePort'];
		if (hasNodePorts(live)) delete spec['externalTrafficPolicy'];
		return;
	}
	const taken = new Set(others.flatMap((other) => nodePortsOf(objectAt(other, 'spec'))));
	// One Service may have a number for each protocol.
	const own = new Map<number, JsonObject>();
	for (const [index, port] of objectsAt(spec, 'ports').entries()) {
		keepNodePort(port, live);
		const wanted = numberAt(port, 'nodePort') || undefined;
		const number = wanted ?? context.addresses.freePort(taken);
		const field = `spec.ports[${index}].nodePort`;
		if (number === undefined) throw refused(name, field, 0, 'range is full');
		const isShared = own.has(number) && own.get(number)?.['protocol'] !== port['protocol'];
		if (wanted !== undefined && !isShared) checkPort(name, field, wanted, taken, context);
		port['nodePort'] = number;
		own.set(number, port);
		taken.add(number);
	}
}

/** A client that sends a port without its number on nodes does not give that back. */
function keepNodePort(port: JsonObject, live: JsonObject): void {
	const before = objectsAt(live, 'ports').find(
		(other) => other['port'] === port['port'] && other['protocol'] === port['protocol'],
	);
	const known = numberAt(before, 'nodePort');
	if (known !== undefined) setAbsent(port, 'nodePort', known);
}

function checkPort(
	name: string,
	field: string,
	port: number,
	taken: ReadonlySet<number>,
	context: RuleContext,
): void {
	if (taken.has(port)) throw refused(name, field, port, 'provided port is already allocated');
	if (context.addresses.isNodePort(port)) return;
	const why = `provided port is not in the valid range. The range of valid ports is ${context.addresses.portRange}`;
	throw refused(name, field, port, why);
}

function nodePortsOf(spec: JsonObject): number[] {
	return objectsAt(spec, 'ports').flatMap((port) => numberAt(port, 'nodePort') ?? []);
}

function refused(name: string, field: string, value: unknown, why: string) {
	return invalid(serviceKind, name, [invalidValue(field, value, why)]);
}

function validate(service: KubernetesObject, live: KubernetesObject | undefined): FieldFault[] {
	const spec = specOf(service);
	const ports = objectsAt(spec, 'ports');
	const faults: FieldFault[] = [];
	if (spec['type'] === 'ExternalName') {
		faults.push(...subdomainFaults('spec.externalName', textAt(spec, 'externalName')));
	} else if (ports.length === 0 && textAt(spec, 'clusterIP') !== 'None') {
		faults.push(required('spec.ports'));
	}
	if (spec['clusterIP'] === 'None' && hasNodePorts(spec)) {
		const why = "may not be set to 'None' for LoadBalancer services";
		faults.push(invalidValue('spec.clusterIPs[0]', 'None', why));
	}
	const policy = spec['externalTrafficPolicy'];
	if (policy !== undefined && spec['type'] !== 'NodePort' && spec['type'] !== 'LoadBalancer') {
		const why = 'may only be set for externally-accessible services';
		faults.push(invalidValue('spec.externalTrafficPolicy', policy, why));
	}
	const names = new Set<string>();
	const numbers = new Set<string>();
	for (const [index, port] of ports.entries()) {
		const at = `spec.ports[${index}]`;
		faults.push(...portFaults(port, at, ports.length > 1));
		const name = textAt(port, 'name');
		if (name !== '' && names.has(name)) faults.push(duplicate(`${at}.name`, name));
		names.add(name);
		const key = `${port['protocol']}/${port['port']}`;
		if (numbers.has(key)) {
			faults.push(duplicate(at, { protocol: port['protocol'], port: port['port'] }));
		}
		numbers.add(key);
	}
	return [...faults, ...addressFaults(spec, objectAt(live, 'spec'))];
}

function portFaults(port: JsonObject, path: string, several: boolean): FieldFault[] {
	const name = textAt(port, 'name');
	const number = numberAt(port, 'port') ?? 0;
	const faults: FieldFault[] = [];
	if (name === '' && several) faults.push(required(`${path}.name`));
	if (number < 1 || number > 65_535) {
		faults.push(invalidValue(`${path}.port`, number, 'must be between 1 and 65535, inclusive'));
	}
	const target = port['targetPort'];
	if (typeof target === 'string') faults.push(...portNameFaults(`${path}.targetPort`, target));
	return faults;
}

/** A Service keeps its address for life, unless it stops to have one. */
function addressFaults(spec: JsonObject, live: JsonObject): FieldFault[] {
	const before = textAt(live, 'clusterIP');
	const after = textAt(spec, 'clusterIP');
	if (before === '' || before === after || spec['type'] === 'ExternalName') return [];
	if (live['type'] === 'ExternalName') return [];
	if (after === '')
		return [forbiddenField('spec.clusterIPs[0]', 'primary clusterIP can not be unset')];
	return [invalidValue('spec.clusterIPs[0]', [after], 'may not change once set')];
}

export const serviceRules: KindRules = {
	nameForm: 'label',
	setDefaults,
	beforeCreate: (service, context) => {
		allocate(service, undefined, context);
		service.status = { loadBalancer: {} };
	},
	beforeUpdate: allocate,
	validate,
};
