import type { KubernetesObject, ObjectReference } from '../../cluster/kubernetes-object.ts';
import { describeReference } from '../../cluster/kubernetes-object.ts';
import type { DeploymentStatusCode, Problem } from '../../manifest/problem.ts';
import type { AgentStatus, DesiredState } from '../agent-status.ts';
import { objectKey } from '../plan/desired-object.ts';
import { isWorkloadReady } from '../plan/workload-readiness.ts';
import { type ModuleTranslation, moduleLabel } from '../translation/translation.ts';
import type { ApplyFailure } from '../write-pace.ts';
import type { ModuleStatus } from './module-status.ts';
import { moduleStatus, rolloutFailure } from './workload-status.ts';

/** Everything that the agent's status is made from. */
export interface StatusEvidence {
	readonly desired: DesiredState;
	readonly workloadOf: (reference: ObjectReference) => KubernetesObject | undefined;
	readonly pods: Iterable<KubernetesObject>;
	readonly failures: readonly ApplyFailure[];
	/** Keys of workloads that wait for modules that start before them. */
	readonly waiting: readonly string[];
	/** Modules, as in the manifest, with a change that waits until they are released. */
	readonly held: readonly string[];
	/** Whether a plan of this desired state has been carried out at least once. */
	readonly attempted: boolean;
	/** Whether the last plan was empty. */
	readonly converged: boolean;
	/** Why the cluster has not been read yet, while it cannot be. */
	readonly unread?: string;
	/** When this program started, RFC 3339. */
	readonly startedAt: string;
	/** Wall time in milliseconds. */
	readonly now: number;
}

/** The status of the device: every module, and one code for the deployment as a whole. */
export function agentStatusOf(evidence: StatusEvidence): AgentStatus {
	const { desired, attempted, converged, failures } = evidence;
	const { modules: translated } = desired.translation;
	const pods = Map.groupBy(evidence.pods, ({ metadata }) => metadata.labels?.[moduleLabel] ?? '');
	const modules = new Map<string, ModuleStatus>();
	let rolledOut = true;
	const rollouts: { readonly module: string; readonly reason: string }[] = [];
	for (const translation of translated) {
		const { name, objectName, workload: reference } = translation;
		const workload = reference && evidence.workloadOf(reference);
		const own = pods.get(objectName) ?? [];
		const status = statusOfModule(translation, workload, own, evidence);
		modules.set(name, status);
		if (workload !== undefined) rolledOut &&= isWorkloadReady(workload);
		const failure = rolloutFailure(workload);
		if (failure !== undefined) {
			rollouts.push({ module: name, reason: `${failure} ${status.statusDescription}`.trimEnd() });
		}
	}
	const problems = desired.translation.problems.filter(({ severity }) => severity === 'error');
	const complete = attempted && evidence.waiting.length === 0;
	const faults = [
		...(evidence.unread === undefined ? [] : [`The cluster cannot be read: ${evidence.unread}`]),
		...failures.map(failureText),
		...rollouts.map(({ module, reason }) => `${module}: ${reason}`),
	];
	const { held } = evidence;
	const { code, description } = verdict(problems, faults, complete, held);
	const upright = [...modules.values()].every(isAsDesired);
	const settled = code === 200 && converged && rolledOut && upright;
	// Before, what failed may be the rollout of an earlier deployment.
	const failedRollouts = complete && converged ? rollouts : [];
	const { version: desiredVersion } = desired;
	return { desiredVersion, code, description, modules, problems, failedRollouts, held, settled };
}

function statusOfModule(
	translation: ModuleTranslation,
	workload: KubernetesObject | undefined,
	pods: readonly KubernetesObject[],
	evidence: StatusEvidence,
): ModuleStatus {
	const { name, objectName, workload: reference } = translation;
	if (name === 'edgeAgent' && pods.length === 0) return ownStatus(evidence.startedAt);
	const { desired, now, waiting } = evidence;
	const deployed = desired.deployment.modules.find((module) => module.name === name);
	const obstacle = obstacleOf(translation, evidence);
	const status = moduleStatus({
		name,
		container: objectName,
		desiredStatus: deployed?.status ?? 'running',
		pods,
		now,
		waiting: reference !== undefined && waiting.includes(objectKey(reference)),
		...(workload === undefined ? {} : { workload }),
		...(obstacle === undefined ? {} : { obstacle }),
	});
	if (!evidence.held.includes(name)) return status;
	return { ...status, statusDescription: `Held: an update waits. ${status.statusDescription}` };
}

/** The agent outside a cluster, or in a pod that is not labelled as its own. */
function ownStatus(startedAt: string): ModuleStatus {
	return {
		name: 'edgeAgent',
		runtimeStatus: 'running',
		statusDescription: `Started at ${startedAt}.`,
		exitCode: 0,
		lastStartTimeUtc: startedAt,
		restartCount: 0,
		readyReplicas: 1,
		replicas: 1,
	};
}

function obstacleOf(
	{ name, refused }: ModuleTranslation,
	{ desired, failures }: StatusEvidence,
): string | undefined {
	if (refused) {
		const problems = desired.translation.problems.filter(
			({ module, severity }) => module === name && severity === 'error',
		);
		return `Refused: ${problems.map(sentenceOf).join(' ')}`.trimEnd();
	}
	const own = failures.filter(({ module }) => module === name);
	return own.length === 0 ? undefined : own.map(failureText).join(' ');
}

function verdict(
	problems: readonly Problem[],
	faults: readonly string[],
	complete: boolean,
	held: readonly string[],
): { code: DeploymentStatusCode; description: string } {
	const refusals = problems.map((problem) => {
		const { module, path } = problem;
		return `${module ?? path}: ${sentenceOf(problem)}`;
	});
	const description = [...refusals, ...faults].join(' ');
	if (refusals.length > 0) return { code: 400, description };
	if (faults.length > 0) return { code: 500, description };
	if (!complete) return { code: 406, description: 'The deployment is being applied.' };
	if (held.length > 0) {
		return {
			code: 406,
			description: `Updates wait, as their modules are held: ${held.join(', ')}.`,
		};
	}
	return { code: 200, description: '' };
}

function sentenceOf({ message, remedy }: Problem): string {
	return remedy === undefined ? message : `${message} ${remedy}`;
}

function failureText({ reference, message }: ApplyFailure): string {
	return `${describeReference(reference)} cannot be written: ${message}${/[.!?]$/.test(message) ? '' : '.'}`;
}

function isAsDesired({ runtimeStatus, readyReplicas, replicas }: ModuleStatus): boolean {
	if (runtimeStatus === 'stopped') return true;
	return runtimeStatus === 'running' && readyReplicas >= replicas;
}
