import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterClient } from '../cluster/cluster-client.ts';
import { connect, type HttpClusterClient } from '../cluster/http-cluster-client.ts';
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
export async function connectToEdge(options: EdgeOptions): Promise<HttpClusterClient> {
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
	client: Pick<ClusterClient, 'list'>,
	namespace: string,
): Promise<readonly KubernetesObject[]> {
	const query = { apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: moduleLabel };
	return (await client.list(query)).items;
}

/** The workloads of all modules of an edge, the edge hub included. */
export async function moduleWorkloads(
	client: Pick<ClusterClient, 'list'>,
	namespace: string,
): Promise<readonly KubernetesObject[]> {
	const kinds = [
		{ apiVersion: 'apps/v1', kind: 'Deployment' },
		{ apiVersion: 'batch/v1', kind: 'Job' },
	];
	const lists = kinds.map(async (kind) => {
		const { items } = await client.list({ ...kind, namespace, labelSelector: moduleLabel });
		return items.map((item) => ({ ...item, ...kind }));
	});
	return (await Promise.all(lists)).flat();
}

/**
 * The pods of one module, the newest first; `$edgeHub` and `edgeHub` are one, and so are names that
 * differ in case alone.
 *
 * @throws EdgeError EDGE_MODULE_UNKNOWN
 */
export function podsOfModule(
	module: string,
	pods: readonly KubernetesObject[],
): readonly KubernetesObject[] {
	return objectsOfModule(module, pods, 'pod');
}

/** The same for objects of any kind; `what` is its word for people. @throws EdgeError EDGE_MODULE_UNKNOWN */
export function objectsOfModule(
	module: string,
	objects: readonly KubernetesObject[],
	what: string,
): readonly KubernetesObject[] {
	const wanted = plainName(module);
	const own = objects
		.filter((object) => plainName(moduleNameOf(object)) === wanted)
		.sort((a, b) => createdAt(b).localeCompare(createdAt(a)));
	if (own.length > 0) return own;
	const known = [...new Set(objects.map(moduleNameOf))].sort().join(', ');
	throw new EdgeError('EDGE_MODULE_UNKNOWN', `There is no ${what} of a module "${module}".`, {
		remedy: known === '' ? 'No module runs in this namespace.' : `There are: ${known}.`,
	});
}

function plainName(name: string): string {
	return name.replace(/^\$/, '').toLowerCase();
}

function createdAt({ metadata }: KubernetesObject): string {
	return metadata.creationTimestamp ?? '';
}

/** A module's name as its manifest spells it. */
export function moduleNameOf({ metadata }: KubernetesObject): string {
	const { annotations = {}, labels = {}, name } = metadata;
	return annotations[originalModuleIdAnnotation] ?? labels[moduleLabel] ?? name;
}
