import test from 'ava';
import type { KubernetesObject } from '../../../src/cluster/kubernetes-object.ts';
import {
	createOptionsTable,
	optionNames,
} from '../../../src/edge-agent/translation/create-options-table.ts';
import { defaultPolicy } from '../../../src/edge-agent/translation/default-policy.ts';
import { translate } from '../../../src/edge-agent/translation/translate.ts';
import type {
	Translation,
	TranslationPolicy,
} from '../../../src/edge-agent/translation/translation.ts';
import type { ModuleDeployment } from '../../../src/manifest/deployment.ts';
import type { JsonObject, JsonValue } from '../../../src/runtime/json.ts';

interface Outcome {
	readonly translation: Translation;
	readonly pod: JsonObject;
	readonly container: JsonObject;
	readonly codes: readonly string[];
	object(kind: string, name?: string): KubernetesObject | undefined;
}

const permissive: TranslationPolicy = {
	...defaultPolicy,
	allowPrivileged: true,
	runAsNonRoot: false,
};

function outcomeOf(
	createOptions: JsonObject,
	policy: TranslationPolicy = defaultPolicy,
	fields: Partial<ModuleDeployment> = {},
): Outcome {
	const module: ModuleDeployment = {
		name: 'filter',
		system: false,
		version: '',
		status: 'running',
		restartPolicy: 'always',
		imagePullPolicy: 'on-create',
		startupOrder: 1,
		image: 'filter:1.0',
		createOptions,
		env: new Map(),
		path: '$.modules.filter',
		...fields,
	};
	const translation = translate(
		{ schemaVersion: '1.1', runtime: {}, registryCredentials: new Map(), modules: [module] },
		{
			namespace: 'edge',
			deviceId: 'edge1',
			iotHubHostName: 'hub.azure-devices.net',
			generationIds: new Map([['filter', '1']]),
			runtimeImage: 'iotedge-k8s:1.0.0',
			gatewayHostName: 'edgehub',
			edgeDeviceHostName: 'edge1',
			workloadUri: 'http://edgeagent:35001/',
			workloadTlsUri: 'https://edgeagent:35002/',
			apiVersion: '2019-01-30',
			runtimeLogLevel: 'info',
		},
		policy,
	);
	const object = (kind: string, name?: string) => {
		return translation.objects.find((one) => {
			return one.kind === kind && (name === undefined || one.metadata.name === name);
		});
	};
	const runner = object('Deployment') ?? object('Job');
	const template = runner?.spec?.['template'] as JsonObject | undefined;
	const pod = (template?.['spec'] ?? {}) as JsonObject;
	const [container = {}] = (pod['containers'] ?? []) as JsonObject[];
	const codes = translation.problems.map(({ severity, code }) => `${severity} ${code}`);
	return { translation, pod, container, codes, object };
}

const approximated = ['warning EDGE_CREATE_OPTION_APPROXIMATED'];

