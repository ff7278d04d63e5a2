import test from 'ava';
import fc from 'fast-check';
import type { KubernetesObject } from '../../../src/cluster/kubernetes-object.ts';
import { defaultPolicy } from '../../../src/edge-agent/translation/default-policy.ts';
import { translate } from '../../../src/edge-agent/translation/translate.ts';
import type {
	Translation,
	TranslationContext,
	TranslationPolicy,
} from '../../../src/edge-agent/translation/translation.ts';
import type { ModuleDeployment } from '../../../src/manifest/deployment.ts';
import type { JsonObject, JsonValue } from '../../../src/runtime/json.ts';

const permissive: TranslationPolicy = {
	...defaultPolicy,
	allowPrivileged: true,
	allowHostPaths: ['/data', '/dev', '/etc'],
	allowHostNetwork: true,
	allowHostIpc: true,
	allowHostPid: true,
	allowCapabilities: ['NET_ADMIN'],
	runAsNonRoot: false,
};

function contextOf(modules: readonly ModuleDeployment[]): TranslationContext {
	return {
		namespace: 'edge',
		deviceId: 'My_Device',
		iotHubHostName: 'hub.azure-devices.net',
		generationIds: new Map(modules.map(({ name, system }) => [system ? `$${name}` : name, '7'])),
		runtimeImage: 'iotedge-k8s:1.0.0',
		gatewayHostName: 'edgehub',
		edgeDeviceHostName: 'gateway.example.com',
		workloadUri: 'http://edgeagent:35001/',
		workloadTlsUri: 'https://edgeagent:35002/',
		apiVersion: '2019-01-30',
		runtimeLogLevel: 'info',
		owner: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'edgeagent', uid: 'u1' },
	};
}

function moduleOf(name: string, fields: Partial<ModuleDeployment> = {}): ModuleDeployment {
	return {
		name,
		system: false,
		version: '',
		status: 'running',
		restartPolicy: 'always',
		imagePullPolicy: 'on-create',
		startupOrder: 1,
		image: 'r.azurecr.io/filter:1.0',
		createOptions: {},
		env: new Map(),
		path: `$.modules.${name}`,
		...fields,
	};
}

function translated(
	modules: readonly ModuleDeployment[],
	policy: TranslationPolicy = defaultPolicy,
	context: Partial<TranslationContext> = {},
): Translation {
	const registryCredentials = new Map([
		['a', { address: 'R.azurecr.io', username: 'puller', password: 'secret' }],
		['b', { address: 'other.io', username: 'nobody', password: 'secret' }],
	]);
	const deployment = { schemaVersion: '1.1', runtime: {}, registryCredentials, modules };
	return translate(deployment, { ...contextOf(modules), ...context }, policy);
}

function objectOf(
	{ objects }: Translation,
	kind: string,
	name?: string,
): KubernetesObject | undefined {
	return objects.find(
		(object) => object.kind === kind && (name ?? object.metadata.name) === object.metadata.name,
	);
}

/** A value within JSON, by its members' names. */
function at(value: unknown, ...names: (string | number)[]): JsonValue | undefined {
	return names.reduce<unknown>(
		(inner, name) => (inner as Record<string | number, unknown> | undefined)?.[name],
		value,
	) as JsonValue | undefined;
}

function podOf(translation: Translation, name?: string): JsonObject {
	const runner = objectOf(translation, 'Deployment', name) ?? objectOf(translation, 'Job');
	return at(runner, 'spec', 'template', 'spec') as JsonObject;
}

function containerOf(translation: Translation, name?: string): JsonObject {
	return at(podOf(translation, name), 'containers', 0) as JsonObject;
}

function environmentOf(translation: Translation): [JsonValue | undefined, JsonValue | undefined][] {
	const variables = containerOf(translation)['env'] as JsonObject[];
	return variables.map(({ name, value, valueFrom }) => [name, value ?? valueFrom]);
}

