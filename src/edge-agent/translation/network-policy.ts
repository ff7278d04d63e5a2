import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { metadataOf } from './module-metadata.ts';
import type { ModulePorts } from './module-ports.ts';
import { deviceLabels, type ModuleScope, podSelector } from './module-scope.ts';
import { deviceLabel, type TranslationContext } from './translation.ts';

/** Denies what no other policy allows: traffic to the device's modules. */
export function denyPolicy(context: TranslationContext): KubernetesObject {
	const labels = deviceLabels(context);
	const { owner, namespace } = context;
	return {
		apiVersion: 'networking.k8s.io/v1',
		kind: 'NetworkPolicy',
		metadata: {
			name: 'iotedge-k8s-deny',
			namespace,
			labels,
			...(owner !== undefined && { ownerReferences: [{ ...owner }] }),
		},
		spec: {
			podSelector: { matchLabels: { [deviceLabel]: labels[deviceLabel] } },
			policyTypes: ['Ingress'],
		},
	};
}

/** Allows traffic to a module's ports: from anywhere where they are bound, else from its namespace. */
export function allowPolicy(scope: ModuleScope, ports: ModulePorts): KubernetesObject | undefined {
	if (ports.container.length === 0) return undefined;
	const allowed = ports.container.map(({ port, protocol }) => ({ port, protocol }));
	const from = ports.bound ? {} : { from: [{ podSelector: {} }] };
	return {
		apiVersion: 'networking.k8s.io/v1',
		kind: 'NetworkPolicy',
		metadata: metadataOf(scope, scope.objectName),
		spec: {
			podSelector: { matchLabels: podSelector(scope) },
			policyTypes: ['Ingress'],
			ingress: [{ ...from, ports: allowed }],
		},
	};
}