const containerTable: [string, JsonObject, JsonObject][] = [
	['Cmd', { Cmd: ['a', 'b'] }, { args: ['a', 'b'] }],
	['a Cmd that is a string', { Cmd: 'a' }, { args: ['a'] }],
	['Entrypoint, in any case', { entrypoint: ['a'] }, { command: ['a'] }],
	['WorkingDir', { WorkingDir: '/w' }, { workingDir: '/w' }],
	['references, escaped', { Cmd: ['$(A) $$(B) $C $$'] }, { args: ['$$(A) $$$$(B) $C $$$'] }],
	[
		'Tty and stdin',
		{ Tty: true, OpenStdin: 'true', StdinOnce: true },
		{ tty: true, stdin: true, stdinOnce: true },
	],
	[
		'ReadonlyRootfs',
		{ HostConfig: { ReadonlyRootfs: true } },
		{
			securityContext: {
				allowPrivilegeEscalation: false,
				readOnlyRootFilesystem: true,
				capabilities: { drop: ['ALL'] },
			},
		},
	],
	[
		'NET_BIND_SERVICE',
		{ HostConfig: { CapAdd: ['CAP_NET_BIND_SERVICE'] } },
		{
			securityContext: {
				allowPrivilegeEscalation: false,
				capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] },
			},
		},
	],
	[
		'Memory',
		{ HostConfig: { Memory: 8388608, MemoryReservation: '1024' } },
		{ resources: { limits: { memory: '8388608' }, requests: { memory: '1024' } } },
	],
	[
		'NanoCpus',
		{ HostConfig: { NanoCPUs: 1_500_000_000 } },
		{ resources: { limits: { cpu: '1500m' } } },
	],
	[
		'CpuQuota and CpuShares',
		{ HostConfig: { CpuQuota: 50000, CpuPeriod: 100000, CpuShares: 512 } },
		{ resources: { limits: { cpu: '500m' }, requests: { cpu: '500m' } } },
	],
	[
		'StorageOpt',
		{ HostConfig: { StorageOpt: { size: '10G' } } },
		{ resources: { limits: { 'ephemeral-storage': '10Gi' } } },
	],
	[
		'DeviceRequests',
		{ HostConfig: { DeviceRequests: [{ Count: 2, Capabilities: [['gpu']] }] } },
		{ resources: { limits: { 'nvidia.com/gpu': '2' } } },
	],
	[
		'ExposedPorts',
		{ ExposedPorts: { '80': {}, '53/udp': {} } },
		{
			ports: [
				{ containerPort: 80, protocol: 'TCP' },
				{ containerPort: 53, protocol: 'UDP' },
			],
		},
	],
	[
		'the extension’s resources',
		{
			HostConfig: { Memory: 1 },
			'k8s-experimental': { resources: { limits: { memory: '1Gi', 'nvidia.com/gpu': 1 } } },
		},
		{ resources: { limits: { memory: '1Gi', 'nvidia.com/gpu': '1' } } },
	],
	[
		'the extension’s probes',
		{ 'k8s-extensions': { probes: { liveness: { tcpSocket: { port: 1 } } } } },
		{ livenessProbe: { tcpSocket: { port: 1 } } },
	],
];
for (const [what, createOptions, expected] of containerTable) {
	test(`carries over to the container: ${what}`, (t) => {
		const { container, codes } = outcomeOf(createOptions);
		t.like(container, expected);
		t.deepEqual(codes, []);
	});
}

const podTable: [string, JsonObject, JsonObject][] = [
	['Hostname', { Hostname: 'opc' }, { hostname: 'opc' }],
	['StopTimeout', { StopTimeout: 60 }, { terminationGracePeriodSeconds: 60 }],
	['a StopTimeout of none', { StopTimeout: 0 }, { terminationGracePeriodSeconds: 0 }],
	[
		'User',
		{ User: '1234:5678' },
		{ securityContext: { runAsUser: 1234, runAsGroup: 5678, runAsNonRoot: true } },
	],
	[
		'GroupAdd',
		{ HostConfig: { GroupAdd: ['44'] } },
		{ securityContext: { supplementalGroups: [44] } },
	],
	[
		'Sysctls',
		{ HostConfig: { Sysctls: { 'net.ipv4.tcp_syncookies': 1 } } },
		{ securityContext: { sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }] } },
	],
	[
		'low ports',
		{ ExposedPorts: { '443/tcp': {} } },
		{ securityContext: { sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }] } },
	],
	[
		'ExtraHosts',
		{ HostConfig: { ExtraHosts: ['a:10.0.0.1', 'b:10.0.0.1', 'c:::1'] } },
		{
			hostAliases: [
				{ ip: '10.0.0.1', hostnames: ['a', 'b'] },
				{ ip: '::1', hostnames: ['c'] },
			],
		},
	],
	[
		'Dns',
		{ HostConfig: { Dns: ['8.8.8.8'], DnsSearch: ['a.b'], DnsOptions: ['ndots:2', 'rotate'] } },
		{
			dnsConfig: {
				nameservers: ['8.8.8.8'],
				searches: ['a.b'],
				options: [{ name: 'ndots', value: '2' }, { name: 'rotate' }],
			},
		},
	],
	['Init', { HostConfig: { Init: true } }, { shareProcessNamespace: true }],
	[
		'bridge networks',
		{ HostConfig: { NetworkMode: 'bridge', IpcMode: 'private' } },
		{ restartPolicy: 'Always' },
	],
	[
		'the extension’s placement',
		{
			'k8s-extensions': {
				nodeSelector: { a: 1 },
				tolerations: [{ operator: 'Exists' }],
				affinity: { x: {} },
				priorityClassName: 'p',
			},
		},
		{
			nodeSelector: { a: '1' },
			tolerations: [{ operator: 'Exists' }],
			affinity: { x: {} },
			priorityClassName: 'p',
		},
	],
	[
		'the extension’s security context',
		{ 'k8s-experimental': { securityContext: { fsGroup: '3000', runAsUser: '1001' } } },
		{ securityContext: { fsGroup: 3000, runAsUser: 1001, runAsNonRoot: true } },
	],
	[
		'the extension’s pull secrets',
		{ 'k8s-extensions': { imagePullSecrets: ['a', { name: 'b' }] } },
		{ imagePullSecrets: [{ name: 'a' }, { name: 'b' }] },
	],
	[
		'the extension’s runtime class',
		{ 'k8s-extensions': { runtimeClassName: 'kata' } },
		{ runtimeClassName: 'kata' },
	],
];
for (const [what, createOptions, expected] of podTable) {
	test(`carries over to the pod: ${what}`, (t) => {
		const { pod, codes } = outcomeOf(createOptions);
		t.like(pod, expected);
		t.deepEqual(codes, []);
	});
}

