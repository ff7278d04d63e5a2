import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { CertificateAuthority } from '../../src/certificates/certificate-authority.ts';
import { checkRights, neededRights } from '../../src/cli/check/agent-rights.ts';
import {
	checkApiServer,
	checkClock,
	checkNamespace,
	checkStorage,
} from '../../src/cli/check/cluster-checks.ts';
import { checkDevice } from '../../src/cli/check/device-checks.ts';
import { checkHub } from '../../src/cli/check/hub-reachability.ts';
import {
	checkAgent,
	checkCertificates,
	hubAuthorities,
} from '../../src/cli/check/installation-checks.ts';
import { checkIssuerKeys } from '../../src/cli/check/issuer-key-check.ts';
import { agentSources, checkSources } from '../../src/cli/check/source-checks.ts';
import { setHold } from '../../src/cli/commands/hold.ts';
import { modulesOf } from '../../src/cli/commands/list.ts';
import { askForRegistration } from '../../src/cli/commands/reprovision.ts';
import { restartPods } from '../../src/cli/commands/restart.ts';
import { isWell } from '../../src/cli/commands/status.ts';
import { readEdgeStatus } from '../../src/cli/edge-status.ts';
import { metricValues } from '../../src/cli/pod-metrics.ts';
import { createProgram } from '../../src/cli/program.ts';
import { ClusterError, errorOfAnswer } from '../../src/cluster/cluster-error.ts';
import { edgeDeploymentKind } from '../../src/edge-agent/sources/edge-deployment-definition.ts';
import { installedRole } from '../support/installed-role.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';
import { runningApiServer } from '../support/running-api-server.ts';
import { runningEmulator } from '../support/running-emulator.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const now = Date.parse('2026-03-04T12:00:00Z');

function modulePod(module: string, name: string, createdAt: string, ready = true) {
	const label = module.toLowerCase();
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: {
			name,
			namespace: 'edge',
			creationTimestamp: createdAt,
			labels: { 'net.azure-devices.edge.module': label },
			annotations: { 'net.azure-devices.edge.original-moduleid': module },
		},
		status: {
			phase: 'Running',
			conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
			containerStatuses: [
				{ name: label, ready, restartCount: 0, state: { running: { startedAt: createdAt } } },
			],
		},
	};
}

async function edge() {
	const cluster = new MemoryCluster();
	await cluster.create(modulePod('edgeAgent', 'edgeagent-1', '2026-03-04T10:00:00Z'));
	await cluster.create(modulePod('edgeHub', 'edgehub-1', '2026-03-04T10:00:00Z'));
	await cluster.create(modulePod('Filter', 'filter-1', '2026-03-04T10:00:00Z'));
	await cluster.create(modulePod('Filter', 'filter-2', '2026-03-04T11:00:00Z'));
	return cluster;
}

test('a module is restarted by any spelling of its name, all its pods and no others', async (t) => {
	const cluster = await edge();
	const { name, pods } = await restartPods(cluster, 'edge', 'filter');
	t.is(name, 'Filter');
	t.deepEqual(pods.toSorted(), ['filter-1', 'filter-2']);
	t.deepEqual((await restartPods(cluster, 'edge', '$edgeHub')).pods, ['edgehub-1']);
	t.deepEqual(
		cluster.all('Pod').map(({ metadata }) => metadata.name),
		['edgeagent-1'],
	);
	await t.throwsAsync(restartPods(cluster, 'edge', 'other'), { code: 'EDGE_MODULE_UNKNOWN' });
});

