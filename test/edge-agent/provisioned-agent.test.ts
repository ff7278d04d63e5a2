import { X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CertificateAuthority } from '../../src/certificates/certificate-authority.ts';
import { agentOfSettings } from '../../src/edge-agent/agent-of-settings.ts';
import { ProvisionedAgent } from '../../src/edge-agent/provisioned-agent.ts';
import { loadAgentSettings } from '../../src/edge-agent/settings.ts';
import { HubNetwork } from '../../src/iot-hub-client/hub-network.ts';
import { applyConfigurationContent } from '../../src/iot-hub-emulator/configuration/apply-configuration-content.ts';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { type JsonObject, jsonText } from '../../src/runtime/json.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { desiredProperties } from '../support/edge-deployment.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';
import { hubRequest, runningEmulator } from '../support/running-emulator.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const key = Buffer.from('a symmetric key of a good length').toString('base64');
const otherKey = Buffer.from('another key of a good length').toString('base64');

/** An edge whose device Secret is a folder of the test, and the hubs that it may come to. */
async function edge(t: ExecutionContext, ...hubs: IotHubEmulator[]) {
	const folder = await temporaryFolder(t);
	const trustedCertificates = hubs.map(({ caCertificate }) => caCertificate).join('\n');
	const cluster = new MemoryCluster();
	const put = (name: string, text: string) => writeFile(join(folder, name), text);
	const start = async (env: Record<string, string> = {}) => {
		const { settings, problems } = await loadAgentSettings({
			IOTEDGE_CONNECTION_STRING_FILE: join(folder, 'connectionString'),
			DEVICE_CERTIFICATE_FILE: join(folder, 'tls.crt'),
			DEVICE_PRIVATE_KEY_FILE: join(folder, 'tls.key'),
			DPS_SYMMETRIC_KEY_FILE: join(folder, 'symmetricKey'),
			NAMESPACE: 'edge',
			WORKLOAD_PORT: '0',
			WORKLOAD_URI: 'http://edgeagent:35001/',
			RUNTIME_IMAGE: 'iotedge-k8s:1',
			REPORT_INTERVAL_SECS: '0',
			...env,
		});
		if (settings === undefined) throw new Error(JSON.stringify(problems));
		const agent = agentOfSettings(settings, {
			cluster,
			network: new HubNetwork({ trustedCertificates }),
			clock: systemClock,
			logger: silentLogger,
			version: '0.0.1',
		});
		t.teardown(() => agent.stop());
		await agent.start();
		return agent;
	};
	/** `module=host name of its IoT Hub`, by the variables of their containers. */
	const workloads = () =>
		cluster.all('Deployment').map(({ metadata, spec }) => {
			const template = spec?.['template'] as { spec: { containers: { env: JsonObject[] }[] } };
			const [container] = template.spec.containers;
			const variable = container?.env.find(({ name }) => name === 'IOTEDGE_IOTHUBHOSTNAME');
			return `${metadata.name}=${jsonText(variable?.['value'] ?? '')}`;
		});
	return { cluster, put, start, workloads };
}

function deploy(hub: IotHubEmulator, deviceId: string, ...modules: string[]): void {
	const authored = Object.fromEntries(modules.map((name) => [name, {}]));
	applyConfigurationContent(hub, deviceId, {
		modulesContent: {
			$edgeAgent: { 'properties.desired': desiredProperties({ modules: authored }) },
			$edgeHub: { 'properties.desired': { schemaVersion: '1.1', routes: {} } },
		},
	});
}

async function enroll(hub: IotHubEmulator, registrationId: string): Promise<void> {
	const { status, text } = await hubRequest(hub, {
		method: 'PUT',
		path: `/enrollments/${registrationId}`,
		policy: 'provisioningserviceowner',
		body: {
			attestation: {
				type: 'symmetricKey',
				symmetricKey: { primaryKey: key, secondaryKey: otherKey },
			},
			capabilities: { iotEdge: true },
		},
	});
	if (status !== 200) throw new Error(text);
}

