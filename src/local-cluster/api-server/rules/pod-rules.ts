import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import type { JsonObject } from '../../../runtime/json.ts';
import { ensureObject, numberAt, objectAt, objectsAt, setAbsent, textAt } from '../json-reading.ts';
import {
	duplicate,
	type FieldFault,
	fieldNotFound,
	forbidden,
	forbiddenField,
	invalidValue,
	required,
} from '../status-error.ts';
import type { KindRules, RuleContext } from './kind-rules.ts';
import { labelFaults, portNameFaults } from './names.ts';
import { containerFieldFaults, podFieldFaults } from './pod-field-rules.ts';

const podKind = { group: '', kind: 'Pod', plural: 'pods' };

/** Defaults of a pod or a pod template that depend on more than one field. */
export function setPodSpecDefaults(spec: JsonObject): void {
	for (const [, container] of allContainers(spec, '')) {
		setAbsent(container, 'imagePullPolicy', pullPolicy(textAt(container, 'image')));
	}
	for (const volume of objectsAt(spec, 'volumes')) {
		if (Object.keys(volume).length === 1) volume['emptyDir'] = {};
		const hostPath = volume['hostPath'];
		if (hostPath !== undefined) setAbsent(hostPath as JsonObject, 'type', '');
	}
	const account = textAt(spec, 'serviceAccountName') || textAt(spec, 'serviceAccount');
	if (account === '') return;
	spec['serviceAccountName'] = account;
	spec['serviceAccount'] = account;
}

/** `latest` may mean another image tomorrow. */
function pullPolicy(image: string): string {
	const name = image.slice(image.lastIndexOf('/') + 1);
	const fixed = image.includes('@') || (name.includes(':') && !name.endsWith(':latest'));
	return fixed ? 'IfNotPresent' : 'Always';
}

function* allContainers(spec: JsonObject, path: string): Iterable<[string, JsonObject]> {
	for (const list of ['initContainers', 'containers'] as const) {
		for (const [index, container] of objectsAt(spec, list).entries()) {
			yield [`${path}.${list}[${index}]`, container];
		}
	}
}

/** What is wrong with a pod's or a template's `spec`. */
export function podSpecFaults(spec: JsonObject, path: string): FieldFault[] {
	const volumes = new Set<string>();
	const faults: FieldFault[] = [];
	for (const [index, volume] of objectsAt(spec, 'volumes').entries()) {
		const name = textAt(volume, 'name');
		const at = `${path}.volumes[${index}]`;
		if (name !== '') faults.push(...labelFaults(`${at}.name`, name));
		if (volumes.has(name)) faults.push(duplicate(`${at}.name`, name));
		if (Object.keys(volume).length > 2) {
			faults.push(forbiddenField(at, 'may not specify more than 1 volume type'));
		}
		volumes.add(name);
	}
	const names = new Set<string>();
	for (const [at, container] of allContainers(spec, path)) {
		const name = textAt(container, 'name');
		if (name !== '') faults.push(...labelFaults(`${at}.name`, name));
		if (names.has(name)) faults.push(duplicate(`${at}.name`, name));
		names.add(name);
		faults.push(...containerFaults(container, at, volumes));
	}
	const grace = numberAt(spec, 'terminationGracePeriodSeconds') ?? 0;
	if (grace < 0) {
		const why = 'must be greater than or equal to 0';
		faults.push(invalidValue(`${path}.terminationGracePeriodSeconds`, grace, why));
	}
	return [...faults, ...podFieldFaults(spec, path)];
}

function containerFaults(
	container: JsonObject,
	path: string,
	volumes: ReadonlySet<string>,
): FieldFault[] {
	const image = textAt(container, 'image');
	const faults: FieldFault[] = [];
	if (image === '') faults.push(required(`${path}.image`));
	else if (image.trim() !== image) {
		faults.push(
			invalidValue(`${path}.image`, image, 'must not have leading or trailing whitespace'),
		);
	}
	faults.push(...containerPortFaults(container, `${path}.ports`));
	for (const [index, variable] of objectsAt(container, 'env').entries()) {
		if (variable['value'] !== undefined && variable['value'] !== '' && variable['valueFrom']) {
			const why = 'may not be specified when `value` is not empty';
			faults.push(invalidValue(`${path}.env[${index}].valueFrom`, '', why));
		}
	}
	const paths = new Set<string>();
	for (const [index, mount] of objectsAt(container, 'volumeMounts').entries()) {
		const at = `${path}.volumeMounts[${index}]`;
		const name = textAt(mount, 'name');
		if (name !== '' && !volumes.has(name)) faults.push(fieldNotFound(`${at}.name`, name));
		const mountPath = textAt(mount, 'mountPath');
		if (mountPath !== '' && paths.has(mountPath)) {
			faults.push(invalidValue(`${at}.mountPath`, mountPath, 'must be unique'));
		}
		paths.add(mountPath);
	}
	const resources = resourceFaults(objectAt(container, 'resources'), `${path}.resources`);
	return [...faults, ...resources, ...containerFieldFaults(container, path)];
}

function containerPortFaults(container: JsonObject, path: string): FieldFault[] {
	const names = new Set<string>();
	return objectsAt(container, 'ports').flatMap((port, index) => {
		const at = `${path}[${index}]`;
		const faults: FieldFault[] = [];
		for (const member of ['containerPort', 'hostPort'] as const) {
			const number = numberAt(port, member);
			const unset = member === 'hostPort' && number === 0;
			if (number !== undefined && !unset && (number < 1 || number > 65_535)) {
				const why = 'must be between 1 and 65535, inclusive';
				faults.push(invalidValue(`${at}.${member}`, number, why));
			}
		}
		const name = textAt(port, 'name');
		if (name === '') return faults;
		faults.push(...portNameFaults(`${at}.name`, name));
		if (names.has(name)) faults.push(duplicate(`${at}.name`, name));
		names.add(name);
		return faults;
	});
}

