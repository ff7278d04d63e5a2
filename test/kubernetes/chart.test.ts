import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { parseAllDocuments, stringify } from 'yaml';
import { connect } from '../../src/cluster/http-cluster-client.ts';
import { type KubernetesObject, referenceOf } from '../../src/cluster/kubernetes-object.ts';
import { isJsonObject, type JsonObject } from '../../src/runtime/json.ts';
import type { ClusterUnderTest } from '../support/cluster-under-test.ts';
import { chart, chartOfVersion, helmFor } from '../support/helm.ts';
import { kubernetesUnderTest } from '../support/kubernetes-under-test.ts';
import { RealCluster } from '../support/real-cluster.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const plainManifest = resolve(import.meta.dirname, '../../deployments/kubernetes/agent.yaml');
const device = 'HostName=h.azure-devices.net;DeviceId=edge1;SharedAccessKey=a2V5';
const authority = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

/** Values of which at least one is unlike the default in every place of a template. */
const installations: Readonly<Record<string, JsonObject>> = {
	'a Secret that exists': { device: { existingSecret: 'edge-device' } },
	'a connection string': { device: { connectionString: device } },
	'a certificate': {
		device: {
			connectionString: 'HostName=h.azure-devices.net;DeviceId=edge1;x509=true',
			certificateSecret: 'edge-certificate',
		},
	},
	'DPS and a key': {
		device: { dps: { idScope: '0ne00000001', registrationId: 'edge1', symmetricKey: 'a2V5' } },
	},
	'DPS and a certificate': {
		device: {
			certificateSecret: 'edge-certificate',
			dps: { idScope: '0ne00000001', endpoint: 'dps.example.com' },
		},
	},
	everything: {
		image: { repository: 'registry.example.com/iotedge-k8s', tag: '7', pullSecrets: ['registry'] },
		device: { connectionString: device },
		hubCertificateAuthority: authority,
		deployment: { sources: ['edge-deployment', 'file', 'twin'], configMap: 'line-7' },
		settings: {
			PortMappingServiceType: 'LoadBalancer',
			LIVENESS_LIMIT_SECS: 900,
			IMAGE_PULL_SECRETS: 'ase-ecr-credentials',
			WORKLOAD_API_MODE: 'sidecar',
			RunAsNonRoot: true,
		},
		logLevel: 'debug',
		resources: { requests: { cpu: 1, memory: '64Mi' }, limits: { 'example.com/device': '1' } },
		nodeSelector: { 'kubernetes.io/arch': 'arm64' },
		tolerations: [{ key: 'edge', operator: 'Exists', effect: 'NoSchedule' }],
		affinity: { podAntiAffinity: {} },
		priorityClassName: 'system-cluster-critical',
		podAnnotations: { 'prometheus.io/scrape': 'true' },
		podLabels: { team: 'line-7' },
		networkPolicy: { enabled: true },
		monitoring: { dashboard: { enabled: true, labels: { grafana_dashboard: 'edge' } } },
	},
};

let cluster: ClusterUnderTest;

test.before(async (t) => {
	t.timeout(180_000);
	cluster = await kubernetesUnderTest();
});

test.after.always(() => cluster?.[Symbol.asyncDispose]());

/** A namespace at the level `restricted`, and what installs into it; undefined where nothing may be. */
async function installing(t: ExecutionContext) {
	if (!(cluster instanceof RealCluster)) {
		t.log('Nothing is installed with Helm into somebody else’s cluster.');
		t.pass();
		return undefined;
	}
	const { kubeconfig, kubectl: program } = cluster;
	const namespace = `chart-${randomBytes(4).toString('hex')}`;
	const admin = connect(cluster.config);
	t.teardown(() => admin.close());
	const levels = ['enforce', 'warn'].map((mode) => [
		`pod-security.kubernetes.io/${mode}`,
		'restricted',
	]);
	const metadata = { name: namespace, labels: Object.fromEntries(levels) };
	await admin.create({ apiVersion: 'v1', kind: 'Namespace', metadata });
	const kubectl = async (args: readonly string[], input = '') => {
		const all = [`--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`, ...args];
		const child = spawn(program, all, { stdio: ['pipe', 'pipe', 'pipe'] });
		child.stdin.end(input);
		const [stdout, stderr] = await Promise.all([
			text(child.stdout),
			text(child.stderr),
			once(child, 'exit'),
		]);
		return { stdout, stderr };
	};
	return {
		helm: await helmFor(await temporaryFolder(t), { kubeconfig, namespace }),
		kubectl,
		admin,
		namespace,
	};
}

async function valuesFile(t: ExecutionContext, values: JsonObject): Promise<string> {
	const file = join(await temporaryFolder(t), 'values.yaml');
	await writeFile(file, stringify(values));
	return file;
}

function objectsOf(yaml: string): KubernetesObject[] {
	return parseAllDocuments(yaml)
		.map((document) => document.toJS() as KubernetesObject | null)
		.filter((object) => object !== null);
}

