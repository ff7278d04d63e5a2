import { request } from 'node:http';
import type { ExecutionContext } from 'ava';
import type { KubernetesObject } from '../../src/cluster/kubernetes-object.ts';
import type { EdgeAgent } from '../../src/edge-agent/agent.ts';
import { applyConfigurationContent } from '../../src/iot-hub-emulator/configuration/apply-configuration-content.ts';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { type Logger, silentLogger } from '../../src/runtime/logger.ts';
import type { ClusterUnderTest } from './cluster-under-test.ts';
import { deviceAgent } from './device-agent.ts';
import { type AuthoredDeployment, desiredProperties } from './edge-deployment.ts';
import { type EdgeNamespace, edgeNamespace } from './edge-namespace.ts';
import { runningEmulator } from './running-emulator.ts';

/** The edge device of `deployedAgent`. */
export const deviceId = 'edge1';

/** An IoT Hub with a deployment, and an edge agent that has taken it to a cluster. */
export async function deployedAgent(
	t: ExecutionContext,
	cluster: ClusterUnderTest,
	deployment: AuthoredDeployment,
	env: Readonly<Record<string, string>> = {},
	logger: Logger = silentLogger,
) {
	const edge = await edgeNamespace(t, cluster);
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice(deviceId, { capabilities: { iotEdge: true } });
	applyConfigurationContent(emulator, deviceId, {
		modulesContent: {
			$edgeAgent: { 'properties.desired': desiredProperties(deployment) },
			$edgeHub: { 'properties.desired': { schemaVersion: '1.1', routes: {} } },
		},
	});
	const agent = await newAgent(edge, emulator, env, logger);
	t.teardown(() => agent.stop());
	await agent.start();
	return { edge, emulator, agent };
}

/** An agent with the rights of its installation. */
export function newAgent(
	edge: EdgeNamespace,
	emulator: IotHubEmulator,
	more: Readonly<Record<string, string>> = {},
	logger: Logger = silentLogger,
): Promise<EdgeAgent> {
	const env = {
		IOTEDGE_CONNECTION_STRING: emulator.deviceConnectionString({ deviceId }),
		NAMESPACE: edge.namespace,
		WORKLOAD_TLS_URI: 'https://edgeagent:35002/',
		...more,
	};
	const dependencies = {
		cluster: edge.agent,
		issuerKeys: () => edge.agent.tokenKeys(),
		clock: systemClock,
		logger,
		version: '0.0.1',
	};
	return deviceAgent(env, dependencies, emulator.caCertificate);
}

/** What a controller and a kubelet would do: a pod of the Deployment, running at this machine. */
export async function runPod({ admin, namespace }: EdgeNamespace, deployment: KubernetesObject) {
	const template = deployment.spec?.['template'] as KubernetesObject | undefined;
	const pod = { name: 'filter-1', namespace };
	const metadata = { ...template?.metadata, ...pod };
	await admin.create({ ...template, apiVersion: 'v1', kind: 'Pod', metadata });
	const now = new Date().toISOString().replace(/\.\d+/, '');
	const status = {
		phase: 'Running',
		podIP: '127.0.0.1',
		podIPs: [{ ip: '127.0.0.1' }],
		conditions: [{ type: 'Ready', status: 'True' }],
		containerStatuses: [
			{
				...{ name: 'filter', image: 'filter:1', imageID: '', containerID: 'test://1' },
				...{ ready: true, started: true, restartCount: 0, state: { running: { startedAt: now } } },
			},
		],
	};
	await admin.patch({ apiVersion: 'v1', kind: 'Pod', ...pod }, { status }, 'status');
	return pod;
}

/** The status of a signature request to the workload API. */
export function signatureStatus(
	port: number,
	path: string,
	address = '127.0.0.1',
): Promise<number> {
	const { promise, resolve, reject } = Promise.withResolvers<number>();
	const url = `http://${address}:${port}${path}?api-version=2022-08-03`;
	const sent = request(url, { method: 'POST', agent: false }, (response) => {
		response.resume();
		resolve(response.statusCode ?? 0);
	});
	sent.on('error', reject);
	sent.end(JSON.stringify({ keyId: 'primary', algo: 'HMACSHA256', data: 'ZGF0YQ==' }));
	return promise;
}
