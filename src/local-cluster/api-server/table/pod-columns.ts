import type { JsonObject } from '../../../runtime/json.ts';
import { listAt, numberAt, objectAt, objectsAt, textAt, valueAt } from '../json-reading.ts';
import { ageColumn, ageOf } from './age.ts';
import { type Column, column } from './column.ts';

/** The word in the STATUS column of `kubectl get pods`. */
export function podStatus(pod: unknown): string {
	const word = initStatus(pod) ?? containerStatus(pod);
	if (textAt(pod, 'metadata', 'deletionTimestamp') === '') return word;
	if (textAt(pod, 'status', 'reason') === 'NodeLost') return 'Unknown';
	const phase = textAt(pod, 'status', 'phase');
	return phase === 'Succeeded' || phase === 'Failed' ? word : 'Terminating';
}

function initStatus(pod: unknown): string | undefined {
	const containers = objectsAt(pod, 'spec', 'initContainers');
	const statuses = objectsAt(pod, 'status', 'initContainerStatuses');
	for (const [index, status] of statuses.entries()) {
		const container = containers.find((item) => item['name'] === status['name']);
		const sidecar = container?.['restartPolicy'] === 'Always';
		const terminated = valueAt(status, 'state', 'terminated');
		if (terminated !== undefined && numberAt(terminated, 'exitCode') === 0) continue;
		if (sidecar && status['started'] === true) continue;
		if (terminated !== undefined) return `Init:${terminatedWord(terminated)}`;
		const waiting = textAt(status, 'state', 'waiting', 'reason');
		if (waiting !== '' && waiting !== 'PodInitializing') return `Init:${waiting}`;
		return `Init:${index}/${containers.length}`;
	}
	return undefined;
}

function containerStatus(pod: unknown): string {
	let word = textAt(pod, 'status', 'reason') || textAt(pod, 'status', 'phase');
	let running = false;
	for (const status of objectsAt(pod, 'status', 'containerStatuses').reverse()) {
		const terminated = valueAt(status, 'state', 'terminated');
		const waiting = textAt(status, 'state', 'waiting', 'reason');
		if (waiting !== '') word = waiting;
		else if (terminated !== undefined) word = terminatedWord(terminated);
		else if (status['ready'] === true) running = true;
	}
	if (word !== 'Completed' || !running) return word;
	return isReady(pod) ? 'Running' : 'NotReady';
}

function terminatedWord(terminated: unknown): string {
	const reason = textAt(terminated, 'reason');
	if (reason !== '') return reason;
	const signal = numberAt(terminated, 'signal') ?? 0;
	return signal === 0 ? `ExitCode:${numberAt(terminated, 'exitCode') ?? 0}` : `Signal:${signal}`;
}

function isReady(pod: unknown): boolean {
	return objectsAt(pod, 'status', 'conditions').some(
		(condition) => condition['type'] === 'Ready' && condition['status'] === 'True',
	);
}

function readyCount(pod: unknown): string {
	const statuses = objectsAt(pod, 'status', 'containerStatuses');
	const ready = statuses.filter((status) => status['ready'] === true).length;
	return `${ready}/${listAt(pod, 'spec', 'containers').length}`;
}

function restarts(pod: unknown, now: number): string {
	const statuses = objectsAt(pod, 'status', 'containerStatuses');
	const count = statuses.reduce((sum, status) => sum + (numberAt(status, 'restartCount') ?? 0), 0);
	const last = statuses
		.map((status) => textAt(status, 'lastState', 'terminated', 'finishedAt'))
		.sort()
		.at(-1);
	return count === 0 || !last ? String(count) : `${count} (${ageOf(last, now)} ago)`;
}

function readinessGates(pod: unknown): string {
	const gates = objectsAt(pod, 'spec', 'readinessGates');
	if (gates.length === 0) return '<none>';
	const conditions = objectsAt(pod, 'status', 'conditions');
	const met = gates.filter((gate) =>
		conditions.some(
			(condition) => condition['type'] === gate['conditionType'] && condition['status'] === 'True',
		),
	);
	return `${met.length}/${gates.length}`;
}

/** The columns of `kubectl get pods`. */
export const podColumns: readonly Column[] = [
	column('Ready', readyCount),
	column('Status', podStatus),
	column('Restarts', restarts),
	ageColumn,
	column('IP', (pod) => textAt(pod, 'status', 'podIP') || '<none>', 1),
	column('Node', (pod) => textAt(pod, 'spec', 'nodeName') || '<none>', 1),
	column('Nominated Node', (pod) => textAt(pod, 'status', 'nominatedNodeName') || '<none>', 1),
	column('Readiness Gates', readinessGates, 1),
];

/** Names and images of a pod template's containers, for `-o wide` of what makes pods. */
export const templateColumns: readonly Column[] = [
	column('Containers', (object) => containersOf(object, 'name'), 1),
	column('Images', (object) => containersOf(object, 'image'), 1),
];

function containersOf(object: unknown, member: string): string {
	const containers: JsonObject[] = objectsAt(
		objectAt(object, 'spec', 'template'),
		'spec',
		'containers',
	);
	return containers.map((container) => textAt(container, member)).join(',');
}
