import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext, TestFn } from 'ava';
import type { ClusterConfig } from '../../src/cluster/cluster-config.ts';
import type { EdgeAgent } from '../../src/edge-agent/agent.ts';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { AgentConnection } from '../../src/workload-proxy/agent-connection.ts';
import type { ClusterUnderTest } from '../support/cluster-under-test.ts';
import { deployedAgent, deviceId, runPod, signatureStatus } from '../support/deployed-agent.ts';
import { type EdgeNamespace, transportTo } from '../support/edge-namespace.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const trust = 'iotedge-trust-bundle';

/** That a module with a sidecar is known by the token of its pod, with no right on the whole cluster. */
export function testWorkloadSidecar(
	test: TestFn,
	title: string,
	cluster: () => ClusterUnderTest,
): void {
	test(`${title}: a module’s sidecar signs for it with the token of its pod, and for no other`, async (t) => {
		const sidecar = { createOptions: { 'k8s-extensions': { workloadApi: { mode: 'sidecar' } } } };
		const modules = { filter: sidecar, other: sidecar };
		const { edge, emulator, agent } = await deployedAgent(t, cluster(), { modules });
		const reference = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: edge.namespace };
		const filter = await until(() => edge.admin.get({ ...reference, name: 'filter' }), 'filter');
		const sign = await signer(t, agent, edge, emulator);
		if (cluster().hasControllers) {
			t.log('The pods of this cluster are its own.');
			t.pass();
			return;
		}
		const pod = await runPod(edge, filter);
		const token = await podToken(t, cluster().config, edge, pod.name, ['iotedge-k8s-workload']);
		t.is(await sign(token, 'filter'), 200);
		t.is(await sign(token, 'other'), 403);
		t.is(await sign(await podToken(t, cluster().config, edge, pod.name, []), 'filter'), 401);
		const path = '/modules/filter/genid/1/sign';
		t.is(await signatureStatus(agent.workloadPort, path), 403);
		await edge.admin.delete({ apiVersion: 'v1', kind: 'Pod', ...pod }, { gracePeriodSeconds: 0 });
		t.is(await sign(token, 'filter'), 403);
	});
}

/** Asks for signatures as a sidecar does; the status of the answer. */
async function signer(
	t: ExecutionContext,
	agent: EdgeAgent,
	{ admin, namespace }: EdgeNamespace,
	emulator: IotHubEmulator,
) {
	const bundle = await admin.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: trust });
	const folder = await temporaryFolder(t);
	const files = { token: join(folder, 'token'), authority: join(folder, 'ca.pem') };
	const { 'ca.pem': authority = '' } = (bundle?.['data'] ?? {}) as Record<string, string>;
	await writeFile(files.authority, authority);
	const connection = new AgentConnection({
		agentUri: `https://127.0.0.1:${agent.workloadTlsPort}/`,
		serverName: 'edgeagent',
		tokenFile: files.token,
		authorityFile: files.authority,
		clock: systemClock,
	});
	return async (token: string, moduleId: string) => {
		const { generationId } = emulator.registry.record({ deviceId, moduleId }) ?? {};
		await writeFile(files.token, token);
		const answer = await connection.send(
			{
				method: 'POST',
				target: `/modules/${moduleId}/genid/${generationId}/sign?api-version=2022-08-03`,
				contentType: 'application/json',
				body: Buffer.from(JSON.stringify({ data: 'ZGF0YQ==' })),
			},
			AbortSignal.timeout(30_000),
		);
		return answer.status;
	};
}

/** A token of the ServiceAccount `filter` that the kubelet would get for a pod of it. */
async function podToken(
	t: ExecutionContext,
	config: ClusterConfig,
	{ admin, namespace }: EdgeNamespace,
	name: string,
	audiences: readonly string[],
): Promise<string> {
	const pod = await admin.get({ apiVersion: 'v1', kind: 'Pod', namespace, name });
	const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name, uid: pod?.metadata.uid };
	const transport = transportTo(t, config);
	const answer = (await transport.json({
		method: 'POST',
		path: `/api/v1/namespaces/${namespace}/serviceaccounts/filter/token`,
		body: {
			apiVersion: 'authentication.k8s.io/v1',
			kind: 'TokenRequest',
			spec: { audiences, expirationSeconds: 3600, boundObjectRef },
		},
	})) as { status: { token: string } };
	return answer.status.token;
}