test('a device that DPS has made gets its deployment, and starts again without DPS and IoT Hub', async (t) => {
	const hub = await runningEmulator(t);
	await enroll(hub, 'edge1');
	const { cluster, put, start, workloads } = await edge(t, hub);
	await put('symmetricKey', key);
	const env = { DPS_ENDPOINT: hub.hostName, DPS_ID_SCOPE: hub.provisioning.idScope };
	const agent = await start({ ...env, DPS_REGISTRATION_ID: 'edge1' });
	deploy(hub, 'edge1', 'filter');
	await until(() => workloads().includes(`filter=${hub.hostName}`), 'a workload');
	t.true(agent.ready);
	await agent.stop();
	const { hostName } = hub;
	await hub.stop();
	for (const object of cluster.all('Deployment')) {
		await cluster.delete({
			apiVersion: 'apps/v1',
			kind: 'Deployment',
			...object.metadata,
		} as never);
	}
	await start({ ...env, DPS_REGISTRATION_ID: 'edge1' });
	await until(() => workloads().includes(`filter=${hostName}`), 'the last good deployment');
	t.pass();
});

test('a device proves itself with a certificate, and with the next one as soon as it is there', async (t) => {
	const hub = await runningEmulator(t);
	const authority = await CertificateAuthority.create({ commonName: 'factory', days: 30 });
	const issue = () => authority.issue({ commonName: 'edge1', usages: ['client'], days: 1 });
	const [first, next] = await Promise.all([issue(), issue()]);
	const thumbprint = (pem: string) => new X509Certificate(pem).fingerprint256.replaceAll(':', '');
	const register = (pem: string) =>
		hub.registry.putDevice(
			'edge1',
			{
				authentication: {
					type: 'selfSigned',
					x509Thumbprint: { primaryThumbprint: thumbprint(pem) },
				},
				capabilities: { iotEdge: true },
			},
			'*',
		);
	hub.registry.putDevice('edge1', { capabilities: { iotEdge: true } });
	register(first.certificate);
	const { put, start, workloads } = await edge(t, hub);
	await put('connectionString', `HostName=${hub.hostName};DeviceId=edge1;x509=true`);
	await put('tls.crt', first.certificate);
	await put('tls.key', first.privateKey);
	await start();
	deploy(hub, 'edge1', 'filter');
	await until(() => workloads().includes(`filter=${hub.hostName}`), 'a workload');
	t.is(hub.registry.record({ deviceId: 'edge1', moduleId: 'filter' }).authentication.type, 'sas');
	register(next.certificate);
	await put('tls.key', next.privateKey);
	await put('tls.crt', next.certificate);
	deploy(hub, 'edge1', 'filter', 'sensor');
	await until(() => workloads().includes(`sensor=${hub.hostName}`), 'one more workload');
	t.pass();
});

test('a new key is taken up without touching what runs', async (t) => {
	const hub = await runningEmulator(t);
	hub.registry.putDevice('edge1', { capabilities: { iotEdge: true } });
	const { cluster, put, start, workloads } = await edge(t, hub);
	await put('connectionString', hub.deviceConnectionString({ deviceId: 'edge1' }));
	await start();
	deploy(hub, 'edge1', 'filter');
	await until(() => workloads().includes(`filter=${hub.hostName}`), 'a workload');
	const versions = () =>
		cluster.all('Deployment').map(({ metadata }) => [metadata.name, metadata.resourceVersion]);
	const before = versions();
	const symmetricKey = { primaryKey: key, secondaryKey: otherKey };
	const authentication = { type: 'sas', symmetricKey };
	hub.registry.putDevice('edge1', { authentication, capabilities: { iotEdge: true } }, '*');
	await put('connectionString', hub.deviceConnectionString({ deviceId: 'edge1' }));
	deploy(hub, 'edge1', 'filter', 'sensor');
	await until(() => workloads().includes(`sensor=${hub.hostName}`), 'one more workload');
	const after = new Map(versions() as [string, string][]);
	for (const [name, version] of before) t.is(after.get(`${name}`), version, `${name} is as it was`);
});