for (const [name, values] of Object.entries(installations)) {
	test(`the chart with ${name} has no fault, and the API server takes its objects as they are`, async (t) => {
		const target = await installing(t);
		if (target === undefined) return;
		const file = await valuesFile(t, values);
		const lint = await target.helm('lint', '--strict', chart, '--values', file);
		t.regex(lint.stdout, /1 chart\(s\) linted, 0 chart\(s\) failed/);
		const { stdout } = await target.helm('template', 'edge', chart, '--values', file);
		const args = [
			'create',
			'--dry-run=server',
			'--validate=strict',
			'--output=name',
			'--filename=-',
		];
		const created = await target.kubectl(args, stdout);
		t.is(created.stderr, '');
		t.is(created.stdout.trim().split('\n').length, objectsOf(stdout).length);
	});
}

test('the chart has what the Prometheus operator and Grafana want to know, where it is asked for', async (t) => {
	const helm = await helmFor(await temporaryFolder(t));
	const monitoring = {
		dashboard: { enabled: true },
		podMonitor: { enabled: true, labels: { release: 'prometheus' } },
		alerts: { enabled: true, labels: { release: 'prometheus' } },
	};
	const file = await valuesFile(t, { device: { existingSecret: 'edge-device' }, monitoring });
	const objects = objectsOf((await helm('template', 'edge', chart, '--values', file)).stdout);
	const ofKind = (kind: string) => objects.find((object) => object.kind === kind);
	for (const kind of ['PodMonitor', 'PrometheusRule']) {
		t.is(ofKind(kind)?.metadata.labels?.['release'], 'prometheus');
	}
	const dashboard = objects.find(({ metadata }) => metadata.name === 'edge-dashboard');
	t.is(dashboard?.metadata.labels?.['grafana_dashboard'], '1');
	const [text = ''] = Object.values((dashboard as { data?: Record<string, string> }).data ?? {});
	t.is(JSON.parse(text).title, 'IoT Edge on Kubernetes');
	t.true(Array.isArray(ofKind('PrometheusRule')?.spec?.['groups']));
});

test('the chart and the plain manifest make the same objects', async (t) => {
	const helm = await helmFor(await temporaryFolder(t));
	const set = ['--set', 'device.existingSecret=iotedge-device'];
	const { stdout } = await helm('template', 'edge', chart, ...set);
	const plain = objectsOf(await readFile(plainManifest, 'utf8'));
	const comparable = (objects: KubernetesObject[]) => {
		return new Map(
			objects.map((object) => [`${object.kind} ${object.metadata.name}`, essence(object)]),
		);
	};
	t.deepEqual(comparable(objectsOf(stdout)), comparable(plain));
});

/** An object without what a chart can say and a plain file cannot: release, image, defaults as variables. */
function essence(object: KubernetesObject): JsonObject {
	const copy = structuredClone(object) as KubernetesObject & JsonObject;
	const own = ['app.kubernetes.io/name', 'app.kubernetes.io/part-of'];
	const labels = Object.entries(copy.metadata.labels ?? {}).filter(([key]) => own.includes(key));
	copy.metadata = { ...copy.metadata, labels: Object.fromEntries(labels) };
	if (copy.kind !== 'Deployment') return copy;
	const spec = copy.spec as unknown as DeploymentSpec;
	delete spec.template.metadata.annotations['checksum/hub-authority'];
	for (const container of spec.template.spec.containers) {
		delete container.image;
		delete container.imagePullPolicy;
		container.env = container.env.filter(({ name }) => {
			return !['DEVICE_SECRET', 'RuntimeLogLevel', 'WORKLOAD_API_MODE'].includes(name);
		});
	}
	return copy;
}

interface DeploymentSpec {
	template: {
		metadata: { annotations: Record<string, string> };
		spec: {
			containers: {
				image?: string;
				imagePullPolicy?: string;
				env: { name: string; value?: string }[];
			}[];
		};
	};
}

const mistakes: readonly [values: JsonObject, named: string][] = [
	[{ imgae: { repository: 'x' } }, 'imgae'],
	[{ image: { pullpolicy: 'Always' } }, 'pullpolicy'],
	[{ image: { pullPolicy: 'always' } }, '/image/pullPolicy'],
	[{ device: { existingsecret: 'x' } }, 'existingsecret'],
	[{ device: { connectionString: 'DeviceId=x' } }, '/device/connectionString'],
	[{ device: { connectionString: device, dps: { idScope: '0ne1' } } }, 'either'],
	[{ device: { dps: { idScope: '0ne1' } } }, 'device.certificateSecret'],
	[{ device: { dps: { idscope: '0ne1' } } }, 'idscope'],
	[{ hubCertificateAuthority: '/etc/ca.pem' }, '/hubCertificateAuthority'],
	[{ settings: { 'Port-Mapping': 'x' } }, 'Port-Mapping'],
	[{ settings: { configSource: 'file' } }, 'deployment.sources'],
	[{ settings: { METRICS_PORT: 9700 } }, 'settings.METRICS_PORT cannot be set'],
	[{ logLevel: 'loud' }, '/logLevel'],
	[{ resources: { limit: { memory: '1Gi' } } }, 'limit'],
	[{ tolerations: [{ efect: 'NoSchedule' }] }, 'efect'],
	[{ affinity: { nodeAfinity: {} } }, 'nodeAfinity'],
	[{ networkPolicy: { enable: true } }, 'enable'],
	[{ monitoring: { podMonitor: { interval: 30 } } }, '/monitoring/podMonitor/interval'],
];

