import type { ClusterClient } from '../../../cluster/cluster-client.ts';
import { ClusterError } from '../../../cluster/cluster-error.ts';
import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import type { JsonValue } from '../../../runtime/json.ts';
import { redactedJson } from './redaction.ts';

/** A kind that a bundle has, and the file that its objects are in. */
interface BundledKind {
	readonly apiVersion: string;
	readonly kind: string;
	readonly file: string;
}

/** Everything in the namespace that tells how an edge is. */
export const bundledKinds: readonly BundledKind[] = [
	{ apiVersion: 'apps/v1', kind: 'Deployment', file: 'deployments' },
	{ apiVersion: 'batch/v1', kind: 'Job', file: 'jobs' },
	{ apiVersion: 'v1', kind: 'Pod', file: 'pods' },
	{ apiVersion: 'v1', kind: 'Service', file: 'services' },
	{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', file: 'claims' },
	{ apiVersion: 'v1', kind: 'ConfigMap', file: 'config-maps' },
	{ apiVersion: 'v1', kind: 'Secret', file: 'secrets' },
	{ apiVersion: 'v1', kind: 'ServiceAccount', file: 'service-accounts' },
	{ apiVersion: 'v1', kind: 'Event', file: 'events' },
	{ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', file: 'autoscalers' },
	{ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', file: 'disruption-budgets' },
	{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', file: 'network-policies' },
	{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', file: 'leases' },
];

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * The objects of one kind as a bundle shows them; undefined for kinds that the cluster does not
 * serve.
 *
 * @throws ClusterError
 */
export async function bundledObjects(
	client: Pick<ClusterClient, 'list'>,
	namespace: string,
	{ apiVersion, kind }: BundledKind,
	signal?: AbortSignal,
): Promise<JsonValue | undefined> {
	try {
		const { items } = await client.list({ apiVersion, kind, namespace }, signal);
		return items.map((item) => redactedJson(shown(item)));
	} catch (error) {
		if (error instanceof ClusterError && error.status === 404) return undefined;
		throw error;
	}
}

/** Without what nobody reads, and of Secrets only which keys they have. */
function shown(object: KubernetesObject): JsonValue {
	const { managedFields: _, annotations = {}, ...metadata } = object.metadata;
	const kept = Object.entries(annotations).filter(([name]) => name !== lastApplied);
	const copy = { ...object, metadata: { ...metadata, annotations: Object.fromEntries(kept) } };
	const secret = { ...copy, data: keysOf(object['data']), stringData: undefined };
	return JSON.parse(JSON.stringify(object.kind === 'Secret' ? secret : copy));
}

function keysOf(data: unknown): string[] {
	return Object.keys(typeof data === 'object' && data !== null ? data : {}).sort();
}
