import { numberAt, objectAt, objectsAt, textAt, valueAt } from '../json-reading.ts';
import { formatLabelSelector } from '../selectors/label-selector.ts';
import { ageColumn, ageOf, humanDuration } from './age.ts';
import { type Column, column } from './column.ts';
import { templateColumns } from './pod-columns.ts';

function countOf(object: unknown, ...path: string[]): number {
	return numberAt(object, ...path) ?? 0;
}

const selectorColumn = column(
	'Selector',
	(object) => formatLabelSelector(objectAt(object, 'spec', 'selector')) || '<none>',
	1,
);

export const deploymentColumns: readonly Column[] = [
	column(
		'Ready',
		(object) =>
			`${countOf(object, 'status', 'readyReplicas')}/${countOf(object, 'spec', 'replicas')}`,
	),
	column('Up-to-date', (object) => countOf(object, 'status', 'updatedReplicas')),
	column('Available', (object) => countOf(object, 'status', 'availableReplicas')),
	ageColumn,
	...templateColumns,
	selectorColumn,
];

export const replicaSetColumns: readonly Column[] = [
	column('Desired', (object) => countOf(object, 'spec', 'replicas')),
	column('Current', (object) => countOf(object, 'status', 'replicas')),
	column('Ready', (object) => countOf(object, 'status', 'readyReplicas')),
	ageColumn,
	...templateColumns,
	selectorColumn,
];

function hasCondition(object: unknown, type: string): boolean {
	return objectsAt(object, 'status', 'conditions').some(
		(condition) => condition['type'] === type && condition['status'] === 'True',
	);
}

function jobStatus(job: unknown): string {
	if (hasCondition(job, 'Complete')) return 'Complete';
	if (hasCondition(job, 'Failed')) return 'Failed';
	if (textAt(job, 'metadata', 'deletionTimestamp') !== '') return 'Terminating';
	if (hasCondition(job, 'Suspended')) return 'Suspended';
	if (hasCondition(job, 'FailureTarget')) return 'FailureTarget';
	return hasCondition(job, 'SuccessCriteriaMet') ? 'SuccessCriteriaMet' : 'Running';
}

