import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';

/**
 * Whether modules that start later may follow a workload: a Deployment whose latest template is
 * rolled out and available, a Job whose pod is ready or that has ended, or one that should not run.
 */
export function isWorkloadReady(workload: KubernetesObject): boolean {
	const { kind, metadata, spec = {}, status = {} } = workload;
	if (kind === 'Job') return isJobReady(spec, status);
	const replicas = numberOf(spec, 'replicas', 1);
	return (
		numberOf(status, 'observedGeneration', 0) >= (metadata.generation ?? 0) &&
		numberOf(status, 'updatedReplicas', 0) >= replicas &&
		numberOf(status, 'availableReplicas', 0) >= replicas
	);
}

function isJobReady(spec: JsonObject, status: JsonObject): boolean {
	if (spec['suspend'] === true || numberOf(spec, 'parallelism', 1) === 0) return true;
	if (hasCondition(status, 'Complete') || hasCondition(status, 'Failed')) return true;
	return numberOf(status, 'ready', 0) > 0 || numberOf(status, 'succeeded', 0) > 0;
}

function hasCondition(status: JsonObject, type: string): boolean {
	const conditions = Array.isArray(status['conditions']) ? status['conditions'] : [];
	return conditions.some(
		(row) => isJsonObject(row) && row['type'] === type && row['status'] === 'True',
	);
}

function numberOf(object: JsonObject, member: string, absent: number): number {
	const value = object[member];
	return typeof value === 'number' ? value : absent;
}