test('a module is held and released by any spelling of its name', async (t) => {
	const cluster = await edge();
	const metadata = {
		name: 'filter',
		namespace: 'edge',
		labels: { 'net.azure-devices.edge.module': 'filter' },
		annotations: { 'net.azure-devices.edge.original-moduleid': 'Filter' },
	};
	await cluster.create({ apiVersion: 'apps/v1', kind: 'Deployment', metadata });
	const annotation = () =>
		cluster.all('Deployment')[0]?.metadata.annotations?.['net.azure-devices.edge.hold'];
	t.is(await setHold(cluster, 'edge', 'FILTER', true), 'Filter');
	t.is(annotation(), 'true');
	const listed = (await modulesOf(cluster, 'edge')).find(({ name }) => name === 'Filter');
	t.regex(listed?.statusDescription ?? '', /^Held\. /);
	await setHold(cluster, 'edge', 'filter', false);
	t.is(annotation(), undefined);
	const error = await t.throwsAsync(setHold(cluster, 'edge', 'other', true));
	t.is(error.message, 'There is no workload of a module "other".');
});

/** What the pods of an edge serve on their metrics ports. */
const pages: Readonly<Record<string, string>> = {
	'edgeagent-1': [
		'edgeAgent_deployment_version{iothub="h"} 7',
		'edgeAgent_deployment_source{source="EdgeDeployment \\"f\\", 7",iothub="h"} 1',
		'edgeAgent_deployment_status_code{iothub="h"} 500',
		'edgeAgent_iothub_connected{iothub="h"} 0',
	].join('\n'),
	'edgehub-1': [
		'edgehub_connected_clients{iothub="h"} 3',
		'edgehub_queue_length{endpoint="iothub",priority="0"} 4',
		'edgehub_queue_length{endpoint="edge1/a/b",priority="9"} 5',
	].join('\n'),
};

test('the status joins modules, metrics and warnings', async (t) => {
	const cluster = await edge();
	for (const [name, lastTimestamp] of [
		['new', '2026-03-04T11:30:00Z'],
		['old', '2026-03-04T10:30:00Z'],
	]) {
		await cluster.create({
			apiVersion: 'v1',
			kind: 'Event',
			metadata: { name: `${name}`, namespace: 'edge' },
			type: 'Warning',
			reason: 'ApplyFailed',
			message: `${name} news`,
			count: 2,
			reportingComponent: 'edge-agent',
			involvedObject: { kind: 'Deployment', name: 'filter' },
			lastTimestamp,
		});
	}
	const client = {
		get: cluster.get.bind(cluster),
		list: cluster.list.bind(cluster),
		podPage: async ({ pod }: { pod: string }) => pages[pod] ?? '',
	};
	const status = await readEdgeStatus(client, 'edge', now);
	t.like(status.agent, {
		...{ deploymentVersion: 7, code: 500, hubConnected: false },
		source: 'EdgeDeployment "f", 7',
	});
	t.deepEqual(status.hub, { connectedClients: 3, queuedMessages: 9 });
	t.deepEqual(
		status.modules.map(({ name, runtimeStatus }) => [name, runtimeStatus]),
		[
			['edgeAgent', 'running'],
			['edgeHub', 'running'],
			['Filter', 'running'],
		],
	);
	t.deepEqual(status.warnings, [
		{
			time: '2026-03-04T11:30:00Z',
			reason: 'ApplyFailed',
			object: 'Deployment filter',
			message: 'new news',
			count: 2,
		},
	]);
	t.false(isWell(status));
	t.true(isWell({ ...status, agent: { code: 200 } }));
	t.false(isWell({ ...status, agent: {}, modules: [] }));
});

test('without metrics and rights the status still has the modules', async (t) => {
	const cluster = await edge();
	const forbidden = new ClusterError('EDGE_CLUSTER_FORBIDDEN', 'It is forbidden.', { status: 403 });
	cluster.fault = (operation, what) =>
		what === 'Event' || operation === 'get' ? forbidden : undefined;
	const client = {
		get: cluster.get.bind(cluster),
		list: cluster.list.bind(cluster),
		podPage: async () => {
			throw forbidden;
		},
	};
	const status = await readEdgeStatus(client, 'edge', now);
	t.deepEqual(status.agent, {});
	t.deepEqual(status.hub, {});
	t.is(status.modules.length, 3);
	t.true(isWell(status));
});