const mounts: [string, JsonObject, JsonValue, JsonValue][] = [
	[
		'a named volume of Binds',
		{ Binds: ['sqlVolume:/var/opt/:ro'] },
		[{ name: 'sqlvolume', persistentVolumeClaim: { claimName: 'sqlvolume' } }],
		[{ name: 'sqlvolume', mountPath: '/var/opt', readOnly: true }],
	],
	[
		'a volume mounted twice',
		{
			Mounts: [
				{ type: 'Volume', source: 'v', target: '/a' },
				{ Type: 'volume', Source: 'v', Target: '/b', ReadOnly: 'true' },
			],
		},
		[{ name: 'v', persistentVolumeClaim: { claimName: 'v' } }],
		[
			{ name: 'v', mountPath: '/a' },
			{ name: 'v', mountPath: '/b', readOnly: true },
		],
	],
	[
		'shared memory',
		{ ShmSize: 65536 },
		[{ name: 'memorydevshm', emptyDir: { medium: 'Memory', sizeLimit: '65536' } }],
		[{ name: 'memorydevshm', mountPath: '/dev/shm' }],
	],
	[
		'Tmpfs',
		{ Tmpfs: { '/run': 'rw,size=64m' } },
		[{ name: 'memoryrun', emptyDir: { medium: 'Memory', sizeLimit: '67108864' } }],
		[{ name: 'memoryrun', mountPath: '/run' }],
	],
	[
		'a mount of tmpfs',
		{ Mounts: [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 1024 } }] },
		[{ name: 'memoryt', emptyDir: { medium: 'Memory', sizeLimit: '1024' } }],
		[{ name: 'memoryt', mountPath: '/t' }],
	],
	[
		'an anonymous volume',
		{ Mounts: [{ Type: 'volume', Target: '/s' }] },
		[{ name: 'scratchs', emptyDir: {} }],
		[{ name: 'scratchs', mountPath: '/s' }],
	],
];
for (const [what, hostConfig, volumes, volumeMounts] of mounts) {
	test(`mounts ${what}`, (t) => {
		const { pod, container, codes } = outcomeOf({ HostConfig: hostConfig });
		t.deepEqual(pod['volumes'], volumes);
		t.deepEqual(container['volumeMounts'], volumeMounts);
		t.deepEqual(codes, []);
	});
}

test('refuses two mounts at one place', (t) => {
	const { codes } = outcomeOf({ HostConfig: { Binds: ['one:/x', 'two:/x/'] } });
	t.deepEqual(codes, ['error EDGE_CREATE_OPTION_INVALID']);
});

