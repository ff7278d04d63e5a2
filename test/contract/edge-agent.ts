import { request } from 'node:http';
import type { TestFn } from 'ava';
import type { KubernetesObject } from '../../src/cluster/kubernetes-object.ts';
import type { EdgeAgent } from '../../src/edge-agent/agent.ts';
import { applyConfigurationContent } from '../../src/iot-hub-emulator/configuration/apply-configuration-content.ts';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import type { ClusterUnderTest } from '../support/cluster-under-test.ts';
import { deviceAgent } from '../support/device-agent.ts';
import { desiredProperties } from '../support/edge-deployment.ts';
import { type EdgeNamespace, edgeNamespace } from '../support/edge-namespace.ts';
import { hubRequest, runningEmulator } from '../support/running-emulator.ts';
import { until } from '../support/until.ts';

const deviceId = 'edge1';

/** A whole edge agent against an API server, with the agent's Role and no other right. */
export function testEdgeAgent(test: TestFn, title: string, cluster: () => ClusterUnderTest): void {
	test(`${title}: an agent deploys, serves its modules, reports and starts again`, async (t) => {
		const edge = await edgeNamespace(t, cluster());
		const emulator = await runningEmulator(t);
		emulator.registry.putDevice(deviceId, { capabilities: { iotEdge: true } });
		const modules = { filter: { createOptions: { HostConfig: { Binds: ['data:/data'] } } } };
		applyConfigurationContent(emulator, deviceId, {
			modulesContent: {
				$edgeAgent: { 'properties.desired': desiredProperties({ modules }) },
				$edgeHub: { 'properties.desired': { schemaVersion: '1.1', routes: {} } },
			},
		});
		const agent = await newAgent(edge, emulator);
		t.teardown(() => agent.stop());
		await agent.start();
		const reference = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'filter' };
		const filter = await until(
			() => edge.admin.get({ ...reference, namespace: edge.namespace }),
			'a Deployment',
		);
		t.deepEqual(filter.metadata.ownerReferences, [edge.owner]);

		if (!cluster().hasControllers) {
			const pod = await runPod(edge, filter);
			await until(() => statusOf(emulator) === 'running', 'a report of the running module');
			const { moduleId, generationId } = emulator.registry.record({
				deviceId,
				moduleId: 'filter',
			}) as { moduleId: string; generationId: string };
			const path = `/modules/${moduleId}/genid/${generationId}/sign`;
			t.is(await post(agent.workloadPort, path), 200);
			t.is(await post(agent.workloadPort, path.replace('filter', '%24edgeHub')), 403);
			await invoke(emulator, 'GetModuleLogs', { items: [{ id: 'filter', filter: {} }] });
			const restarted = await invoke(emulator, 'RestartModule', { id: 'filter' });
			t.is(restarted['status'], 200);
			await until(
				async () => (await edge.admin.get({ apiVersion: 'v1', kind: 'Pod', ...pod })) === undefined,
				'the end of the pod',
			);
		}

		await agent.stop();
		await edge.admin.delete({ ...reference, namespace: edge.namespace });
		const next = await newAgent(edge, emulator);
		await emulator.stop();
		t.teardown(() => next.stop());
		await next.start();
		await until(
			() => edge.admin.get({ ...reference, namespace: edge.namespace }),
			'the last good deployment',
		);
		t.pass();
	});
}

function newAgent(edge: EdgeNamespace, emulator: IotHubEmulator): Promise<EdgeAgent> {
	const env = {
		IOTEDGE_CONNECTION_STRING: emulator.deviceConnectionString({ deviceId }),
		NAMESPACE: edge.namespace,
	};
	const common = { clock: systemClock, logger: silentLogger, version: '0.0.1' };
	return deviceAgent(env, { cluster: edge.agent, ...common }, emulator.caCertificate);
}

/** What a controller and a kubelet would do: a pod of the Deployment, running at this machine. */
async function runPod({ admin, namespace }: EdgeNamespace, deployment: KubernetesObject) {
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

function statusOf(emulator: IotHubEmulator): string | undefined {
	const { reported } = emulator.twins.get({ deviceId, moduleId: '$edgeAgent' });
	const modules = reported.values['modules'] as Record<string, JsonObject> | undefined;
	return modules?.['filter']?.['runtimeStatus'] as string | undefined;
}

async function invoke(
	emulator: IotHubEmulator,
	methodName: string,
	payload: JsonObject,
): Promise<JsonObject> {
	const path = `/twins/${deviceId}/modules/%24edgeAgent/methods`;
	const body = { methodName, payload: { schemaVersion: '1.0', ...payload } };
	return (await hubRequest(emulator, { method: 'POST', path, body })).body;
}

/** The status of a signature request to the workload API. */
function post(port: number, path: string): Promise<number> {
	const { promise, resolve, reject } = Promise.withResolvers<number>();
	const url = `http://127.0.0.1:${port}${path}?api-version=2022-08-03`;
	const sent = request(url, { method: 'POST', agent: false }, (response) => {
		response.resume();
		resolve(response.statusCode ?? 0);
	});
	sent.on('error', reject);
	sent.end(JSON.stringify({ keyId: 'primary', algo: 'HMACSHA256', data: 'ZGF0YQ==' }));
	return promise;
}