test('values of a metric are read whatever their labels', (t) => {
	const page = '# HELP a b\na{x="1 2"} 3\na 4\nab{x="1"} 5\n';
	t.deepEqual(metricValues(page, 'a'), [3, 4]);
	t.deepEqual(metricValues(page, 'c'), []);
});

function cluster({ gitVersion = 'v1.34.1', offBy = 0 }) {
	return {
		version: async () => ({ gitVersion, platform: 'linux/amd64' }),
		serverTime: async () => now + offBy - 500,
		get: async () => undefined,
		list: async () => ({ items: [], resourceVersion: '1' }),
	};
}

test('old clusters and clocks that differ are told', async (t) => {
	t.is((await checkApiServer(cluster({}))).result, 'ok');
	t.is((await checkApiServer(cluster({ gitVersion: 'v1.19.0+k3s1' }))).result, 'warning');
	const results = [0, -20_000, 400_000].map(async (offBy) => {
		return (await checkClock(cluster({ offBy }), () => now)).result;
	});
	t.deepEqual(await Promise.all(results), ['ok', 'warning', 'error']);
});

test('an API server that is away is an error with what to do', async (t) => {
	const client = {
		...cluster({}),
		version: async () => {
			throw new ClusterError('EDGE_CLUSTER_UNREACHABLE', 'It cannot be reached.');
		},
	};
	t.like(await checkApiServer(client), { result: 'error', detail: 'It cannot be reached.' });
});

