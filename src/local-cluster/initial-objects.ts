import type { ClusterClient } from '../cluster/cluster-client.ts';
import { type KubernetesObject, referenceOf } from '../cluster/kubernetes-object.ts';
import { localPathStorageClass } from './controllers/claim-controller.ts';
import { serviceNameLabel } from './workloads/service.ts';

/** Who writes these objects. */
const fieldManager = 'local-cluster';

/**
 * Makes what a cluster has besides what its API server makes: the default StorageClass, and the
 * endpoints of the API server's Service, whose port may differ from the last run's.
 */
export async function ensureInitialObjects(client: ClusterClient, port: number): Promise<void> {
	const reference = referenceOf(localPathStorageClass);
	if ((await client.get(reference)) === undefined) await client.create(localPathStorageClass);
	for (const object of apiServerEndpoints(port)) await client.apply(object, { fieldManager });
}

function apiServerEndpoints(port: number): KubernetesObject[] {
	const address = '127.0.0.1';
	const name = 'kubernetes';
	const namespace = 'default';
	const ports = [{ name: 'https', port, protocol: 'TCP' }];
	return [
		{
			apiVersion: 'discovery.k8s.io/v1',
			kind: 'EndpointSlice',
			metadata: { name, namespace, labels: { [serviceNameLabel]: name } },
			addressType: 'IPv4',
			endpoints: [{ addresses: [address], conditions: { ready: true } }],
			ports,
		},
		{
			apiVersion: 'v1',
			kind: 'Endpoints',
			metadata: { name, namespace },
			subsets: [{ addresses: [{ ip: address }], ports }],
		},
	];
}