test('takes the extension’s volumes as they are, its own names first', (t) => {
	const { pod, container } = outcomeOf({
		'k8s-experimental': {
			volumes: [
				{
					volume: { name: 'vol', configMap: { name: 'c', optional: 'true', defaultMode: '420' } },
					volumeMounts: [{ name: 'vol', mountPath: '/c', readOnly: 'true' }],
				},
			],
		},
		HostConfig: { Binds: ['vol:/v'] },
	});
	const [own, other] = pod['volumes'] as JsonObject[];
	t.deepEqual(own, { name: 'vol', configMap: { name: 'c', optional: true, defaultMode: 420 } });
	t.regex(String(other?.['name']), /^vol-[0-9a-f]{8}$/);
	t.deepEqual((container['volumeMounts'] as JsonObject[])[0], {
		name: 'vol',
		mountPath: '/c',
		readOnly: true,
	});
});

test('claims a volume by the policy, or as the extension says', (t) => {
	const Binds = ['data:/data'];
	const claimOf = (policy: TranslationPolicy, storage: JsonObject = {}) => {
		const outcome = outcomeOf({ HostConfig: { Binds }, 'k8s-extensions': { storage } }, policy);
		return outcome.object('PersistentVolumeClaim');
	};
	const storage = { ...defaultPolicy.storage, className: 'fast', defaultSize: '5Gi' };
	t.deepEqual(claimOf({ ...defaultPolicy, storage })?.spec, {
		accessModes: ['ReadWriteOnce'],
		resources: { requests: { storage: '5Gi' } },
		storageClassName: 'fast',
	});
	const share = { ...defaultPolicy, storage: { ...storage, staticVolumes: ['data'] } };
	t.deepEqual(claimOf(share)?.spec, {
		accessModes: ['ReadWriteMany'],
		resources: { requests: { storage: '5Gi' } },
		storageClassName: '',
		volumeName: 'data',
	});
	const own = {
		data: { size: '9Gi', accessModes: ['ReadWriteMany'], storageClassName: 'nfs', keep: false },
	};
	t.deepEqual(claimOf(defaultPolicy, own)?.spec, {
		accessModes: ['ReadWriteMany'],
		resources: { requests: { storage: '9Gi' } },
		storageClassName: 'nfs',
	});
	t.is(claimOf(defaultPolicy, own)?.metadata.annotations?.['net.azure-devices.edge.keep'], 'false');
	t.is(claimOf(defaultPolicy)?.metadata.annotations?.['net.azure-devices.edge.keep'], 'true');
	t.is(claimOf(defaultPolicy)?.metadata.ownerReferences, undefined);
	t.is(claimOf(defaultPolicy, { data: { existing: true } }), undefined);
});

const strategies: [string, JsonObject, JsonValue][] = [
	[
		'nothing special',
		{},
		{ type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
	],
	['a claim of one node', { HostConfig: { Binds: ['vol:/v'] } }, { type: 'Recreate' }],
	[
		'a GPU',
		{ 'k8s-extensions': { resources: { limits: { 'nvidia.com/gpu': 1 } } } },
		{ type: 'Recreate' },
	],
	[
		'a word of the extension',
		{
			HostConfig: { Binds: ['vol:/v'] },
			'k8s-extensions': {
				strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '1' } },
			},
		},
		{ type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
	],
	[
		'Recreate by the extension',
		{ 'k8s-experimental': { strategy: { type: 'Recreate' } } },
		{ type: 'Recreate' },
	],
];
for (const [what, createOptions, strategy] of strategies) {
	test(`replaces pods the right way with ${what}`, (t) => {
		t.deepEqual(outcomeOf(createOptions).object('Deployment')?.spec?.['strategy'], strategy);
	});
}

function servicePorts(outcome: Outcome): JsonValue | undefined {
	return outcome.object('Service')?.spec?.['ports'];
}

