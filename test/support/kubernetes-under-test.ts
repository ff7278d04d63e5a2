import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { loadKubeconfig } from '../../src/cluster/kubeconfig.ts';
import { type ClusterUnderTest, foreignCluster } from './cluster-under-test.ts';
import { RealCluster } from './real-cluster.ts';

const obtain = resolve(import.meta.dirname, '../../tools/kubernetes/obtain.sh');

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
	const { stdout } = await promisify(execFile)(obtain, ['--cached']);
	return RealCluster.start(stdout.trim());
}
