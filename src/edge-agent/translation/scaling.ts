import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { memberPath } from '../../manifest/json-path.ts';
import type { JsonObject, JsonValue } from '../../runtime/json.ts';
import { definedMembers } from './defined-members.ts';
import { foldedMembers } from './folded-members.ts';
import { metadataOf } from './module-metadata.ts';
import { type ModuleScope, podSelector } from './module-scope.ts';

const scalerMembers = [
	'minReplicas',
	'maxReplicas',
	'targetCPUUtilizationPercentage',
	'metrics',
	'behavior',
] as const;
const budgetMembers = ['minAvailable', 'maxUnavailable', 'unhealthyPodEvictionPolicy'] as const;

/**
 * The autoscaler and the disruption budget that the extension asks for; only of a running Deployment.
 *
 * @param reservesCpu Whether the module's container requests CPU, which utilization is a share of.
 */
export function scalingObjects(scope: ModuleScope, reservesCpu: boolean): KubernetesObject[] {
	if (scope.module.status === 'stopped') return [];
	return [autoscaler(scope, reservesCpu), disruptionBudget(scope)].filter(
		(object) => object !== undefined,
	);
}

function autoscaler(scope: ModuleScope, reservesCpu: boolean): KubernetesObject | undefined {
	const members = membersOf(scope, 'autoscaling', scalerMembers);
	if (members === undefined) return undefined;
	const maxReplicas = Number(members.get('maxReplicas'));
	const minReplicas = Number(members.get('minReplicas') ?? 1);
	const path = scope.extension.pathOf('autoscaling');
	if (!Number.isSafeInteger(maxReplicas) || maxReplicas < 1) {
		const place = memberPath(path, 'maxReplicas');
		scope.problems.refuse('EDGE_EXTENSION_INVALID', place, 'Autoscaling needs "maxReplicas".');
		return undefined;
	}
	if (!Number.isSafeInteger(minReplicas) || minReplicas < 1 || minReplicas > maxReplicas) {
		const message = `"minReplicas" is a number from 1 to "maxReplicas", ${maxReplicas}.`;
		scope.problems.refuse('EDGE_EXTENSION_INVALID', memberPath(path, 'minReplicas'), message);
		return undefined;
	}
	if (members.get('metrics') === undefined && !reservesCpu) {
		const message = 'CPU is measured against what the module reserves, and it reserves none.';
		const remedy = 'Set resources.requests.cpu in the extension, or CpuShares.';
		scope.problems.warn('EDGE_EXTENSION_INVALID', path, message, remedy);
	}
	const percent = Number(members.get('targetCPUUtilizationPercentage') ?? 80);
	return {
		apiVersion: 'autoscaling/v2',
		kind: 'HorizontalPodAutoscaler',
		metadata: metadataOf(scope, scope.objectName),
		spec: {
			scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: scope.objectName },
			minReplicas,
			maxReplicas,
			metrics: members.get('metrics') ?? [cpuMetric(percent)],
			...definedMembers({ behavior: members.get('behavior') }),
		},
	};
}

function cpuMetric(averageUtilization: number): JsonObject {
	return {
		type: 'Resource',
		resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
	};
}

function disruptionBudget(scope: ModuleScope): KubernetesObject | undefined {
	const members = membersOf(scope, 'disruptionBudget', budgetMembers);
	if (members === undefined) return undefined;
	if (members.has('minAvailable') && members.has('maxUnavailable')) {
		const path = scope.extension.pathOf('disruptionBudget');
		const message = 'A budget has either "minAvailable" or "maxUnavailable".';
		scope.problems.refuse('EDGE_EXTENSION_INVALID', path, message, 'Remove one of them.');
	}
	return {
		apiVersion: 'policy/v1',
		kind: 'PodDisruptionBudget',
		metadata: metadataOf(scope, scope.objectName),
		spec: { ...Object.fromEntries(members), selector: { matchLabels: podSelector(scope) } },
	};
}

function membersOf<Name extends string>(
	{ extension, problems }: ModuleScope,
	name: 'autoscaling' | 'disruptionBudget',
	known: readonly Name[],
): ReadonlyMap<Name, JsonValue> | undefined {
	const object = extension.object(name);
	if (object === undefined) return undefined;
	return foldedMembers(object, known, extension.pathOf(name), problems, 'EDGE_EXTENSION_UNKNOWN');
}