test('namespace, storage and agent are looked for', async (t) => {
	const memory = new MemoryCluster();
	const client = {
		...cluster({}),
		get: memory.get.bind(memory),
		list: memory.list.bind(memory),
	};
	t.is((await checkNamespace(client, 'edge')).result, 'error');
	t.is((await checkStorage(client)).result, 'error');
	t.is((await checkAgent(client, 'edge')).result, 'error');
	await memory.create({
		apiVersion: 'v1',
		kind: 'Namespace',
		metadata: { name: 'edge', labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
	});
	t.like(await checkNamespace(client, 'edge'), { result: 'warning' });
	const storage = { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' };
	await memory.create({ ...storage, metadata: { name: 'slow' } });
	t.is((await checkStorage(client)).result, 'warning');
	t.like(await checkStorage(client, 'slow'), { result: 'ok' });
	t.like(await checkStorage(client, 'ase-node-local'), {
		result: 'error',
		detail: 'The agent asks for the class ase-node-local, but there are slow.',
	});
	const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
	await memory.create({ ...storage, metadata: { name: 'fast', annotations } });
	t.like(await checkStorage(client), { result: 'ok', detail: 'Default class fast' });
	const agent = { name: 'edgeagent', namespace: 'edge' };
	await memory.create({
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: agent,
		status: { readyReplicas: 1 },
	});
	t.is((await checkAgent(client, 'edge')).result, 'ok');
});

test('the Secret of the device and the authorities of the edge are checked', async (t) => {
	const memory = new MemoryCluster();
	const [absent] = (await checkDevice(memory, 'edge', now)).findings;
	t.like(absent, { check: 'device', result: 'error' });
	t.regex(`${absent?.remedy}`, /iotedge-device/);
	// A chart may name another Secret.
	const container = { name: 'edgeagent', env: [{ name: 'DEVICE_SECRET', value: 'own' }] };
	await memory.create({
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: { name: 'edgeagent', namespace: 'edge' },
		spec: { template: { spec: { containers: [container] } } },
	});
	t.is((await checkCertificates(memory, 'edge', now)).result, 'warning');
	const connectionString = 'HostName=h.azure-devices.net;DeviceId=d;SharedAccessKey=a2V5';
	const base64 = (text: string) => Buffer.from(text).toString('base64');
	await memory.create({
		apiVersion: 'v1',
		kind: 'Secret',
		metadata: { name: 'own', namespace: 'edge' },
		data: { connectionString: base64(connectionString) },
	});
	const found = await checkDevice(memory, 'edge', now);
	t.is(found.hubHostName, 'h.azure-devices.net');
	t.deepEqual(
		found.findings.map(({ detail }) => detail),
		['Device d of h.azure-devices.net'],
	);
	t.false(JSON.stringify(found).includes('a2V5'));
	const authority = async (days: number) => {
		const made = await CertificateAuthority.create({ commonName: 'x', days, now: new Date(now) });
		return base64(JSON.stringify(made.toPem()));
	};
	await memory.create({
		apiVersion: 'v1',
		kind: 'Secret',
		metadata: { name: 'edgeagent-state', namespace: 'edge' },
		data: { 'edge-root': await authority(3650), 'edge-issuing': await authority(365) },
	});
	t.is((await checkCertificates(memory, 'edge', now)).result, 'ok');
	t.is((await checkCertificates(memory, 'edge', now + 300 * 86_400_000)).result, 'warning');
});

test('a device of DPS is checked with its certificate, and where DPS has put it', async (t) => {
	const memory = new MemoryCluster();
	const base64 = (text: string) => Buffer.from(text).toString('base64');
	const env = Object.entries({
		DEVICE_CERTIFICATE_SECRET: 'device-certificate',
		DPS_ID_SCOPE: '0ne1',
		DPS_ENDPOINT: 'dps.example.com',
	}).map(([name, value]) => ({ name, value }));
	await memory.create({
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: { name: 'edgeagent', namespace: 'edge' },
		spec: { template: { spec: { containers: [{ name: 'edgeagent', env }] } } },
	});
	const authority = await CertificateAuthority.create({ commonName: 'x', days: 30 });
	const pem = await authority.issue({ commonName: 'edge1', usages: ['client'], days: 20 });
	await memory.create({
		apiVersion: 'v1',
		kind: 'Secret',
		metadata: { name: 'device-certificate', namespace: 'edge' },
		data: { 'tls.crt': base64(pem.certificate), 'tls.key': base64(pem.privateKey) },
	});
	const resultsAt = async (days: number) => {
		const { findings, ...hosts } = await checkDevice(
			memory,
			'edge',
			Date.now() + days * 86_400_000,
		);
		return { results: findings.map(({ check, result }) => `${check} ${result}`), ...hosts };
	};
	t.deepEqual(await resultsAt(0), {
		results: ['device warning', 'device certificate ok'],
		dpsHostName: 'dps.example.com',
	});
	const device = { hostName: 'h.azure-devices.net', deviceId: 'edge1' };
	await memory.create({
		apiVersion: 'v1',
		kind: 'Secret',
		metadata: { name: 'edgeagent-state', namespace: 'edge' },
		data: { device: base64(JSON.stringify(device)) },
	});
	t.deepEqual(await resultsAt(10), {
		results: ['device ok', 'device certificate warning'],
		hubHostName: 'h.azure-devices.net',
		dpsHostName: 'dps.example.com',
	});
	t.deepEqual((await resultsAt(21)).results, ['device ok', 'device certificate error']);
});

test('a registration is asked for by a wish for the next agent', async (t) => {
	const memory = new MemoryCluster();
	await t.throwsAsync(askForRegistration(memory, 'edge'), { code: 'EDGE_MODULE_UNKNOWN' });
	await memory.create({
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: {
			name: 'edgeagent-1',
			namespace: 'edge',
			labels: { 'net.azure-devices.edge.module': 'edgeagent' },
			annotations: { 'net.azure-devices.edge.original-moduleid': 'edgeAgent' },
		},
	});
	t.deepEqual(await askForRegistration(memory, 'edge'), ['edgeagent-1']);
	t.is(memory.all('Pod').length, 0);
	const [state] = memory.all('Secret');
	t.deepEqual(state?.['data'], { reprovision: btoa('true') });
});

test('rights of the agent are asked of the cluster', async (t) => {
	const { client } = await runningApiServer(t);
	await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'edge' } });
	const rights = await neededRights();
	t.true(rights.some(({ resource, verb }) => resource === 'leases' && verb === 'update'));
	const without = await checkRights(client, 'edge', 'edgeagent', rights);
	t.is(without.result, 'error');
	t.regex(without.detail, /create deployments\.apps/);
	for (const object of await installedRole('edge')) await client.create(object);
	t.like(await checkRights(client, 'edge', 'edgeagent', rights), { result: 'ok' });
	const more = [...rights, { group: '', resource: 'nodes', verb: 'list' }];
	t.regex((await checkRights(client, 'edge', 'edgeagent', more)).detail, /may not list nodes\./);
});