test('offers bound ports under the host’s number, and the container’s within the cluster', (t) => {
	const createOptions = { HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '8080' }] } } };
	const bound = { port: 8080, targetPort: 80, name: 'hostport-80-tcp', protocol: 'TCP' };
	t.deepEqual(servicePorts(outcomeOf(createOptions)), [
		bound,
		{ port: 80, name: 'port-80-tcp', protocol: 'TCP' },
	]);
	const external = { ...defaultPolicy, portMappingServiceType: 'LoadBalancer' } as const;
	t.deepEqual(servicePorts(outcomeOf(createOptions, external)), [bound]);
});

test('keeps both protocols of a number, several bindings and ranges', (t) => {
	const outcome = outcomeOf(
		{
			HostConfig: {
				PortBindings: {
					'53/udp': [{ HostPort: '53' }],
					'53/tcp': [{ HostPort: '53' }, { HostPort: '5353' }],
					'9000-9001': [{}],
				},
			},
		},
		{ ...defaultPolicy, portMappingServiceType: 'NodePort' },
	);
	t.deepEqual(
		(servicePorts(outcome) as JsonObject[]).map(({ port, name }) => [port, name]),
		[
			[53, 'hostport-53-udp'],
			[53, 'hostport-53-tcp'],
			[5353, 'hostport-53-tcp-5353'],
			[9000, 'hostport-9000-tcp'],
			[9001, 'hostport-9001-tcp'],
		],
	);
});

test('binds a range of ports to a range of as many, port by port', (t) => {
	const portsOf = (key: string, HostPort: string) => {
		const outcome = outcomeOf(
			{ HostConfig: { PortBindings: { [key]: [{ HostPort }] } } },
			{ ...defaultPolicy, portMappingServiceType: 'NodePort' },
		);
		const ports = (servicePorts(outcome) ?? []) as JsonObject[];
		return [ports.map(({ port, targetPort }) => `${port}>${targetPort}`).join(' '), outcome.codes];
	};
	t.deepEqual(portsOf('8000-8002/tcp', '9000-9002'), ['9000>8000 9001>8001 9002>8002', []]);
	t.deepEqual(portsOf('8000/tcp', '9000-9002'), ['9000>8000', approximated]);
	t.deepEqual(portsOf('8000-8002/tcp', '9000'), ['', ['warning EDGE_CREATE_OPTION_INVALID']]);
});

test('lets nodes open the host ports that they can', (t) => {
	const PortBindings = { '80/tcp': [{ HostPort: '30080' }], '81/tcp': [{ HostPort: '8081' }] };
	const outcome = outcomeOf(
		{ HostConfig: { PortBindings } },
		{ ...defaultPolicy, portMappingServiceType: 'NodePort' },
	);
	t.like(servicePorts(outcome), [{ port: 30080, nodePort: 30080 }, { port: 8081 }]);
	t.false('nodePort' in ((servicePorts(outcome) as JsonObject[])[1] ?? {}));
});

test('leads a host port to one port of the container', (t) => {
	const outcome = outcomeOf({
		HostConfig: {
			PortBindings: { '80/tcp': [{ HostPort: '8080' }], '81/tcp': [{ HostPort: '8080' }] },
		},
	});
	t.like((servicePorts(outcome) as JsonObject[])[0], { port: 8080, targetPort: 80 });
	t.deepEqual(outcome.codes, ['warning EDGE_CREATE_OPTION_INVALID']);
});

test('leaves options out that the type of Service does not take', (t) => {
	const serviceOptions = {
		externalTrafficPolicy: 'Local',
		loadBalancerSourceRanges: '10.0.0.0/8',
		sessionAffinity: 'ClientIP',
	};
	const specOf = (type: string) => {
		const extension = { serviceOptions: { ...serviceOptions, type } };
		const outcome = outcomeOf({ ExposedPorts: { '80': {} }, 'k8s-extensions': extension });
		const { selector, ports, ...spec } = outcome.object('Service')?.spec ?? {};
		return [spec, outcome.codes.length];
	};
	t.deepEqual(specOf('ClusterIP'), [{ type: 'ClusterIP', sessionAffinity: 'ClientIP' }, 2]);
	const loadBalancerSourceRanges = ['10.0.0.0/8'];
	t.deepEqual(specOf('LoadBalancer'), [
		{ ...serviceOptions, loadBalancerSourceRanges, type: 'LoadBalancer' },
		0,
	]);
});