function completions(job: unknown): string {
	const wanted = numberAt(job, 'spec', 'completions');
	const succeeded = countOf(job, 'status', 'succeeded');
	if (wanted !== undefined) return `${succeeded}/${wanted}`;
	const parallelism = countOf(job, 'spec', 'parallelism');
	return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function jobDuration(job: unknown, now: number): string {
	const start = Date.parse(textAt(job, 'status', 'startTime'));
	if (Number.isNaN(start)) return '';
	const end = Date.parse(textAt(job, 'status', 'completionTime'));
	return humanDuration((Number.isNaN(end) ? now : end) - start);
}

export const jobColumns: readonly Column[] = [
	column('Status', jobStatus),
	column('Completions', completions),
	column('Duration', jobDuration),
	ageColumn,
	...templateColumns,
	selectorColumn,
];

function metricText(spec: unknown, metric: unknown): string {
	const target = objectAt(metric, 'resource', 'target');
	const type = textAt(metric, 'type');
	if (type !== 'Resource') return `<unknown>/${type}`;
	const name = textAt(metric, 'resource', 'name');
	const current = objectsAt(spec, 'status', 'currentMetrics')
		.map((item) => objectAt(item, 'resource'))
		.find((item) => item['name'] === name);
	const utilization = numberAt(target, 'averageUtilization');
	if (utilization !== undefined) {
		const now = numberAt(current, 'current', 'averageUtilization');
		return `${name}: ${now === undefined ? '<unknown>' : `${now}%`}/${utilization}%`;
	}
	const value = textAt(current, 'current', 'averageValue') || '<unknown>';
	return `${name}: ${value}/${textAt(target, 'averageValue')}`;
}

export const horizontalPodAutoscalerColumns: readonly Column[] = [
	column('Reference', (object) => {
		const target = objectAt(object, 'spec', 'scaleTargetRef');
		return `${textAt(target, 'kind')}/${textAt(target, 'name')}`;
	}),
	column('Targets', (object) => {
		const metrics = objectsAt(object, 'spec', 'metrics');
		return metrics.map((metric) => metricText(object, metric)).join(', ') || '<none>';
	}),
	column('MinPods', (object) => numberAt(object, 'spec', 'minReplicas') ?? '<unset>'),
	column('MaxPods', (object) => countOf(object, 'spec', 'maxReplicas')),
	column('Replicas', (object) => countOf(object, 'status', 'currentReplicas')),
	ageColumn,
];

export const podDisruptionBudgetColumns: readonly Column[] = [
	column('Min Available', (object) => valueAt(object, 'spec', 'minAvailable') ?? 'N/A'),
	column('Max Unavailable', (object) => valueAt(object, 'spec', 'maxUnavailable') ?? 'N/A'),
	column('Allowed Disruptions', (object) => countOf(object, 'status', 'disruptionsAllowed')),
	ageColumn,
];

function nodeStatus(node: unknown): string {
	const ready = objectsAt(node, 'status', 'conditions').find((item) => item['type'] === 'Ready');
	let word = 'Unknown';
	if (ready?.['status'] === 'True') word = 'Ready';
	else if (ready !== undefined) word = 'NotReady';
	return valueAt(node, 'spec', 'unschedulable') === true ? `${word},SchedulingDisabled` : word;
}

function nodeRoles(node: unknown): string {
	const prefix = 'node-role.kubernetes.io/';
	const labels = Object.keys(objectAt(node, 'metadata', 'labels'));
	const roles = labels
		.filter((label) => label.startsWith(prefix))
		.map((label) => label.slice(prefix.length));
	return roles.sort().join(',') || '<none>';
}

function nodeAddress(node: unknown, type: string): string {
	const found = objectsAt(node, 'status', 'addresses').find((item) => item['type'] === type);
	return found === undefined ? '<none>' : textAt(found, 'address');
}

const nodeInfo = (name: string, member: string) =>
	column(name, (node) => textAt(node, 'status', 'nodeInfo', member) || '<unknown>', 1);

export const nodeColumns: readonly Column[] = [
	column('Status', nodeStatus),
	column('Roles', nodeRoles),
	ageColumn,
	column('Version', (node) => textAt(node, 'status', 'nodeInfo', 'kubeletVersion')),
	column('Internal-IP', (node) => nodeAddress(node, 'InternalIP'), 1),
	column('External-IP', (node) => nodeAddress(node, 'ExternalIP'), 1),
	nodeInfo('OS-Image', 'osImage'),
	nodeInfo('Kernel-Version', 'kernelVersion'),
	nodeInfo('Container-Runtime', 'containerRuntimeVersion'),
];

function eventTime(event: unknown): string {
	return (
		textAt(event, 'series', 'lastObservedTime') ||
		textAt(event, 'lastTimestamp') ||
		textAt(event, 'eventTime') ||
		textAt(event, 'firstTimestamp') ||
		textAt(event, 'metadata', 'creationTimestamp')
	);
}

export const eventColumns: readonly Column[] = [
	column('Last Seen', (event, now) => ageOf(eventTime(event), now)),
	column('Type', (event) => textAt(event, 'type')),
	column('Reason', (event) => textAt(event, 'reason')),
	column('Object', (event) => {
		const subject = objectAt(event, 'involvedObject');
		return `${textAt(subject, 'kind').toLowerCase()}/${textAt(subject, 'name')}`;
	}),
	column('Subobject', (event) => textAt(event, 'involvedObject', 'fieldPath'), 1),
	column(
		'Source',
		(event) => textAt(event, 'source', 'component') || textAt(event, 'reportingComponent'),
		1,
	),
	column('Message', (event) => textAt(event, 'message').trim()),
	column(
		'First Seen',
		(event, now) => ageOf(textAt(event, 'firstTimestamp') || eventTime(event), now),
		1,
	),
	column('Count', (event) => countOf(event, 'count') || countOf(event, 'series', 'count') || 1, 1),
	column('Name', (event) => textAt(event, 'metadata', 'name'), 1),
];
