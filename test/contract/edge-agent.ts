import type { TestFn } from 'ava';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { type Logger, silentLogger } from '../../src/runtime/logger.ts';
import type { ClusterUnderTest } from '../support/cluster-under-test.ts';
import { deployedAgent, deviceId, newAgent } from '../support/deployed-agent.ts';
import { filterOf, podOf, workloadSettings } from '../support/module-pod.ts';
import { hubRequest } from '../support/running-emulator.ts';
import { until } from '../support/until.ts';

/** Milliseconds that pods may take. */
const patience = 120_000;
/** Milliseconds in which an agent would have repaired what is missing. */
const watched = 1_000;

/** A whole edge agent against an API server, with the agent's Role and no other right. */
export function testEdgeAgent(test: TestFn, title: string, cluster: () => ClusterUnderTest): void {
	test(`${title}: an agent deploys, serves its modules, reports and starts again`, async (t) => {
		const modules = { filter: filterOf(cluster()) };
		const settings = await workloadSettings(cluster());
		const { edge, emulator, agent } = await deployedAgent(t, cluster(), { modules }, settings);
		const reference = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'filter' };
		const filter = await until(
			() => edge.admin.get({ ...reference, namespace: edge.namespace }),
			'a Deployment',
		);
		t.deepEqual(filter.metadata.ownerReferences, [edge.owner]);

		const pod = await podOf(edge, filter, cluster());
		if (pod !== undefined) {
			await until(
				() => statusOf(emulator) === 'running',
				'a report of the running module',
				patience,
			);
			const { moduleId, generationId } = emulator.registry.record({
				deviceId,
				moduleId: 'filter',
			}) as { moduleId: string; generationId: string };
			const path = `/modules/${moduleId}/genid/${generationId}/sign`;
			t.is(await pod.sign(agent.workloadPort, path), 200);
			t.is(await pod.sign(agent.workloadPort, path.replace('filter', '%24edgeHub')), 403);
			await invoke(emulator, 'GetModuleLogs', { items: [{ id: 'filter', filter: {} }] });
			// Nobody takes it; what counts is what the agent reads for it.
			const sasUrl = 'http://127.0.0.1:9/logs?sv=2024-01-01&sig=c2ln';
			const { payload } = await invoke(emulator, 'UploadSupportBundle', { sasUrl });
			const { correlationId = '' } = payload as JsonObject;
			await until(async () => {
				const task = await invoke(emulator, 'GetTaskStatus', { correlationId });
				return (task['payload'] as JsonObject)['status'] === 'Failed';
			}, 'the end of the upload');
			const restarted = await invoke(emulator, 'RestartModule', { id: 'filter' });
			t.is(restarted['status'], 200);
			await until(
				async () => {
					return (
						(await edge.admin.get({ apiVersion: 'v1', kind: 'Pod', ...pod.name })) === undefined
					);
				},
				'the end of the pod',
				patience,
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

	test(`${title}: an agent that is uninstalled repairs nothing, and asks for nothing that it may no longer have`, async (t) => {
		const modules = { filter: filterOf(cluster()) };
		const settings = await workloadSettings(cluster());
		const said: string[] = [];
		const logger: Logger = { ...silentLogger, warn: (message) => said.push(message) };
		const { edge, agent } = await deployedAgent(t, cluster(), { modules }, settings, logger);
		const { admin, namespace, owner } = edge;
		const deployments = { apiVersion: 'apps/v1', kind: 'Deployment', namespace };
		const filter = { ...deployments, name: 'filter' };
		const own = { ...deployments, name: owner.name };
		await until(() => agent.status?.code === 200, 'the deployment');
		// In this order Helm deletes; the collector of Kubernetes comes after it.
		await admin.delete(own);
		const rights = { apiVersion: 'rbac.authorization.k8s.io/v1', namespace, name: 'edgeagent' };
		for (const kind of ['RoleBinding', 'Role']) await admin.delete({ ...rights, kind });
		await admin.delete(filter);
		await systemClock.sleep(watched);
		t.is(await admin.get(filter), undefined);
		t.is(agent.fault, undefined);
	});
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
