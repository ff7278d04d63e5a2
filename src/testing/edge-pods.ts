import type { ClusterClient } from '../cluster/cluster-client.ts';
import type { KubernetesObject } from '../cluster/kubernetes-object.ts';
import { moduleLabel, originalModuleIdAnnotation } from '../edge-agent/translation/translation.ts';

/** The namespace of an edge for tests. */
export const testNamespace = 'iotedge';
const fieldManager = 'iotedge-k8s-testing';

/** Where a Service of the cluster leads that is a part of this process. */
export interface ServiceAddress {
	readonly name: string;
	readonly address: string;
	/** By the name of the Service's port. */
	readonly ports: Readonly<Record<string, number>>;
}

/** Leads a Service that has no pods to an address; whoever made the Service. */
export async function leadService(
	client: ClusterClient,
	{ name, address, ports }: ServiceAddress,
): Promise<void> {
	const slice: KubernetesObject = {
		apiVersion: 'discovery.k8s.io/v1',
		kind: 'EndpointSlice',
		metadata: {
			name: `${name}-testing`,
			namespace: testNamespace,
			labels: {
				'kubernetes.io/service-name': name,
				'endpointslice.kubernetes.io/managed-by': fieldManager,
			},
		},
		addressType: 'IPv4',
		endpoints: [{ addresses: [address], conditions: { ready: true } }],
		ports: Object.entries(ports).map(([port, number]) => ({
			name: port,
			port: number,
			protocol: 'TCP',
		})),
	};
	await client.apply(slice, { fieldManager });
}

/** The namespace, and the Service without a selector by which modules call the agent. */
export async function prepareNamespace(client: ClusterClient): Promise<void> {
	const objects: KubernetesObject[] = [
		{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: testNamespace } },
		{
			apiVersion: 'v1',
			kind: 'Service',
			metadata: { name: 'edgeagent', namespace: testNamespace },
			spec: { ports: [{ name: 'workload', port: 35_001, protocol: 'TCP' }] },
		},
	];
	for (const object of objects) await client.apply(object, { fieldManager });
}

/** The pods of a module that are not being ended. */
export async function podsOf(client: ClusterClient, module: string): Promise<KubernetesObject[]> {
	const { items } = await client.list({
		apiVersion: 'v1',
		kind: 'Pod',
		namespace: testNamespace,
		labelSelector: moduleLabel,
	});
	return items.filter(({ metadata: { annotations, deletionTimestamp } }) => {
		return annotations?.[originalModuleIdAnnotation] === module && deletionTimestamp === undefined;
	});
}

/** The log of a module's newest pod, of its last run. */
export async function logOf(
	client: ClusterClient,
	module: string,
	tailLines: number,
): Promise<string[]> {
	const pod = (await podsOf(client, module)).at(-1);
	if (pod === undefined) return [];
	const container = pod.metadata.labels?.[moduleLabel] ?? module;
	const query = { namespace: testNamespace, pod: pod.metadata.name, container, tailLines };
	const lines: string[] = [];
	for await (const line of client.logs(query)) lines.push(line);
	return lines;
}