test('does not publish a port of the loopback address', (t) => {
	const outcome = outcomeOf(
		{ HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '80' }] } } },
		{ ...defaultPolicy, portMappingServiceType: 'LoadBalancer' },
	);
	t.is(outcome.object('Service'), undefined);
	t.true(outcome.codes.every((code) => code === approximated[0]));
});

test('makes Services of aliases, without ports too', (t) => {
	const EndpointsConfig = { net: { Aliases: ['redis', 'not_a_name'] } };
	const { object, codes } = outcomeOf({ NetworkingConfig: { EndpointsConfig } });
	t.like(object('Service', 'redis')?.spec, { clusterIP: 'None' });
	t.deepEqual(codes, approximated);
});

test('turns a health check into probes, none of which restarts a module that must not', (t) => {
	const second = 1_000_000_000;
	const Healthcheck = {
		Test: ['CMD-SHELL', 'check'],
		Interval: 10 * second,
		Retries: 6,
		StartPeriod: 300 * second,
	};
	const { container } = outcomeOf({ Healthcheck });
	const probe = {
		exec: { command: ['/bin/sh', '-c', 'check'] },
		periodSeconds: 10,
		timeoutSeconds: 30,
		failureThreshold: 6,
	};
	t.deepEqual(container['livenessProbe'], probe);
	t.deepEqual(container['readinessProbe'], probe);
	t.deepEqual(container['startupProbe'], { ...probe, failureThreshold: 36 });
	const never = outcomeOf({ Healthcheck }, defaultPolicy, { restartPolicy: 'never' });
	t.is(never.container['livenessProbe'], undefined);
	t.deepEqual(outcomeOf({ Healthcheck: { Test: ['NONE'] } }).codes, []);
});

test('asks for one GPU for the runtime of NVIDIA, unless the module asks itself', (t) => {
	const policy = { ...defaultPolicy, runtimeClasses: new Map([['nvidia', 'nvidia']]) };
	const plain = outcomeOf({ HostConfig: { runtime: 'nvidia' } }, policy);
	t.deepEqual(plain.container['resources'], { limits: { 'nvidia.com/gpu': '1' } });
	t.is(plain.pod['runtimeClassName'], 'nvidia');
	t.deepEqual(plain.codes, approximated);
	const own = outcomeOf({
		HostConfig: { Runtime: 'nvidia' },
		'k8s-extensions': { resources: { limits: { 'nvidia.com/gpu': 2 } } },
	});
	t.deepEqual(own.container['resources'], { limits: { 'nvidia.com/gpu': '2' } });
	t.deepEqual(own.codes, []);
});

test('gives a device by the resource of its plugin', (t) => {
	const deviceResources = new Map([['/dev/video0', 'example.com/camera']]);
	const createOptions = {
		HostConfig: { Devices: [{ PathOnHost: '/dev/video0', PathInContainer: '/dev/video0' }] },
	};
	const { container } = outcomeOf(createOptions, { ...defaultPolicy, deviceResources });
	t.deepEqual(container['resources'], { limits: { 'example.com/camera': '1' } });
});

test('warns of replicas that the edge hub cannot tell apart', (t) => {
	const policy = { ...defaultPolicy, allowHostNetwork: true, runAsNonRoot: false };
	const HostConfig = { NetworkMode: 'host' };
	const codesOf = (extension: JsonObject, own: JsonObject = { HostConfig }) =>
		outcomeOf({ ...own, 'k8s-extensions': extension }, policy).codes;
	t.deepEqual(codesOf({ replicas: 2 }), ['warning EDGE_CREATE_OPTION_APPROXIMATED']);
	const resources = { requests: { cpu: '100m' } };
	t.deepEqual(codesOf({ autoscaling: { maxReplicas: 2 }, resources }), [
		'warning EDGE_CREATE_OPTION_APPROXIMATED',
	]);
	t.deepEqual(codesOf({ replicas: 1 }), []);
	t.deepEqual(codesOf({ replicas: 2 }, {}), []);
});

