import { listAt, numberAt, objectAt, objectsAt, textAt, valueAt } from '../json-reading.ts';
import { formatLabelSelector } from '../selectors/label-selector.ts';
import { ageColumn } from './age.ts';
import { type Column, column } from './column.ts';

const text = (name: string, path: readonly string[], priority: 0 | 1 = 0) =>
	column(name, (object) => textAt(object, ...path), priority);

const orNone = (name: string, path: readonly string[], priority: 0 | 1 = 0) =>
	column(name, (object) => textAt(object, ...path) || '<none>', priority);

export const namespaceColumns: readonly Column[] = [text('Status', ['status', 'phase']), ageColumn];

function externalAddress(service: unknown): string {
	const type = textAt(service, 'spec', 'type');
	if (type === 'ExternalName') return textAt(service, 'spec', 'externalName');
	const given = listAt(service, 'spec', 'externalIPs').map(String);
	if (type !== 'LoadBalancer') return given.join(',') || '<none>';
	const ingress = objectsAt(service, 'status', 'loadBalancer', 'ingress');
	const found = ingress.map((item) => textAt(item, 'ip') || textAt(item, 'hostname'));
	return [...found, ...given].join(',') || '<pending>';
}

function servicePorts(service: unknown): string {
	const ports = objectsAt(service, 'spec', 'ports').map((port) => {
		const node = numberAt(port, 'nodePort');
		const numbers = node ? `${port['port']}:${node}` : String(port['port']);
		return `${numbers}/${textAt(port, 'protocol')}`;
	});
	return ports.join(',') || '<none>';
}

function labelsText(labels: object): string {
	return (
		Object.entries(labels)
			.map(([key, value]) => `${key}=${String(value)}`)
			.sort()
			.join(',') || '<none>'
	);
}

export const serviceColumns: readonly Column[] = [
	text('Type', ['spec', 'type']),
	orNone('Cluster-IP', ['spec', 'clusterIP']),
	column('External-IP', externalAddress),
	column('Port(s)', servicePorts),
	ageColumn,
	column('Selector', (service) => labelsText(objectAt(service, 'spec', 'selector')), 1),
];

function endpointsText(endpoints: unknown): string {
	const pairs = objectsAt(endpoints, 'subsets').flatMap((subset) => {
		const ports = objectsAt(subset, 'ports');
		return objectsAt(subset, 'addresses').flatMap((address) =>
			ports.length === 0
				? [textAt(address, 'ip')]
				: ports.map((port) => `${textAt(address, 'ip')}:${port['port']}`),
		);
	});
	return shortened(pairs);
}

function shortened(items: readonly string[]): string {
	const shown = items.slice(0, 3).join(',') || '<none>';
	return items.length > 3 ? `${shown} + ${items.length - 3} more...` : shown;
}

export const endpointsColumns: readonly Column[] = [column('Endpoints', endpointsText), ageColumn];

export const endpointSliceColumns: readonly Column[] = [
	text('AddressType', ['addressType']),
	column('Ports', (slice) =>
		shortened(objectsAt(slice, 'ports').map((port) => String(port['port'] ?? '*'))).replace(
			'<none>',
			'<unset>',
		),
	),
	column('Endpoints', (slice) =>
		shortened(
			objectsAt(slice, 'endpoints').flatMap((item) => listAt(item, 'addresses').map(String)),
		),
	),
	ageColumn,
];

const shortModes: Readonly<Record<string, string>> = {
	ReadWriteOnce: 'RWO',
	ReadOnlyMany: 'ROX',
	ReadWriteMany: 'RWX',
	ReadWriteOncePod: 'RWOP',
};

function accessModes(object: unknown, member: string): string {
	return listAt(object, member, 'accessModes')
		.map((mode) => shortModes[String(mode)] ?? String(mode))
		.join(',');
}

function volumePhase(object: unknown): string {
	const terminating = textAt(object, 'metadata', 'deletionTimestamp') !== '';
	return terminating ? 'Terminating' : textAt(object, 'status', 'phase');
}

export const persistentVolumeClaimColumns: readonly Column[] = [
	column('Status', volumePhase),
	text('Volume', ['spec', 'volumeName']),
	column('Capacity', (claim) => textAt(claim, 'status', 'capacity', 'storage')),
	column('Access Modes', (claim) => accessModes(claim, 'status')),
	text('StorageClass', ['spec', 'storageClassName']),
	column(
		'VolumeAttributesClass',
		(claim) => textAt(claim, 'spec', 'volumeAttributesClassName') || '<unset>',
	),
	ageColumn,
	text('VolumeMode', ['spec', 'volumeMode'], 1),
];

export const persistentVolumeColumns: readonly Column[] = [
	text('Capacity', ['spec', 'capacity', 'storage']),
	column('Access Modes', (volume) => accessModes(volume, 'spec')),
	text('Reclaim Policy', ['spec', 'persistentVolumeReclaimPolicy']),
	column('Status', volumePhase),
	column('Claim', (volume) => {
		const claim = objectAt(volume, 'spec', 'claimRef');
		return claim['name'] === undefined ? '' : `${claim['namespace']}/${claim['name']}`;
	}),
	text('StorageClass', ['spec', 'storageClassName']),
	column(
		'VolumeAttributesClass',
		(volume) => textAt(volume, 'spec', 'volumeAttributesClassName') || '<unset>',
	),
	text('Reason', ['status', 'reason']),
	ageColumn,
	text('VolumeMode', ['spec', 'volumeMode'], 1),
];

export const storageClassColumns: readonly Column[] = [
	text('Provisioner', ['provisioner']),
	text('ReclaimPolicy', ['reclaimPolicy']),
	text('VolumeBindingMode', ['volumeBindingMode']),
	column('AllowVolumeExpansion', (object) => valueAt(object, 'allowVolumeExpansion') === true),
	ageColumn,
];

function memberCount(object: unknown, ...members: string[]): number {
	return members.reduce((sum, name) => sum + Object.keys(objectAt(object, name)).length, 0);
}

export const secretColumns: readonly Column[] = [
	text('Type', ['type']),
	column('Data', (secret) => memberCount(secret, 'data')),
	ageColumn,
];

export const configMapColumns: readonly Column[] = [
	column('Data', (object) => memberCount(object, 'data', 'binaryData')),
	ageColumn,
];

export const leaseColumns: readonly Column[] = [
	text('Holder', ['spec', 'holderIdentity']),
	ageColumn,
];

export const networkPolicyColumns: readonly Column[] = [
	column(
		'Pod-Selector',
		(policy) => formatLabelSelector(objectAt(policy, 'spec', 'podSelector')) || '<none>',
	),
	ageColumn,
];

export const roleBindingColumns: readonly Column[] = [
	column('Role', (binding) => {
		const role = objectAt(binding, 'roleRef');
		return `${textAt(role, 'kind')}/${textAt(role, 'name')}`;
	}),
	ageColumn,
	...(['User', 'Group', 'ServiceAccount'] as const).map((kind) =>
		column(
			`${kind}s`,
			(binding) =>
				objectsAt(binding, 'subjects')
					.filter((subject) => subject['kind'] === kind)
					.map((subject) => [subject['namespace'], subject['name']].filter(Boolean).join('/'))
					.join(', '),
			1,
		),
	),
];

export const priorityClassColumns: readonly Column[] = [
	column('Value', (object) => numberAt(object, 'value') ?? 0),
	column('Global-Default', (object) => valueAt(object, 'globalDefault') === true),
	ageColumn,
	text('PreemptionPolicy', ['preemptionPolicy']),
];