for (const [values, named] of mistakes) {
	test(`the chart refuses the values ${JSON.stringify(values)} and names the mistake`, async (t) => {
		const helm = await helmFor(await temporaryFolder(t));
		const file = await valuesFile(t, values);
		const set = ['--set', 'device.existingSecret=iotedge-device'];
		const arguments_ = values['device'] === undefined ? set : [];
		const error = await t.throwsAsync<Error & { stderr: string }>(
			helm('template', 'edge', chart, '--values', file, ...arguments_),
		);
		t.true(error?.stderr.includes(named), error?.stderr);
	});
}

test('a setting wins over what the chart says of the same variable, in any case, and numbers stay as they are', async (t) => {
	const helm = await helmFor(await temporaryFolder(t));
	const file = await valuesFile(t, {
		image: { pullSecrets: ['runtime', 'both'] },
		device: { existingSecret: 'iotedge-device' },
		settings: {
			IMAGE_PULL_SECRETS: 'both, ase-ecr-credentials',
			runtimeloglevel: 'debug',
			WORKLOAD_API_MODE: 'sidecar',
			StorageClassName: '',
			MaxStoreBytes: 1_073_741_824,
			share: 0.25,
			RunAsNonRoot: false,
			https_proxy: 'http://proxy:3128',
		},
	});
	const { stdout } = await helm('template', 'edge', chart, '--values', file);
	const agent = objectsOf(stdout).find(({ kind }) => kind === 'Deployment');
	const spec = agent?.spec as unknown as DeploymentSpec;
	const variables = spec.template.spec.containers[0]?.env ?? [];
	const names = variables.map(({ name }) => name.toLowerCase());
	t.is(new Set(names).size, names.length);
	t.like(Object.fromEntries(variables.map(({ name, value }) => [name, value])), {
		IMAGE_PULL_SECRETS: 'runtime,both,ase-ecr-credentials',
		runtimeloglevel: 'debug',
		WORKLOAD_API_MODE: 'sidecar',
		StorageClassName: '',
		MaxStoreBytes: '1073741824',
		share: '0.25',
		RunAsNonRoot: 'false',
		https_proxy: 'http://proxy:3128',
	});
});

test('without a device the chart says what to set', async (t) => {
	const helm = await helmFor(await temporaryFolder(t));
	const error = await t.throwsAsync<Error & { stderr: string }>(helm('template', 'edge', chart));
	t.regex(
		error?.stderr ?? '',
		/Set device\.existingSecret .* or device\.connectionString, or device\.dps\.idScope/,
	);
});

test('a release is installed, upgraded, rolled back and uninstalled; its objects stay the same ones', async (t) => {
	const target = await installing(t);
	if (target === undefined) return;
	const { helm, admin, namespace } = target;
	const set = ['--set', `device.connectionString=${device.replaceAll('=', '\\=')}`];
	const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'edgeagent' };
	await helm('install', 'edge', chart, ...set);
	const installed = objectsOf((await helm('get', 'manifest', 'edge')).stdout);
	const uids = () => {
		const live = installed.map((object) => {
			return admin.get({ ...referenceOf(object), namespace });
		});
		return Promise.all(live.map(async (object) => (await object)?.metadata.uid));
	};
	const first = await uids();
	t.false(first.includes(undefined));
	t.is(imageOf(await admin.get(deployment)), 'iotedge-k8s:0.1.0');

	const next = await chartOfVersion(t, '0.2.0');
	await helm('upgrade', 'edge', next, '--reuse-values');
	t.is(imageOf(await admin.get(deployment)), 'iotedge-k8s:0.2.0');
	t.deepEqual(await uids(), first);

	await helm('rollback', 'edge', '1');
	t.is(imageOf(await admin.get(deployment)), 'iotedge-k8s:0.1.0');
	t.deepEqual(await uids(), first);

	await helm('uninstall', 'edge', '--cascade=background');
	t.deepEqual(
		await uids(),
		installed.map(() => undefined),
	);
});

function imageOf(deployment: KubernetesObject | undefined): unknown {
	const template = deployment?.spec?.['template'];
	const spec = isJsonObject(template) ? template['spec'] : undefined;
	const containers = isJsonObject(spec) ? spec['containers'] : undefined;
	return Array.isArray(containers) && isJsonObject(containers[0])
		? containers[0]['image']
		: undefined;
}