test('scales, protects and spreads as the extension says', (t) => {
	const { object, pod } = outcomeOf({
		'k8s-extensions': {
			autoscaling: { maxReplicas: 4 },
			disruptionBudget: { minAvailable: 1 },
			topologySpreadConstraints: [
				{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' },
			],
			rollback: true,
			progressDeadlineSeconds: 120,
		},
	});
	t.false('replicas' in (object('Deployment')?.spec ?? {}));
	t.like(object('Deployment')?.spec, { progressDeadlineSeconds: 120 });
	t.is(object('Deployment')?.metadata.annotations?.['net.azure-devices.edge.rollback'], 'true');
	t.like(object('HorizontalPodAutoscaler')?.spec, { minReplicas: 1, maxReplicas: 4 });
	t.like(object('PodDisruptionBudget')?.spec, { minAvailable: 1 });
	t.like((pod['topologySpreadConstraints'] as JsonObject[])[0], {
		maxSkew: 1,
		labelSelector: { matchLabels: { 'net.azure-devices.edge.module': 'filter' } },
	});
	t.like(outcomeOf({ 'k8s-extensions': { replicas: 3 } }).object('Deployment')?.spec, {
		replicas: 3,
	});
});

test('takes strings for the numbers of the extension', (t) => {
	const { object, container, pod, codes } = outcomeOf({
		'k8s-extensions': {
			resources: { Requests: { cpu: '100m' } },
			autoscaling: { minReplicas: '2', maxReplicas: '4' },
			disruptionBudget: { minAvailable: '1' },
			tolerations: [{ operator: 'Exists', tolerationSeconds: '30' }],
			probes: {
				liveness: { httpGet: { path: '/', port: '8080' }, periodSeconds: '5' },
				readiness: { httpGet: { path: '/', port: 'web' } },
			},
			topologySpreadConstraints: [
				{ maxSkew: '1', topologyKey: 'zone', labelSelector: { matchLabels: { port: 80 } } },
			],
		},
	});
	t.deepEqual(codes, []);
	t.like(object('HorizontalPodAutoscaler')?.spec, { minReplicas: 2, maxReplicas: 4 });
	t.like(object('PodDisruptionBudget')?.spec, { minAvailable: 1 });
	t.like(container, {
		livenessProbe: { httpGet: { port: 8080 }, periodSeconds: 5 },
		readinessProbe: { httpGet: { port: 'web' } },
	});
	t.like(pod, { tolerations: [{ tolerationSeconds: 30 }] });
	t.like(pod['topologySpreadConstraints'], [
		{ maxSkew: 1, labelSelector: { matchLabels: { port: '80' } } },
	]);
});

test('takes the fields of the extension’s volumes in any case', (t) => {
	const { pod, container, codes } = outcomeOf({
		'K8S-Experimental': {
			Volumes: [
				{
					Volume: {
						Name: 'cm',
						ConfigMap: { name: 'special', Optional: 'true', defaultmode: '420' },
					},
					volumemounts: [{ name: 'cm', MountPath: '/etc/cm', readonly: 'true' }],
				},
			],
		},
	});
	t.deepEqual(codes, []);
	t.deepEqual(pod['volumes'], [
		{ name: 'cm', configMap: { name: 'special', optional: true, defaultMode: 420 } },
	]);
	t.deepEqual(container['volumeMounts'], [{ name: 'cm', mountPath: '/etc/cm', readOnly: true }]);
});

const faultyScaling: [string, JsonObject, string][] = [
	['an autoscaler without room', { autoscaling: { minReplicas: 5, maxReplicas: 3 } }, 'error'],
	['an autoscaler without CPU to measure', { autoscaling: { maxReplicas: 3 } }, 'warning'],
	[
		'a budget with two sides',
		{ disruptionBudget: { minAvailable: 1, maxUnavailable: 1 } },
		'error',
	],
];
for (const [what, extension, severity] of faultyScaling) {
	test(`reports ${what}`, (t) => {
		t.deepEqual(outcomeOf({ 'k8s-extensions': extension }).codes, [
			`${severity} EDGE_EXTENSION_INVALID`,
		]);
	});
}

const unknowns: [string, JsonObject, string, string][] = [
	[
		'a misspelled group',
		{ HostConfir: { Memory: 1 } },
		'EDGE_CREATE_OPTION_UNKNOWN',
		'"HostConfig"',
	],
	[
		'a misspelled option',
		{ HostConfig: { ShmSizes: 1 } },
		'EDGE_CREATE_OPTION_UNKNOWN',
		'"ShmSize"',
	],
	[
		'an option in the wrong group',
		{ HostConfig: { ExposedPorts: { '80': {} } } },
		'EDGE_CREATE_OPTION_UNKNOWN',
		'at the top',
	],
	[
		'an option at the top',
		{ PortBindings: { '80': [] } },
		'EDGE_CREATE_OPTION_UNKNOWN',
		'under "HostConfig"',
	],
	[
		'a member of a mount',
		{ HostConfig: { Mounts: [{ Type: 'volume', Source: 'v', Target: '/v', RW: true }] } },
		'EDGE_CREATE_OPTION_UNKNOWN',
		'Known here',
	],
	[
		'an option of a mount’s kind',
		{
			HostConfig: {
				Mounts: [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeByte: 1024 } }],
			},
		},
		'EDGE_CREATE_OPTION_UNKNOWN',
		'"SizeBytes"',
	],
	[
		'a misspelled section of an extension’s volume',
		{ 'k8s-extensions': { volumes: [{ volume: { name: 'v' }, volumeMount: [] }] } },
		'EDGE_EXTENSION_UNKNOWN',
		'"volumeMounts"',
	],
	[
		'a member of the extension',
		{ 'k8s-extensions': { replica: 2 } },
		'EDGE_EXTENSION_UNKNOWN',
		'"replicas"',
	],
	[
		'a newer member in the older section',
		{ 'k8s-experimental': { replicas: 2 } },
		'EDGE_EXTENSION_UNKNOWN',
		'',
	],
];
for (const [what, createOptions, code, remedy] of unknowns) {
	test(`reports ${what} and goes on`, (t) => {
		const { translation, codes } = outcomeOf(createOptions);
		t.deepEqual(codes, [`warning ${code}`]);
		t.true(translation.problems[0]?.remedy?.includes(remedy), translation.problems[0]?.remedy);
		t.false(translation.modules[0]?.refused);
	});
}