function withOptions(
	createOptions: JsonObject,
	policy: TranslationPolicy = defaultPolicy,
	fields: Partial<ModuleDeployment> = {},
): Translation {
	return translated([moduleOf('filter', { createOptions, ...fields })], policy);
}

function codesOf({ problems }: Translation): string[] {
	return problems.map(({ severity, code }) => `${severity} ${code}`);
}

test('makes an account and a Deployment of a plain module, in its namespace and owned', (t) => {
	const translation = translated([moduleOf('SimulatedTemperatureSensor')]);
	t.deepEqual(
		translation.objects.map(
			({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`,
		),
		[
			'Secret edge/puller-r.azurecr.io',
			'ServiceAccount edge/simulatedtemperaturesensor',
			'Deployment edge/simulatedtemperaturesensor',
		],
	);
	for (const { metadata } of translation.objects) {
		t.is(metadata.ownerReferences?.[0]?.uid, 'u1');
		t.like(metadata.labels, {
			'net.azure-devices.edge.deviceid': 'my_device',
			'app.kubernetes.io/managed-by': 'iotedge-k8s',
		});
	}
	t.deepEqual(translation.problems, []);
});

test('tells pods apart by labels, and modules by the annotation', (t) => {
	const runner = objectOf(translated([moduleOf('TempSensor')]), 'Deployment');
	const labels = {
		'net.azure-devices.edge.module': 'tempsensor',
		'net.azure-devices.edge.deviceid': 'my_device',
	};
	t.deepEqual(at(runner, 'spec', 'selector', 'matchLabels'), labels);
	t.like(at(runner, 'spec', 'template', 'metadata'), {
		labels,
		annotations: { 'net.azure-devices.edge.original-moduleid': 'TempSensor' },
	});
});

test('gives a module what its SDK reads, and lets nobody change it', (t) => {
	const translation = withOptions({ Env: ['IOTEDGE_MODULEID=$edgeHub', 'A=1'] }, defaultPolicy, {
		env: new Map([
			['IOTEDGE_GATEWAYHOSTNAME', 'elsewhere'],
			['B', '2'],
		]),
	});
	t.deepEqual(environmentOf(translation), [
		['A', '1'],
		['B', '2'],
		['IOTEDGE_IOTHUBHOSTNAME', 'hub.azure-devices.net'],
		['IOTEDGE_AUTHSCHEME', 'sasToken'],
		['IOTEDGE_WORKLOADURI', 'http://edgeagent:35001/'],
		['IOTEDGE_MODULEGENERATIONID', '7'],
		['IOTEDGE_DEVICEID', 'My_Device'],
		['IOTEDGE_MODULEID', 'filter'],
		['IOTEDGE_APIVERSION', '2019-01-30'],
		['EdgeDeviceHostName', 'gateway.example.com'],
		['IOTEDGE_GATEWAYHOSTNAME', 'edgehub'],
		['RuntimeLogLevel', 'info'],
	]);
	t.deepEqual(codesOf(translation), [
		'warning EDGE_ENVIRONMENT_NAME',
		'warning EDGE_ENVIRONMENT_NAME',
	]);
});

test('tells the edge hub how IoT Hub is reached, unless the manifest says otherwise', (t) => {
	const hub = (env: ReadonlyMap<string, string>) => moduleOf('edgeHub', { system: true, env });
	const network = new Map([
		['https_proxy', 'http://proxy:3128'],
		['UpstreamProtocol', 'MqttWs'],
	]);
	const found = (modules: readonly ModuleDeployment[], index: number) => {
		const deployment = { modules, registryCredentials: new Map() };
		const context = { ...contextOf(modules), networkEnvironment: network };
		const { objects } = translate(deployment as never, context, defaultPolicy);
		const workload = objects.filter(({ kind }) => kind === 'Deployment')[index];
		const list = at(workload, 'spec', 'template', 'spec', 'containers', 0, 'env');
		const texts = (list as JsonObject[]).map(({ name, value }) => `${name}=${value}`);
		return texts.filter((text) => /proxy|upstream/i.test(text));
	};
	t.deepEqual(found([hub(new Map())], 0), [
		'https_proxy=http://proxy:3128',
		'UpstreamProtocol=MqttWs',
	]);
	t.deepEqual(found([hub(new Map([['HTTPS_PROXY', 'http://other']]))], 0), [
		'HTTPS_PROXY=http://other',
		'UpstreamProtocol=MqttWs',
	]);
	t.deepEqual(found([moduleOf('filter')], 0), []);
});

test('passes the Pod Security level restricted unless the manifest asks for more', (t) => {
	const pod = podOf(translated([moduleOf('a')]));
	t.deepEqual(pod['securityContext'], {
		runAsNonRoot: true,
		runAsUser: 1000,
		fsGroup: 1000,
		fsGroupChangePolicy: 'OnRootMismatch',
		seccompProfile: { type: 'RuntimeDefault' },
	});
	t.deepEqual(at(pod, 'containers', 0, 'securityContext'), {
		allowPrivilegeEscalation: false,
		capabilities: { drop: ['ALL'] },
	});
	t.is(pod['automountServiceAccountToken'], false);
	t.is(pod['enableServiceLinks'], false);
});

const refusals: [string, JsonObject, string][] = [
	['Privileged', { HostConfig: { Privileged: 'true' } }, 'EDGE_POLICY_DENIED'],
	['the host network', { hostconfig: { networkmode: 'Host' } }, 'EDGE_POLICY_DENIED'],
	['the host IPC', { HostConfig: { IpcMode: 'host' } }, 'EDGE_POLICY_DENIED'],
	['the host PIDs', { HostConfig: { PidMode: 'host' } }, 'EDGE_POLICY_DENIED'],
	['another container', { HostConfig: { IpcMode: 'container:x' } }, 'EDGE_CREATE_OPTION_REFUSED'],
	['a host path', { HostConfig: { Binds: ['/data:/data'] } }, 'EDGE_POLICY_DENIED'],
	[
		'the root of the host',
		{ HostConfig: { Mounts: [{ Type: 'bind', Source: '/', Target: '/h' }] } },
		'EDGE_POLICY_DENIED',
	],
	[
		'the Docker socket',
		{ HostConfig: { Binds: ['/var/run/docker.sock:/s'] } },
		'EDGE_POLICY_DENIED',
	],
	[
		'the daemon socket',
		{ HostConfig: { Binds: ['/var/run/iotedge/mgmt.sock:/s'] } },
		'EDGE_CREATE_OPTION_REFUSED',
	],
	['a path of Windows', { HostConfig: { Binds: ['C:/data:/d'] } }, 'EDGE_CREATE_OPTION_REFUSED'],
	['a capability', { HostConfig: { CapAdd: ['CAP_SYS_ADMIN'] } }, 'EDGE_POLICY_DENIED'],
	['root', { User: '0:0' }, 'EDGE_POLICY_DENIED'],
	['a kernel setting', { HostConfig: { Sysctls: { 'kernel.msgmax': '1' } } }, 'EDGE_POLICY_DENIED'],
	['a device', { HostConfig: { Devices: [{ PathOnHost: '/dev/video0' }] } }, 'EDGE_POLICY_DENIED'],
	['no seccomp', { HostConfig: { SecurityOpt: ['seccomp=unconfined'] } }, 'EDGE_POLICY_DENIED'],
	['volumes of another', { HostConfig: { VolumesFrom: ['x'] } }, 'EDGE_CREATE_OPTION_REFUSED'],
	['an object as Cmd', { Cmd: { a: 'b' } }, 'EDGE_CREATE_OPTION_INVALID'],
	['a list as WorkingDir', { WorkingDir: ['/a'] }, 'EDGE_CREATE_OPTION_INVALID'],
	[
		'a mount without Type',
		{ HostConfig: { Mounts: [{ Source: 'a', Target: '/a' }] } },
		'EDGE_CREATE_OPTION_INVALID',
	],
	[
		'a host path by extension',
		{ 'k8s-experimental': { volumes: [{ volume: { name: 'v', hostPath: { path: '/' } } }] } },
		'EDGE_POLICY_DENIED',
	],
	[
		'root by extension',
		{ 'k8s-extensions': { securityContext: { runAsUser: '0' } } },
		'EDGE_POLICY_DENIED',
	],
	[
		'a volume of NFS',
		{ 'k8s-extensions': { volumes: [{ volume: { name: 'v', nfs: {} } }] } },
		'EDGE_POLICY_DENIED',
	],
];
for (const [what, createOptions, code] of refusals) {
	test(`refuses a module that asks for ${what}, and only that module`, (t) => {
		const translation = translated([moduleOf('bad', { createOptions }), moduleOf('good')]);
		t.deepEqual(
			translation.modules.map(({ name, refused }) => [name, refused]),
			[
				['bad', true],
				['good', false],
			],
		);
		t.deepEqual(codesOf(translation), [`error ${code}`]);
		t.is(translation.problems[0]?.module, 'bad');
		t.regex(translation.problems[0]?.path ?? '', /^\$\.modules\.bad\.settings\.createOptions./);
		t.truthy(objectOf(translation, 'Deployment', 'good'));
		t.falsy(objectOf(translation, 'Deployment', 'bad'));
	});
}

test('grants what the policy allows', (t) => {
	const translation = withOptions(
		{
			User: 'root',
			HostConfig: {
				CapAdd: ['NET_ADMIN'],
				NetworkMode: 'host',
				IpcMode: 'host',
				Binds: ['/data/in/:/in/:ro', '/etc/localtime:/etc/localtime'],
			},
		},
		permissive,
	);
	const pod = podOf(translation);
	t.like(pod, { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet', hostIPC: true });
	t.like(pod['securityContext'], { runAsUser: 0 });
	const volumes = (pod['volumes'] as JsonObject[]).filter(({ hostPath }) => hostPath !== undefined);
	t.deepEqual(volumes, [
		{ name: 'datain', hostPath: { path: '/data/in', type: 'DirectoryOrCreate' } },
		{ name: 'etclocaltime', hostPath: { path: '/etc/localtime', type: 'File' } },
	]);
	t.deepEqual(at(pod, 'containers', 0, 'volumeMounts'), [
		{ name: 'datain', mountPath: '/in', readOnly: true },
		{ name: 'etclocaltime', mountPath: '/etc/localtime' },
		{ name: 'iotedge-workload-socket', mountPath: '/var/run/iotedge-k8s' },
	]);
	t.deepEqual(at(pod, 'containers', 0, 'securityContext'), {
		capabilities: { add: ['NET_ADMIN'] },
	});
	t.false(translation.modules[0]?.refused);
});

test('keeps a folder that only begins like an allowed one, and what climbs out of it, away', (t) => {
	for (const path of ['/database', '/data/../root', '/var/run', '//']) {
		t.true(
			withOptions({ HostConfig: { Binds: [`${path}:/x`] } }, permissive).modules[0]?.refused,
			path,
		);
	}
});

test('does not let a wide permission give the container runtime away', (t) => {
	const wide = { ...permissive, allowHostPaths: ['/'] };
	for (const path of ['/var/run/docker.sock', '/run', '/']) {
		const createOptions = { HostConfig: { Binds: [`${path}:/x`] } };
		const named = { ...wide, allowHostPaths: ['/', path] };
		t.is(withOptions(createOptions, wide).modules[0]?.refused, path !== '/', path);
		t.false(withOptions(createOptions, named).modules[0]?.refused, path);
	}
});

test('runs a module that may end as a Job whose name follows its template', (t) => {
	const job = objectOf(withOptions({}, defaultPolicy, { restartPolicy: 'on-failure' }), 'Job');
	t.regex(job?.metadata.name ?? '', /^filter-[0-9a-f]{8}$/);
	t.like(job?.spec, { suspend: false, backoffLimit: 20, completions: 1 });
	t.is(at(job, 'spec', 'template', 'spec', 'restartPolicy'), 'OnFailure');
	t.is(at(job, 'metadata', 'labels', 'net.azure-devices.edge.module'), 'filter');

	const stopped = withOptions({}, defaultPolicy, {
		restartPolicy: 'on-failure',
		status: 'stopped',
	});
	t.is(objectOf(stopped, 'Job')?.metadata.name, job?.metadata.name);
	t.like(objectOf(stopped, 'Job')?.spec, { suspend: true });

	const changed = withOptions({ Cmd: ['x'] }, defaultPolicy, { restartPolicy: 'on-failure' });
	t.not(objectOf(changed, 'Job')?.metadata.name, job?.metadata.name);

	const never = objectOf(withOptions({}, defaultPolicy, { restartPolicy: 'never' }), 'Job');
	t.like(never?.spec, { backoffLimit: 0 });
});

test('a stopped module has no replicas', (t) => {
	const translation = withOptions({}, defaultPolicy, { status: 'stopped' });
	t.like(objectOf(translation, 'Deployment')?.spec, { replicas: 0 });
});

test('requests memory and processor time for the edge hub, unless the manifest says otherwise', (t) => {
	const resourcesWith = (createOptions: JsonObject) => {
		const translation = translated([moduleOf('edgeHub', { system: true, createOptions })]);
		return containerOf(translation)['resources'];
	};
	t.deepEqual(resourcesWith({}), { requests: { memory: '128Mi', cpu: '50m' } });
	t.deepEqual(resourcesWith({ HostConfig: { Memory: 67_108_864 } }), {
		limits: { memory: '67108864' },
		requests: { cpu: '50m' },
	});
	const own = { 'k8s-extensions': { resources: { requests: { memory: '1Gi', cpu: '1' } } } };
	t.deepEqual(resourcesWith(own), { requests: { memory: '1Gi', cpu: '1' } });
});

test('serves the edge hub itself, with a claim and its protocols, whatever the manifest says', (t) => {
	const hub = moduleOf('edgeHub', {
		system: true,
		image: 'mcr.microsoft.com/azureiotedge-hub:1.5',
		env: new Map([
			['OptimizeForPerformance', 'false'],
			['StorageFolder', '/elsewhere'],
		]),
		createOptions: {
			User: 'root',
			Cmd: { no: 'list' },
			HostConfig: {
				Privileged: true,
				Binds: ['/storage:/iotedge/storage'],
				PortBindings: { '8883/tcp': [{ HostPort: '18883' }] },
			},
		},
	});
	const policy = { ...defaultPolicy, portMappingServiceType: 'LoadBalancer' } as const;
	const hubTrust = { configMapName: 'trust', key: 'ca.pem' };
	const translation = translated([hub], policy, { hubTrust });
	t.false(translation.modules[0]?.refused);
	t.is(translation.modules[0]?.moduleId, '$edgeHub');
	const container = containerOf(translation);
	t.like(container, { name: 'edgehub', image: 'iotedge-k8s:1.0.0', args: ['hub'] });
	t.is(container['command'], undefined);
	for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
		t.like(container[probe] as JsonObject, { tcpSocket: { port: 8883 } });
	}
	const environment = new Map(environmentOf(translation));
	t.is(environment.get('IOTEDGE_MODULEID'), '$edgeHub');
	t.is(environment.get('StorageFolder'), '/var/lib/iotedge-k8s');
	t.is(environment.get('IOT_HUB_CA_FILE'), '/etc/iotedge-k8s/iot-hub/ca.pem');
	t.is(environment.get('OptimizeForPerformance'), 'false');
	t.false(environment.has('IOTEDGE_GATEWAYHOSTNAME'));
	const service = objectOf(translation, 'Service');
	t.is(at(service, 'spec', 'type'), 'LoadBalancer');
	t.deepEqual(
		(at(service, 'spec', 'ports') as JsonObject[]).map(({ port }) => port).sort(),
		[18883, 443, 5671, 8883],
	);
	const claim = objectOf(translation, 'PersistentVolumeClaim');
	t.is(claim?.metadata.name, 'edgehub');
	t.is(claim?.metadata.ownerReferences, undefined);
	t.deepEqual(at(objectOf(translation, 'Deployment'), 'spec', 'strategy'), { type: 'Recreate' });
	t.like(at(podOf(translation), 'securityContext'), { runAsNonRoot: true, runAsUser: 1000 });
});

test('does not deploy the edge agent', (t) => {
	const agent = moduleOf('edgeAgent', {
		system: true,
		createOptions: { HostConfig: { PortBindings: { '9600/tcp': [{ HostPort: '9600' }] } } },
	});
	const translation = translated([agent]);
	t.deepEqual(translation.objects, []);
	t.like(translation.modules[0], { objectName: 'edgeagent', refused: false, objects: [] });
	t.deepEqual(codesOf(translation), ['warning EDGE_CREATE_OPTION_APPROXIMATED']);
});

test('leaves out a module without an identity', (t) => {
	const translation = translated([moduleOf('a')], defaultPolicy, { generationIds: new Map() });
	t.deepEqual(codesOf(translation), ['error EDGE_IDENTITY_MISSING']);
	t.deepEqual(translation.objects, []);
});

test('makes one pull secret for a credential, and only where a module needs it', (t) => {
	const modules = [moduleOf('a'), moduleOf('b'), moduleOf('c', { image: 'hub/c:1' })];
	const translation = translated(modules);
	const secrets = translation.objects.filter(({ kind }) => kind === 'Secret');
	t.is(secrets.length, 1);
	t.is(secrets[0]?.['type'], 'kubernetes.io/dockerconfigjson');
	const data = at(secrets[0], 'data', '.dockerconfigjson') as string;
	t.deepEqual(JSON.parse(Buffer.from(data, 'base64').toString()), {
		auths: {
			'R.azurecr.io': { username: 'puller', password: 'secret', auth: 'cHVsbGVyOnNlY3JldA==' },
		},
	});
	t.deepEqual(podOf(translation, 'a')['imagePullSecrets'], [{ name: 'puller-r.azurecr.io' }]);
	t.is(podOf(translation, 'c')['imagePullSecrets'], undefined);
});

test('resolves images of a parent, and refuses them without one', (t) => {
	const module = moduleOf('a', { image: '$upstream:443/filter:1.0' });
	const nested = translated([module], defaultPolicy, { parentHostName: 'parent.local' });
	t.is(containerOf(nested)['image'], 'parent.local:443/filter:1.0');
	t.deepEqual(codesOf(translated([module])), ['error EDGE_IMAGE_INVALID']);
	const placeholder = moduleOf('a', { image: '<registry>/filter:1.0' });
	t.deepEqual(codesOf(translated([placeholder])), ['error EDGE_IMAGE_INVALID']);
	const unfilled = moduleOf('a', { image: '$upstream:443/<registry>/filter:1.0' });
	const refused = translated([unfilled], defaultPolicy, { parentHostName: 'parent.local' });
	t.deepEqual(codesOf(refused), ['error EDGE_IMAGE_INVALID']);
});

test('finds the credential of a parent under both of its names, and names the parent in it', (t) => {
	const modules = [moduleOf('a', { image: '$upstream:443/filter:1.0' })];
	const context = { ...contextOf(modules), parentHostName: 'parent.local' };
	for (const address of ['$upstream:443', 'Parent.local:443']) {
		const registryCredentials = new Map([['p', { address, username: 'u', password: 'x' }]]);
		const deployment = { schemaVersion: '1.1', runtime: {}, registryCredentials, modules };
		const translation = translate(deployment, context, defaultPolicy);
		const secret = objectOf(translation, 'Secret', 'u-parent.local-443');
		const data = Buffer.from(at(secret, 'data', '.dockerconfigjson') as string, 'base64');
		t.regex(`${data}`, /"auths":\{"parent\.local:443":/i);
		t.deepEqual(podOf(translation)['imagePullSecrets'], [{ name: 'u-parent.local-443' }]);
	}
});

test('denies traffic by default where the policy says so, but to the modules’ ports', (t) => {
	const open = moduleOf('open', {
		createOptions: { HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '80' }] } } },
	});
	const inner = moduleOf('inner', { createOptions: { ExposedPorts: { '53/udp': {} } } });
	const translation = translated([open, inner], { ...defaultPolicy, networkPolicies: true });
	t.like(objectOf(translation, 'NetworkPolicy', 'iotedge-k8s-deny')?.spec, {
		policyTypes: ['Ingress'],
	});
	t.deepEqual(at(objectOf(translation, 'NetworkPolicy', 'open'), 'spec', 'ingress'), [
		{ ports: [{ port: 80, protocol: 'TCP' }] },
	]);
	t.deepEqual(at(objectOf(translation, 'NetworkPolicy', 'inner'), 'spec', 'ingress'), [
		{ from: [{ podSelector: {} }], ports: [{ port: 53, protocol: 'UDP' }] },
	]);
});

test('keeps the runtime’s labels and annotations out of the manifest’s hands', (t) => {
	const key = 'net.azure-devices.edge.original-moduleid';
	const translation = withOptions({
		Labels: { [key]: '$edgeHub', 'Example.com/Team': 'a' },
		'k8s-extensions': {
			podLabels: { 'net.azure-devices.edge.module': 'edgehub', tier: 'x' },
			podAnnotations: { [key]: '$edgeHub' },
		},
	});
	const metadata = at(objectOf(translation, 'Deployment'), 'spec', 'template', 'metadata');
	t.is(at(metadata, 'annotations', key), 'filter');
	t.is(at(metadata, 'annotations', 'example.com/Team'), 'a');
	t.is(at(metadata, 'labels', 'net.azure-devices.edge.module'), 'filter');
	t.is(at(metadata, 'labels', 'tier'), 'x');
});

test('lets no module read the Secrets of the runtime', (t) => {
	const policy = { ...defaultPolicy, protectedSecrets: ['agent-identity'] };
	const extensions: JsonObject[] = [
		{ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'agent-identity', key: 'k' } } }] },
		{ envFrom: [{ secretRef: { name: 'agent-identity' } }] },
		{ volumes: [{ volume: { name: 'v', secret: { secretName: 'agent-identity' } } }] },
		{
			volumes: [
				{ volume: { name: 'v', projected: { sources: [{ secret: { name: 'agent-identity' } }] } } },
			],
		},
	];
	for (const extension of extensions) {
		t.deepEqual(codesOf(withOptions({ 'k8s-extensions': extension }, policy)), [
			'error EDGE_POLICY_DENIED',
		]);
	}
});

test('lets no module take or use what belongs to the installation', (t) => {
	const context = { reservedNames: ['agent-state', 'iotedge-agent'] };
	const aliases = {
		NetworkingConfig: { EndpointsConfig: { n: { Aliases: ['edgeagent', 'ok'] } } },
	};
	const modules = [
		moduleOf('iotedge-agent', { createOptions: aliases }),
		moduleOf('default', {
			createOptions: { HostConfig: { Binds: ['agent-state:/a', 'edgehub:/h'] } },
		}),
	];
	const translation = translated(modules, defaultPolicy, context);
	const names = translation.objects.map(({ metadata }) => metadata.name);
	for (const name of ['agent-state', 'iotedge-agent', 'default', 'edgehub', 'edgeagent']) {
		t.false(names.includes(name), name);
	}
	t.true(names.includes('ok'));
	const claimName = 'edgehub';
	const volumes = [{ volume: { name: 'v', persistentVolumeClaim: { claimName } } }];
	t.deepEqual(codesOf(withOptions({ 'k8s-experimental': { volumes } })), [
		'error EDGE_POLICY_DENIED',
	]);
	const secret = { ...defaultPolicy, protectedSecrets: ['puller-r.azurecr.io'] };
	t.regex(
		objectOf(translated([moduleOf('a')], secret), 'Secret')?.metadata.name ?? '',
		/-[0-9a-f]{8}$/,
	);
});

test('takes names of members of every object as plain names', (t) => {
	const createOptions = { HostConfig: { Binds: ['constructor:/c'], Privileged: 'constructor' } };
	t.deepEqual(codesOf(withOptions(createOptions)), ['error EDGE_CREATE_OPTION_INVALID']);
	const claimed = withOptions({
		HostConfig: { Binds: ['constructor:/c'] },
		'k8s-extensions': { storage: { x: {} } },
	});
	t.is(objectOf(claimed, 'PersistentVolumeClaim')?.metadata.name, 'constructor');
});

const names = fc.oneof(
	fc.string({ minLength: 1, maxLength: 140 }),
	fc.constantFrom('a_b', 'ab', 'AB', 'aB', 'ab-', '1a', 'edgehub', '__proto__', 'x'.repeat(10_000)),
);
const createOptionsArbitrary = fc.record(
	{
		Env: fc.array(fc.string()),
		Labels: fc.dictionary(fc.string(), fc.string()),
		ExposedPorts: fc.dictionary(
			fc.constantFrom('80', '80/tcp', '80/udp', 'x', '443/TCP'),
			fc.constant({}),
		),
		HostConfig: fc.record(
			{
				Binds: fc.array(
					fc.tuple(names, fc.constantFrom('/a', '/b')).map((parts) => parts.join(':')),
				),
				PortBindings: fc.dictionary(fc.constantFrom('80', '81/udp'), fc.jsonValue()),
				ShmSize: fc.jsonValue(),
			},
			{ requiredKeys: [] },
		),
		'k8s-extensions': fc.jsonValue(),
	},
	{ requiredKeys: [] },
);

test('gives equal bytes for equal input, and valid, unique names for any', (t) => {
	const module = fc.record({ name: names, createOptions: createOptionsArbitrary });
	const modules = fc.uniqueArray(module, { selector: ({ name }) => name, maxLength: 6 });
	fc.assert(
		fc.property(modules, (list) => {
			const deployed = list.map(({ name, createOptions }) => {
				return moduleOf(name, { createOptions: createOptions as JsonObject });
			});
			const first = translated(deployed, permissive);
			t.is(
				JSON.stringify(translated(structuredClone(deployed), permissive)),
				JSON.stringify(first),
			);
			const keys = first.objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
			t.is(new Set(keys).size, keys.length);
			for (const { kind, metadata } of first.objects) {
				const valid =
					kind === 'Secret' ? /^[a-z0-9.-]{1,253}$/ : /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
				t.regex(metadata.name, valid);
			}
			const workloads = first.modules.flatMap(({ workload }) => workload ?? []);
			t.is(workloads.length, first.modules.filter(({ refused }) => !refused).length);
		}),
		{ numRuns: 200 },
	);
});

test('gives each module the same names whatever else is deployed beside it', (t) => {
	const alone = translated([moduleOf('my_mod')]).modules[0]?.objectName;
	const beside = translated([moduleOf('mymod'), moduleOf('my_mod'), moduleOf('MyMod')]).modules;
	t.is(beside[1]?.objectName, alone);
	t.is(beside[0]?.objectName, 'mymod');
	t.regex(beside[2]?.objectName ?? '', /^mymod-[0-9a-f]{8}$/);
});