function resourceFaults(resources: JsonObject, path: string): FieldFault[] {
	const faults: FieldFault[] = [];
	for (const list of ['limits', 'requests'] as const) {
		for (const [name, quantity] of Object.entries(objectAt(resources, list))) {
			if (!String(quantity).startsWith('-')) continue;
			const why = 'must be greater than or equal to 0';
			faults.push(invalidValue(`${path}.${list}[${name}]`, quantity, why));
		}
	}
	return faults;
}

function setPodDefaults(pod: KubernetesObject): void {
	const spec = ensureObject(pod as unknown as JsonObject, 'spec');
	setPodSpecDefaults(spec);
	setAbsent(spec, 'enableServiceLinks', true);
	for (const [, container] of allContainers(spec, '')) {
		if (spec['hostNetwork'] === true) setHostPorts(container);
		const limits = objectAt(container, 'resources', 'limits');
		if (Object.keys(limits).length === 0) continue;
		const requests = ensureObject(container, 'resources', 'requests');
		for (const [name, limit] of Object.entries(limits)) {
			if (limit !== undefined) setAbsent(requests, name, limit);
		}
	}
}

/** Of pods alone: templates stay as they are. */
function setHostPorts(container: JsonObject): void {
	for (const port of objectsAt(container, 'ports')) {
		if (port['containerPort'] !== undefined) setAbsent(port, 'hostPort', port['containerPort']);
	}
}

/** Admission of a new pod: service account, priority; and its first status. */
function beforeCreate(pod: KubernetesObject, context: RuleContext): void {
	const spec = ensureObject(pod as unknown as JsonObject, 'spec');
	const { name, namespace } = pod.metadata;
	setAbsent(spec, 'serviceAccountName', 'default');
	const account = textAt(spec, 'serviceAccountName');
	spec['serviceAccount'] = account;
	// Who makes the default account of a namespace is a controller that may be a moment behind.
	if (account !== 'default' && !context.find('serviceaccounts', namespace, account)) {
		const why = `error looking up service account ${namespace}/${account}: serviceaccount "${account}" not found`;
		throw forbidden(podKind, name, why);
	}
	setPriority(spec, name, context);
	const tolerations = objectsAt(spec, 'tolerations');
	for (const key of ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']) {
		const tolerated = tolerations.some(
			(item) => [key, ''].includes(textAt(item, 'key')) && textAt(item, 'effect') !== 'NoSchedule',
		);
		if (tolerated) continue;
		tolerations.push({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 });
	}
	spec['tolerations'] = tolerations;
	pod.status = { phase: 'Pending', qosClass: qosClass(spec) };
}

function setPriority(spec: JsonObject, name: string, context: RuleContext): void {
	const className = textAt(spec, 'priorityClassName');
	const classes = context.list('priorityclasses.scheduling.k8s.io');
	const found =
		className === ''
			? classes.find((item) => item['globalDefault'] === true)
			: classes.find((item) => item.metadata.name === className);
	if (className !== '' && found === undefined) {
		throw forbidden(podKind, name, `no PriorityClass with name ${className} was found`);
	}
	if (found !== undefined) spec['priorityClassName'] = found.metadata.name;
	spec['priority'] = Number(found?.['value'] ?? 0);
	setAbsent(
		spec,
		'preemptionPolicy',
		String(found?.['preemptionPolicy'] ?? 'PreemptLowerPriority'),
	);
}

/** [Kubernetes documentation, "Pod Quality of Service Classes"]. */
function qosClass(spec: JsonObject): 'Guaranteed' | 'Burstable' | 'BestEffort' {
	const resources = [...allContainers(spec, '')].map(([, item]) => objectAt(item, 'resources'));
	const named = ['cpu', 'memory'] as const;
	const value = (item: JsonObject, list: string, name: string) => textAt(item, list, name);
	const any = resources.some((item) =>
		named.some((name) => value(item, 'limits', name) || value(item, 'requests', name)),
	);
	if (!any) return 'BestEffort';
	const guaranteed = resources.every((item) =>
		named.every((name) => {
			const limit = value(item, 'limits', name);
			return limit !== '' && value(item, 'requests', name) === limit;
		}),
	);
	return guaranteed ? 'Guaranteed' : 'Burstable';
}

/** The members of a running pod's spec that may change. */
const mutableMembers = [
	'activeDeadlineSeconds',
	'terminationGracePeriodSeconds',
	'tolerations',
	'schedulingGates',
	'ephemeralContainers',
	'nodeName',
];

function validatePod(pod: KubernetesObject, live: KubernetesObject | undefined): FieldFault[] {
	const spec = objectAt(pod, 'spec');
	const faults = podSpecFaults(spec, 'spec');
	if (live === undefined) return faults;
	const [before, after] = [fixedPart(objectAt(live, 'spec')), fixedPart(spec)];
	if (isDeepStrictEqual(before, after)) return faults;
	const why =
		'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';
	return [...faults, forbiddenField('spec', why)];
}

function fixedPart(spec: JsonObject): JsonObject {
	const copy = structuredClone(spec);
	for (const member of mutableMembers) delete copy[member];
	for (const [, container] of allContainers(copy, '')) delete container['image'];
	return copy;
}

export const podRules: KindRules = {
	setDefaults: setPodDefaults,
	beforeCreate,
	validate: validatePod,
};
