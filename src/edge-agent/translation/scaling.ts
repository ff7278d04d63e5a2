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

/** The autoscaler and the disruption budget that the extension asks for; only of a running Deployment. */
export function scalingObjects(scope: ModuleScope): KubernetesObject[] {
	if (scope.module.status === 'stopped') return [];
	return [autoscaler(scope), disruptionBudget(scope)].filter((object) => object !== undefined);
}

function autoscaler(scope: ModuleScope): KubernetesObject | undefined {
	const members = membersOf(scope, 'autoscaling', scalerMembers);
	if (members === undefined) return undefined;
	const maxReplicas = Number(members.get('maxReplicas'));
	if (!Number.isSafeInteger(maxReplicas) || maxReplicas < 1) {
		const path = memberPath(scope.extension.pathOf('autoscaling'), 'maxReplicas');
		scope.problems.refuse('EDGE_EXTENSION_INVALID', path, 'Autoscaling needs "maxReplicas".');
		return undefined;
	}
	const percent = Number(members.get('targetCPUUtilizationPercentage') ?? 80);
	return {
		apiVersion: 'autoscaling/v2',
		kind: 'HorizontalPodAutoscaler',
		metadata: metadataOf(scope, scope.objectName),
		spec: {
			scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: scope.objectName },
			minReplicas: Number(members.get('minReplicas') ?? 1),
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
