import type { KubernetesObject } from '../../src/cluster/kubernetes-object.ts';
import type { ClusterUnderTest } from './cluster-under-test.ts';
import { runPod, signatureStatus } from './deployed-agent.ts';
import type { AuthoredModule } from './edge-deployment.ts';
import type { EdgeNamespace } from './edge-namespace.ts';
import { freePort } from './free-port.ts';
import { until } from './until.ts';

/** Milliseconds that pods may take. */
const patience = 120_000;
const forwarderPort = 8080;

/** Passes on to the workload API what it is asked, so that the test asks as its pod does. */
const forwarderCode = `
const { createServer, request } = require('node:http');
process.once('SIGTERM', () => process.exit());
createServer((asked, answer) => {
	const url = new URL(asked.url, process.env.IOTEDGE_WORKLOADURI);
	const sent = request(url, { method: asked.method, agent: false }, (answered) => {
		answer.statusCode = answered.statusCode;
		answered.resume();
		answer.end();
	});
	asked.pipe(sent);
}).listen(${forwarderPort});
`;

/** The module `filter`: with a claim, and a container that can run where pods do. */
export function filterOf({ pods }: ClusterUnderTest): AuthoredModule {
	const HostConfig = { Binds: ['data:/data'] };
	if (pods === undefined) return { createOptions: { HostConfig } };
	const Entrypoint = ['node', '-e', forwarderCode];
	return { image: pods.nodeImage, createOptions: { HostConfig, Entrypoint } };
}

/** Settings with which an agent in this process is reached by pods, where they run. */
export async function workloadSettings({
	pods,
}: ClusterUnderTest): Promise<Readonly<Record<string, string>>> {
	if (pods === undefined) return {};
	const port = await freePort();
	return { WORKLOAD_PORT: `${port}`, WORKLOAD_URI: `http://${pods.address}:${port}/` };
}

/** A pod of the module `filter`. */
export interface ModulePod {
	readonly name: { readonly name: string; readonly namespace: string };
	/** The status of a signature request that comes from the pod. */
	readonly sign: (workloadPort: number, path: string) => Promise<number>;
}

/** The pod of the Deployment; undefined where somebody’s controllers would make one that cannot run. */
export async function podOf(
	edge: EdgeNamespace,
	deployment: KubernetesObject,
	{ pods, hasControllers }: ClusterUnderTest,
): Promise<ModulePod | undefined> {
	if (pods !== undefined) return realPod(edge);
	if (hasControllers) return undefined;
	return { name: await runPod(edge, deployment), sign: signatureStatus };
}

async function realPod({ admin, namespace }: EdgeNamespace): Promise<ModulePod> {
	const query = { apiVersion: 'v1', kind: 'Pod', namespace };
	const pod = await until(
		async () => {
			const { items } = await admin.list({ ...query, fieldSelector: 'status.phase=Running' });
			return items.find(({ metadata }) => metadata.name.startsWith('filter-'));
		},
		'a running pod',
		patience,
	);
	const address = String(pod.status?.['podIP']);
	return {
		name: { name: pod.metadata.name, namespace },
		sign: (_, path) => {
			return until(() => signatureStatus(forwarderPort, path, address).catch(() => 0), 'an answer');
		},
	};
}
