import { loadKubeconfig } from '../../src/cluster/kubeconfig.ts';
import { type ClusterUnderTest, foreignCluster } from './cluster-under-test.ts';
import { kubernetesPrograms } from './kubernetes-programs.ts';
import { RealCluster } from './real-cluster.ts';

/**
 * The cluster that `KUBECONFIG_FOR_TESTS` names, else an API server made of the programs in
 * `KUBEBUILDER_ASSETS` or in the cache folder. `KUBECONFIG` is not asked: nobody's usual cluster
 * should be written to by accident.
 */
export async function kubernetesUnderTest(): Promise<ClusterUnderTest> {
	const kubeconfig = process.env['KUBECONFIG_FOR_TESTS'];
	if (kubeconfig !== undefined) {
		return foreignCluster(await loadKubeconfig(kubeconfig, { environment: process.env }));
	}
	return RealCluster.start(await kubernetesPrograms('etcd', 'kube-apiserver', 'kubectl'));
}