test('a device that moves takes its edge along, and nothing of the former device is left', async (t) => {
	const [from, to] = [await runningEmulator(t), await runningEmulator(t)];
	from.registry.putDevice('edge1', { capabilities: { iotEdge: true } });
	to.registry.putDevice('edge2', { capabilities: { iotEdge: true } });
	const { cluster, put, start, workloads } = await edge(t, from, to);
	await put('connectionString', from.deviceConnectionString({ deviceId: 'edge1' }));
	const agent = await start();
	deploy(from, 'edge1', 'filter', 'old');
	deploy(to, 'edge2', 'filter', 'new');
	await until(() => workloads().includes(`old=${from.hostName}`), 'a workload');
	// A device that the hub does not know any more is looked after at once, and not a poll later.
	from.registry.deleteDevice('edge1');
	await put('connectionString', to.deviceConnectionString({ deviceId: 'edge2' }));
	await until(() => workloads().includes(`new=${to.hostName}`), 'the workload of the new device');
	t.deepEqual(workloads().sort(), [
		`edgehub=${to.hostName}`,
		`filter=${to.hostName}`,
		`new=${to.hostName}`,
	]);
	t.true(agent.ready);
	t.is(
		cluster.all('Secret').filter(({ metadata }) => metadata.name === 'edgeagent-state').length,
		1,
	);
});

test('an API server that takes no writes for a while delays an agent, and does not end it', async (t) => {
	const clock = new FakeClock();
	const state = new Map<string, string>([['served-device', '{"deviceId":"old"}']]);
	const news: string[] = [];
	let failures = 3;
	const fail = () => {
		failures -= 1;
		if (failures >= 0) throw new Error('not now');
	};
	const device = { hostName: 'h', deviceId: 'new' };
	const agent = new ProvisionedAgent({
		provisioning: {
			start: async () => {},
			stop: async () => {},
			assigned: async () => device,
			onMoved: () => ({ [Symbol.dispose]: () => {} }),
		},
		state: {
			load: async () => fail(),
			getJson: (name) => JSON.parse(state.get(name) ?? 'null') ?? undefined,
			set: async (entries) => {
				fail();
				for (const [name, value] of Object.entries(entries)) state.set(name, `${value}`);
			},
		},
		createAgent: ({ deviceId }) => ({
			start: async () => void news.push(`start ${deviceId}`),
			stop: async () => void news.push(`stop ${deviceId}`),
			fault: undefined,
			ready: true,
			progress: undefined,
		}),
		deleteFormer: async (former) => {
			fail();
			news.push(`delete ${former}`);
			return 1;
		},
		clock,
		logger: silentLogger,
	});
	const started = agent.start();
	await clock.advance(60_000);
	await started;
	t.true(agent.ready);
	await agent.stop();
	t.deepEqual(news.slice(-3), ['delete old', 'start new', 'stop new']);
	t.is(state.get('served-device'), '{"deviceId":"new"}');
});

test('an agent that waits for its device can be stopped', async (t) => {
	const agent = new ProvisionedAgent({
		provisioning: {
			start: async () => {},
			stop: async () => {},
			assigned: () => new Promise(() => {}),
			onMoved: () => ({ [Symbol.dispose]: () => {} }),
		},
		state: { load: async () => {}, getJson: () => undefined, set: async () => {} },
		createAgent: () => {
			throw new Error('There is no device.');
		},
		deleteFormer: async () => 0,
		clock: new FakeClock(),
		logger: silentLogger,
	});
	const started = agent.start();
	await agent.stop();
	await started;
	t.false(agent.ready);
});