test('whether the agent can verify tokens of pods is asked of the cluster', async (t) => {
	const { client } = await runningApiServer(t);
	await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'edge' } });
	const look = (of: Partial<typeof client> = {}) => {
		const { create, get, list, tokenKeys } = client;
		const bound = {
			create: create.bind(client),
			get: get.bind(client),
			list: list.bind(client),
			tokenKeys: tokenKeys.bind(client),
		};
		return checkIssuerKeys({ ...bound, ...of }, 'edge', 'edgeagent');
	};
	t.like(await look(), { result: 'ok' });
	const refusal = (status: number) => async () => {
		throw errorOfAnswer(status, '{}', 'test');
	};
	t.like(await look({ tokenKeys: refusal(403) }), { result: 'ok' });
	t.like(await look({ create: refusal(403) }), { result: 'skipped' });
	const unpublished = await look({ tokenKeys: refusal(404) });
	t.like(unpublished, { result: 'warning' });
	t.regex(unpublished.remedy ?? '', /--service-account-issuer/);
	const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding' };
	await client.delete({ ...rbac, name: 'system:service-account-issuer-discovery' });
	t.like(await look(), { result: 'warning' });
	const env = [{ name: 'WORKLOAD_API_MODE', value: 'sidecar' }];
	const containers = [{ name: 'edgeagent', image: 'agent', env }];
	await client.create({
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: { name: 'edgeagent', namespace: 'edge' },
		spec: {
			selector: { matchLabels: { app: 'a' } },
			template: { metadata: { labels: { app: 'a' } }, spec: { containers } },
		},
	});
	const finding = await look();
	t.like(finding, { result: 'error' });
	t.regex(
		finding.remedy ?? '',
		/^kubectl create clusterrolebinding .* --serviceaccount=edge:edgeagent$/,
	);
});

test('the source of the deployment is looked for where the agent looks', async (t) => {
	const cluster = new MemoryCluster();
	const env = [
		{ name: 'ConfigSource', value: 'edge-deployment,config-map' },
		{ name: 'DEPLOYMENT_CONFIG_MAP', value: 'line-7' },
	];
	await cluster.create({
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: { name: 'edgeagent', namespace: 'edge' },
		spec: { template: { spec: { containers: [{ name: 'edgeagent', env }] } } },
	});
	const sources = await agentSources(cluster, 'edge');
	t.deepEqual(sources, ['edge-deployment', 'config-map']);
	const look = () => checkSources(cluster, 'edge', sources);
	t.like(await look(), {
		result: 'warning',
		detail: 'There is none in edge-deployment, config-map.',
	});
	const metadata = { name: 'line-7', namespace: 'edge' };
	await cluster.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata });
	t.like(await look(), { result: 'ok', detail: 'ConfigMap line-7' });
	await cluster.create({ ...edgeDeploymentKind, metadata: { name: 'factory', namespace: 'edge' } });
	t.like(await look(), { result: 'ok', detail: 'EdgeDeployment factory' });
	cluster.fault = (_operation, what) =>
		what === 'EdgeDeployment'
			? errorOfAnswer(404, '{"message":"no such kind"}', 'list')
			: undefined;
	const missing = await look();
	t.is(missing.result, 'error');
	t.regex(missing.remedy ?? '', /edge-deployment-definition\.yaml/);
	t.deepEqual(await agentSources(new MemoryCluster(), 'edge'), ['twin']);
	t.like(await checkSources(cluster, 'edge', ['twin']), { result: 'ok' });
	const rights = await neededRights(true);
	t.true(
		rights.some(({ resource, verb }) => resource === 'edgedeployments/status' && verb === 'patch'),
	);
});

