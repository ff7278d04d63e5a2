import type { HttpClusterClient } from '../cluster/http-cluster-client.ts';
import type { KubernetesObject } from '../cluster/kubernetes-object.ts';
import { isJsonObject } from '../runtime/json.ts';
import { type ListedModule, modulesOf } from './commands/list.ts';
import { moduleNameOf, modulePods } from './edge-cluster.ts';
import { metricLabels, metricValues, podMetrics } from './pod-metrics.ts';

/** How an edge is, as far as its cluster tells; what cannot be found out is absent. */
export interface EdgeStatus {
	readonly namespace: string;
	readonly agent: {
		/** Name of the pod that leads. */
		readonly leader?: string;
		readonly deploymentVersion?: number;
		/** Where the deployment comes from: `the twin in IoT Hub`, `EdgeDeployment factory, 4`. */
		readonly source?: string;
		/** As in `lastDesiredStatus`. */
		readonly code?: number;
		readonly hubConnected?: boolean;
	};
	readonly hub: {
		readonly connectedClients?: number;
		/** Messages that wait for an endpoint. */
		readonly queuedMessages?: number;
	};
	readonly modules: readonly ListedModule[];
	/** Warnings of the agent in the last hour, the newest first. */
	readonly warnings: readonly EdgeWarning[];
}

/** A Kubernetes Event of the agent. */
export interface EdgeWarning {
	readonly time: string;
	readonly reason: string;
	readonly object: string;
	readonly message: string;
	readonly count: number;
}

type StatusClient = Pick<HttpClusterClient, 'list' | 'get' | 'podPage'>;

const hour = 3_600_000;
const maxWarnings = 20;

/** @param now wall time in milliseconds. @throws ClusterError when not even the modules can be listed */
export async function readEdgeStatus(
	client: StatusClient,
	namespace: string,
	now: number,
): Promise<EdgeStatus> {
	const [modules, pods] = await Promise.all([
		modulesOf(client, namespace),
		modulePods(client, namespace),
	]);
	const leader = await leaderOf(client, namespace).catch(() => undefined);
	const agents = pods.filter((pod) => moduleNameOf(pod) === 'edgeAgent');
	const agent = agents.find(({ metadata }) => metadata.name === leader) ?? agents[0];
	const hub = pods.find((pod) => moduleNameOf(pod) === 'edgeHub');
	const [ofAgent, ofHub, warnings] = await Promise.all([
		podMetrics(client, agent),
		podMetrics(client, hub),
		warningsOf(client, namespace, now).catch(() => []),
	]);
	return {
		namespace,
		agent: { ...(leader === undefined ? {} : { leader }), ...agentNumbers(ofAgent) },
		hub: hubNumbers(ofHub),
		modules,
		warnings,
	};
}

function agentNumbers(page: string): Omit<EdgeStatus['agent'], 'leader'> {
	const [version] = metricValues(page, 'edgeAgent_deployment_version');
	const [source] = metricLabels(page, 'edgeAgent_deployment_source', 'source');
	const [code] = metricValues(page, 'edgeAgent_deployment_status_code');
	const [connected] = metricValues(page, 'edgeAgent_iothub_connected');
	return {
		...(version === undefined ? {} : { deploymentVersion: version }),
		...(source === undefined ? {} : { source }),
		// Nothing has been observed yet.
		...(code === undefined || code === 0 ? {} : { code }),
		...(connected === undefined ? {} : { hubConnected: connected === 1 }),
	};
}

function hubNumbers(page: string): EdgeStatus['hub'] {
	if (page === '') return {};
	const [connectedClients] = metricValues(page, 'edgehub_connected_clients');
	const queued = metricValues(page, 'edgehub_queue_length');
	return {
		...(connectedClients === undefined ? {} : { connectedClients }),
		queuedMessages: queued.reduce((sum, length) => sum + length, 0),
	};
}

async function leaderOf(client: StatusClient, namespace: string): Promise<string | undefined> {
	const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace };
	const object = await client.get({ ...lease, name: 'edgeagent' });
	const holder = object?.spec?.['holderIdentity'];
	return typeof holder === 'string' && holder !== '' ? holder : undefined;
}

async function warningsOf(
	client: StatusClient,
	namespace: string,
	now: number,
): Promise<EdgeWarning[]> {
	const { items } = await client.list({ apiVersion: 'v1', kind: 'Event', namespace });
	return items
		.filter((event) => event['type'] === 'Warning' && isOfAgent(event))
		.map(warningOf)
		.filter(({ time }) => now - Date.parse(time) < hour)
		.sort((a, b) => b.time.localeCompare(a.time))
		.slice(0, maxWarnings);
}

function isOfAgent(event: KubernetesObject): boolean {
	return event['reportingComponent'] === 'edge-agent';
}

function warningOf(event: KubernetesObject): EdgeWarning {
	const about = isJsonObject(event['involvedObject']) ? event['involvedObject'] : {};
	return {
		time: String(event['lastTimestamp'] ?? event.metadata.creationTimestamp ?? ''),
		reason: String(event['reason'] ?? ''),
		object: `${about['kind']} ${about['name']}`,
		message: String(event['message'] ?? ''),
		count: Number(event['count'] ?? 1),
	};
}