const samples: Record<string, JsonValue> = {
	string: 'sample',
	strings: ['sample'],
	boolean: true,
	integer: 7,
	object: { sample: 'x' },
	list: [{ sample: 'x' }],
};

/** createOptions with one option that asks for something. */
function sampleOf(name: (typeof optionNames)[number]): JsonObject {
	const value = samples[createOptionsTable[name].shape] ?? 'sample';
	const [group, member] = name.split('.');
	return member === undefined ? { [name]: value } : { [String(group)]: { [member]: value } };
}

for (const name of optionNames) {
	const { fate } = createOptionsTable[name];
	if (fate === 'translated') continue;
	test(`${name} is ${fate} and says so`, (t) => {
		const { codes, translation } = outcomeOf(sampleOf(name));
		const expected = {
			meaningless: [],
			approximated,
			refused: ['error EDGE_CREATE_OPTION_REFUSED'],
		}[fate];
		t.deepEqual(codes, expected);
		t.is(translation.modules[0]?.refused, fate === 'refused');
	});
}

test('reads every option that the table calls translated', (t) => {
	const translated = optionNames.filter((name) => createOptionsTable[name].fate === 'translated');
	const unread = translated.filter((name) => {
		const { translation } = outcomeOf(sampleOf(name), permissive);
		return translation.problems.some(({ message }) => message.startsWith(`"${name}" is left out`));
	});
	t.deepEqual(unread, []);
});