test('the clock of the API server can be asked for', async (t) => {
	const { client } = await runningApiServer(t);
	const off = Math.abs((await client.serverTime()) - Date.now());
	t.true(off < 5_000);
});

test('IoT Hub is tried by name, port and certificate', async (t) => {
	const emulator = await runningEmulator(t);
	const good = await checkHub(emulator.hostName, emulator.caCertificate);
	t.deepEqual(
		good.map(({ result }) => result),
		['ok'],
	);
	const [untrusted] = await checkHub(emulator.hostName);
	t.is(untrusted?.result, 'error');
	t.regex(`${untrusted?.detail}`, /certificate/);
	const closed = createServer().listen(0, '127.0.0.1');
	await once(closed, 'listening');
	const { port } = closed.address() as AddressInfo;
	closed.close();
	await once(closed, 'close');
	const [unreachable] = await checkHub(`localhost:${port}`);
	t.regex(`${unreachable?.detail}`, /no connection/);
	const nowhere = await checkHub('no-such-host.invalid');
	t.deepEqual(
		nowhere.map(({ check, result }) => [check, result]),
		[
			['IoT Hub by MQTT', 'error'],
			['IoT Hub by HTTPS', 'error'],
		],
	);
});

test('authorities of a private hub come from its ConfigMap', async (t) => {
	const memory = new MemoryCluster();
	t.is(await hubAuthorities(memory, 'edge'), undefined);
	await memory.create({
		apiVersion: 'v1',
		kind: 'ConfigMap',
		metadata: { name: 'iothub-trust', namespace: 'edge' },
		data: { 'ca.pem': 'PEM' },
	});
	t.is(await hubAuthorities(memory, 'edge'), 'PEM');
});

async function run(t: ExecutionContext, ...args: string[]) {
	const server = await runningApiServer(t);
	const folder = await temporaryFolder(t);
	const kubeconfig = join(folder, 'kubeconfig');
	await writeFile(kubeconfig, server.kubeconfig);
	await server.client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'edge' } });
	await server.client.create(modulePodSpec());
	let written = '';
	const program = createProgram({
		write: (text) => {
			written += text;
		},
		note: () => {},
		columns: undefined,
		rows: undefined,
		style: (_format, text) => text,
	});
	const placed = args.map((arg) => arg.replace('{folder}', folder));
	await program.parseAsync(['--', '--', ...placed, '--kubeconfig', kubeconfig, '-n', 'edge']);
	const { exitCode } = process;
	process.exitCode = 0;
	return { output: stripVTControlCharacters(written), exitCode, folder };
}

function modulePodSpec() {
	const { status: _, ...pod } = modulePod('Filter', 'filter-1', '2026-03-04T10:00:00Z');
	return { ...pod, spec: { containers: [{ name: 'filter', image: 'filter:1' }] } };
}

test.serial('commands print text and JSON and end with an exit code', async (t) => {
	const status = await run(t, 'status', '--output', 'json');
	t.is(status.exitCode, 1);
	t.like(JSON.parse(status.output), { namespace: 'edge', agent: {} });
	const page = await run(t, 'status');
	t.regex(page.output, /^MODULE +STATUS/m);
	const restart = await run(t, 'restart', 'Filter', '-o', 'json');
	t.is(restart.exitCode, 0);
	t.deepEqual(JSON.parse(restart.output), { module: 'Filter', pods: ['filter-1'] });
	const checks = await run(t, 'check');
	t.is(checks.exitCode, 1);
	t.regex(checks.output, /^error +agent: There is no Deployment edge\/edgeagent\.\n +Install/m);
	const bundle = await run(t, 'support-bundle', '--out', '{folder}/bundle.zip');
	t.is(bundle.exitCode, 0);
	const archive = await readFile(join(bundle.folder, 'bundle.zip'));
	t.is(archive.toString('latin1', 0, 2), 'PK');
	await t.throwsAsync(run(t, 'support-bundle', '--since', 'yesterday'), {
		code: 'EDGE_SETTING_INVALID',
	});
});
