import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import type { DeploymentStatusCode } from '../../manifest/problem.ts';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import type { AgentStatus } from '../agent-status.ts';
import type { ModuleStatus } from '../status/module-status.ts';

/** What becomes of an EdgeDeployment. */
export type EdgeDeploymentFate =
	/** It does not rule; why, in one sentence. */
	| { readonly kind: 'superseded'; readonly why: string }
	/** Its `paused` keeps it from being taken. */
	| { readonly kind: 'paused' }
	/** This generation cannot be taken: what ran before goes on. */
	| {
			readonly kind: 'refused';
			readonly code: DeploymentStatusCode;
			readonly description: string;
	  }
	/** It has not reached the cluster yet. */
	| { readonly kind: 'accepted' }
	| { readonly kind: 'running'; readonly status: AgentStatus };

type Truth = 'True' | 'False' | 'Unknown';

interface Judgement {
	readonly ready: Truth;
	readonly progressing: Truth;
	readonly degraded: Truth;
	/** CamelCase. */
	readonly reason: string;
	readonly message: string;
}

/** Kubernetes takes no longer messages. */
const maxMessage = 2048;

/**
 * The status of an EdgeDeployment: conditions `Ready`, `Progressing` and `Degraded`, which say the
 * same as the twin and the Events, and how its modules are. A condition that stays keeps its time.
 *
 * @param now RFC 3339.
 */
export function edgeDeploymentStatus(
	{ metadata, status: before = {} }: KubernetesObject,
	fate: EdgeDeploymentFate,
	now: string,
): JsonObject {
	const judgement = judge(fate);
	const observedGeneration = metadata.generation ?? 0;
	const { reason } = judgement;
	const message = judgement.message.slice(0, maxMessage);
	const known = Array.isArray(before['conditions']) ? before['conditions'] : [];
	const condition = (type: string, status: Truth): JsonObject => {
		const old = known.filter(isJsonObject).find((one) => one['type'] === type);
		const since = old?.['status'] === status ? old['lastTransitionTime'] : undefined;
		const lastTransitionTime = typeof since === 'string' ? since : now;
		return { type, status, observedGeneration, reason, message, lastTransitionTime };
	};
	return {
		observedGeneration,
		conditions: [
			condition('Ready', judgement.ready),
			condition('Progressing', judgement.progressing),
			condition('Degraded', judgement.degraded),
		],
		...detailsOf(fate),
	};
}

function detailsOf(fate: EdgeDeploymentFate): JsonObject {
	if (fate.kind === 'refused') return { code: fate.code };
	if (fate.kind !== 'running') return {};
	const { code, modules } = fate.status;
	const all = [...modules.values()];
	return {
		code,
		modulesReady: `${all.filter(isUpright).length}/${all.length}`,
		modules: all.map((module) => ({
			name: module.name,
			status: module.runtimeStatus,
			description: module.statusDescription,
			ready: `${module.readyReplicas}/${module.replicas}`,
			restarts: module.restartCount,
		})),
	};
}

function judge(fate: EdgeDeploymentFate): Judgement {
	const idle = { ready: 'False', progressing: 'False', degraded: 'False' } as const;
	switch (fate.kind) {
		case 'superseded':
			return { ...idle, reason: 'Superseded', message: fate.why };
		case 'paused':
			return { ...idle, reason: 'Paused', message: 'It is paused: what runs goes on.' };
		case 'accepted':
			return { ...idle, progressing: 'True', reason: 'Accepted', message: 'It is being applied.' };
		case 'refused': {
			const message = `What ran before goes on. ${fate.description}`;
			return { ...idle, degraded: 'True', reason: refusalReasons[fate.code] ?? 'Failed', message };
		}
		case 'running':
			return judgeRunning(fate.status);
	}
}

const refusalReasons: Partial<Record<DeploymentStatusCode, string>> = {
	400: 'Invalid',
	412: 'UnknownSchemaVersion',
	417: 'Empty',
	500: 'RolledBack',
};

function judgeRunning({ code, description, held, settled, modules }: AgentStatus): Judgement {
	if (settled) {
		const message = 'All modules are as they should be.';
		const good = { ready: 'True', progressing: 'False', degraded: 'False' } as const;
		return { ...good, reason: 'AllModulesRun', message };
	}
	const failing = [...modules.values()].filter(isFailing);
	const told = failing.map(({ name, statusDescription }) => `${name}: ${statusDescription}`);
	if (code === 400) return degraded('ModulesRefused', description);
	if (code === 500) return degraded('Failed', description);
	if (failing.length > 0) return degraded('ModulesFail', told.join(' '));
	if (held.length > 0) {
		const idle = { ready: 'False', progressing: 'False', degraded: 'False' } as const;
		return { ...idle, reason: 'UpdatesHeld', message: description };
	}
	const late = [...modules.values()].filter((module) => !isUpright(module));
	const names = late.map(({ name }) => name).join(', ');
	return {
		...{ ready: 'False', progressing: 'True', degraded: 'False' },
		reason: 'RollingOut',
		message: names === '' ? 'It is being applied.' : `Waiting for ${names}.`,
	};
}

function degraded(reason: string, message: string): Judgement {
	return { ready: 'False', progressing: 'False', degraded: 'True', reason, message };
}

function isFailing({ runtimeStatus }: ModuleStatus): boolean {
	return ['backoff', 'failed', 'unhealthy', 'dead'].includes(runtimeStatus);
}

function isUpright({ runtimeStatus, readyReplicas, replicas }: ModuleStatus): boolean {
	return runtimeStatus === 'stopped' || (runtimeStatus === 'running' && readyReplicas >= replicas);
}
