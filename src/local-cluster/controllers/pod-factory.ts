import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import type { Pod, PodTemplate } from '../workloads/pod.ts';
import { controllerReference } from './ownership.ts';
import { randomSuffix } from './pod-template-hash.ts';

/** A pod that a workload makes from its template. */
export function podFromTemplate(
	owner: KubernetesObject,
	template: PodTemplate,
	labels: Readonly<Record<string, string>> = {},
): Pod {
	const { annotations } = template.metadata ?? {};
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: {
			name: `${owner.metadata.name}-${randomSuffix()}`,
			namespace: owner.metadata.namespace ?? '',
			labels: { ...template.metadata?.labels, ...labels },
			...(annotations === undefined ? {} : { annotations }),
			ownerReferences: [controllerReference(owner)],
		},
		spec: template.spec,
	};
}
