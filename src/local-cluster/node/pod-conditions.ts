import {
	type Condition,
	type ContainerStatus,
	conditionOf,
	type Pod,
	type PodPhase,
} from '../workloads/pod.ts';
import type { PodView } from './pod-phase.ts';

type Details = { reason?: string; message?: string };

/** The conditions of a pod. Foreign ones, such as those of readiness gates, are kept. */
export function podConditions(containers: PodView, phase: PodPhase, now: string): Condition[] {
	const before = containers.pod.status?.conditions ?? [];
	const next = ownConditions(containers, phase);
	const own = new Set(next.map(({ type }) => type));
	const foreign = before.filter(({ type }) => !own.has(type));
	return [...next.map((one) => withTime(one, before, now)), ...foreign];
}

function ownConditions(containers: PodView, phase: PodPhase): Condition[] {
	if (phase === 'Succeeded' || phase === 'Failed') {
		const reason = phase === 'Succeeded' ? 'PodCompleted' : 'PodFailed';
		return [
			condition('PodReadyToStartContainers', false),
			condition('Initialized', containers.initialized, { reason }),
			condition('Ready', false, { reason }),
			condition('ContainersReady', false, { reason }),
			condition('PodScheduled', true),
		];
	}
	const unready = containers.main.filter(({ ready }) => !ready).map(({ name }) => name);
	const ready = containers.initialized && unready.length === 0;
	const details = ready ? {} : listed('ContainersNotReady', 'unready', unready);
	const gated = ready && hasOpenGate(containers.pod);
	return [
		condition('PodReadyToStartContainers', true),
		initializedCondition(containers),
		condition('Ready', ready && !gated, gated ? { reason: 'ReadinessGatesNotReady' } : details),
		condition('ContainersReady', ready, details),
		condition('PodScheduled', true),
	];
}

function initializedCondition({ pod, init, initialized }: PodView): Condition {
	if (initialized) return condition('Initialized', true);
	const incomplete = (pod.spec.initContainers ?? [])
		.filter((_container, index) => !isComplete(init[index]))
		.map(({ name }) => name);
	return condition(
		'Initialized',
		false,
		listed('ContainersNotInitialized', 'incomplete', incomplete),
	);
}

function hasOpenGate({ spec, status }: Pod): boolean {
	return (spec.readinessGates ?? []).some(
		({ conditionType }) => conditionOf(status?.conditions, conditionType)?.status !== 'True',
	);
}

function isComplete(status: ContainerStatus | undefined): boolean {
	return status?.state.terminated?.exitCode === 0 || status?.started === true;
}

function listed(reason: string, word: string, names: readonly string[]): Details {
	return { reason, message: `containers with ${word} status: [${names.join(' ')}]` };
}

function condition(type: string, holds: boolean, details: Details = {}): Condition {
	return { type, status: holds ? 'True' : 'False', ...details };
}

function withTime(next: Condition, before: readonly Condition[], now: string): Condition {
	const old = conditionOf(before, next.type);
	const lastTransitionTime = old?.status === next.status ? (old.lastTransitionTime ?? now) : now;
	return { ...next, lastTransitionTime };
}
