import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterClient } from '../cluster/cluster-client.ts';
import { connect } from '../cluster/http-cluster-client.ts';
import type { KubernetesObject } from '../cluster/kubernetes-object.ts';
import { loadClusterConfig, readClusterSettings } from '../cluster/settings.ts';
import { moduleLabel, originalModuleIdAnnotation } from '../edge-agent/translation/translation.ts';
import { EdgeError } from '../runtime/edge-error.ts';

/** The options that lead to an edge. */
export interface EdgeOptions {
	readonly kubeconfig?: string;
	readonly namespace: string;
}

/** Where `dev` leaves the kubeconfig of its cluster, below the current folder. */
const localKubeconfig = join('.iotedge-k8s', 'kubeconfig');

/** A client of the cluster that the options, the environment or a local edge in this folder name. */
export async function connectToEdge(options: EdgeOptions): Promise<ClusterClient> {
	const chosen = options.kubeconfig ?? process.env['KUBECONFIG'];
	const local = chosen === undefined && existsSync(localKubeconfig) ? localKubeconfig : undefined;
	const kubeconfig = chosen ?? local;
	const environment = {
		...process.env,
		...(kubeconfig === undefined ? {} : { KUBECONFIG: kubeconfig }),
	};
	const { settings, problems } = readClusterSettings(environment);
	if (settings === undefined) {
		const [first] = problems;
		throw new EdgeError('EDGE_SETTING_INVALID', first?.message ?? 'A setting is wrong.', {
			...(first === undefined ? {} : { where: first.env }),
		});
	}
	return connect(await loadClusterConfig(settings, environment));
}

/** The pods of all modules of an edge, the edge hub and the agent included. */
export async function modulePods(
	client: ClusterClient,
	namespace: string,
): Promise<readonly KubernetesObject[]> {
	const query = { apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: moduleLabel };
	return (await client.list(query)).items;
}

/** A module's name as its manifest spells it. */
export function moduleNameOf(pod: KubernetesObject): string {
	const { annotations = {}, labels = {}, name } = pod.metadata;
	return annotations[originalModuleIdAnnotation] ?? labels[moduleLabel] ?? name;
}
