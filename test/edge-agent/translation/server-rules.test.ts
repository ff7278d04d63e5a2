import test from 'ava';
import type { TranslationPolicy } from '../../../src/edge-agent/translation/translation.ts';
import type { JsonObject } from '../../../src/runtime/json.ts';
import { desiredStateOf } from '../../support/edge-deployment.ts';

/** Options that Docker takes and a Kubernetes API server refuses, and what becomes of them instead. */
const rows: readonly {
	readonly title: string;
	readonly options: JsonObject;
	readonly policy?: Partial<TranslationPolicy>;
	readonly pod?: JsonObject;
	readonly container?: JsonObject;
	/** `severity code` of each problem. */
	readonly problems: readonly string[];
}[] = [
	{
		title: 'takes three nameservers of four',
		options: { HostConfig: { Dns: ['1.1.1.1', '8.8.8.8', '9.9.9.9', '8.8.4.4'] } },
		pod: { dnsConfig: { nameservers: ['1.1.1.1', '8.8.8.8', '9.9.9.9'] } },
		problems: ['warning EDGE_CREATE_OPTION_APPROXIMATED'],
	},
	{
		title: 'leaves out a host alias that is no host name, and writes others in lower case',
		options: { HostConfig: { ExtraHosts: ['my_host:192.0.2.1', 'Gateway:192.0.2.1'] } },
		pod: { hostAliases: [{ ip: '192.0.2.1', hostnames: ['gateway'] }] },
		problems: ['warning EDGE_CREATE_OPTION_APPROXIMATED'],
	},
	{
		title: 'lowers a CPU weight above the limit to it',
		options: { HostConfig: { CpuShares: 2048, NanoCpus: 500_000_000 } },
		container: { resources: { limits: { cpu: '500m' }, requests: { cpu: '500m' } } },
		problems: ['warning EDGE_CREATE_OPTION_APPROXIMATED'],
	},
	{
		title: 'lowers a reservation above the limit of the extension to it',
		options: {
			HostConfig: { MemoryReservation: 134_217_728 },
			'k8s-extensions': { resources: { limits: { memory: '64Mi' } } },
		},
		container: { resources: { limits: { memory: '64Mi' }, requests: { memory: '64Mi' } } },
		problems: ['warning EDGE_CREATE_OPTION_APPROXIMATED'],
	},
	{
		title: 'leaves out a limit of Docker below what the extension requests',
		options: {
			HostConfig: { Memory: 67_108_864, NanoCpus: 2_000_000_000 },
			'k8s-extensions': { resources: { requests: { memory: '128Mi', cpu: 1 } } },
		},
		container: { resources: { limits: { cpu: '2000m' }, requests: { memory: '128Mi', cpu: '1' } } },
		problems: ['warning EDGE_CREATE_OPTION_APPROXIMATED'],
	},
	{
		title: 'takes retries below one for the default',
		options: { Healthcheck: { Test: ['CMD', '/healthy'], Retries: -1 } },
		container: {
			readinessProbe: {
				exec: { command: ['/healthy'] },
				periodSeconds: 30,
				timeoutSeconds: 30,
				failureThreshold: 3,
			},
		},
		problems: [],
	},
	{
		title: 'lets a module without privilege see the host’s mounts, not the other way round',
		options: { HostConfig: { Binds: ['/data:/data:rshared'] } },
		policy: { allowHostPaths: ['/data'] },
		container: {
			volumeMounts: [{ name: 'data', mountPath: '/data', mountPropagation: 'HostToContainer' }],
		},
		problems: ['warning EDGE_CREATE_OPTION_APPROXIMATED'],
	},
	{
		title: 'lets a privileged module mount for the host',
		options: { HostConfig: { Privileged: true, Binds: ['/data:/data:rshared'] } },
		policy: { allowPrivileged: true, allowHostPaths: ['/data'] },
		container: {
			volumeMounts: [{ name: 'data', mountPath: '/data', mountPropagation: 'Bidirectional' }],
		},
		problems: [],
	},
	{
		title: 'shares no process namespace of its own where the host’s is shared',
		options: { HostConfig: { PidMode: 'host', Init: true } },
		policy: { allowHostPid: true },
		pod: { hostPID: true, shareProcessNamespace: undefined },
		problems: [],
	},
	{
		title: 'takes no user number beyond those of Linux',
		options: { User: '4294967295', HostConfig: { GroupAdd: ['4294967295'] } },
		pod: {
			securityContext: {
				runAsNonRoot: true,
				runAsUser: 1000,
				fsGroup: 1000,
				fsGroupChangePolicy: 'OnRootMismatch',
				seccompProfile: { type: 'RuntimeDefault' },
			},
		},
		problems: [
			'warning EDGE_CREATE_OPTION_APPROXIMATED',
			'warning EDGE_CREATE_OPTION_APPROXIMATED',
		],
	},
	{
		title: 'refuses kernel settings of the network where it is the host’s',
		options: { HostConfig: { NetworkMode: 'host', Sysctls: { 'net.ipv4.tcp_syncookies': '1' } } },
		policy: { allowHostNetwork: true },
		problems: ['error EDGE_CREATE_OPTION_REFUSED'],
	},
	{
		title: 'refuses kernel settings of IPC where it is the host’s',
		options: { HostConfig: { IpcMode: 'host', Sysctls: { 'kernel.shm_rmid_forced': '1' } } },
		policy: { allowHostIpc: true },
		problems: ['error EDGE_CREATE_OPTION_REFUSED'],
	},
	{
		title: 'leaves out nameservers and search domains that are none',
		options: { HostConfig: { Dns: ['resolver', '1.1.1.1'], DnsSearch: ['Plant.Local', 'a_b'] } },
		pod: { dnsConfig: { nameservers: ['1.1.1.1'], searches: ['plant.local'] } },
		problems: [
			'warning EDGE_CREATE_OPTION_APPROXIMATED',
			'warning EDGE_CREATE_OPTION_APPROXIMATED',
		],
	},
	{
		title: 'says which group of a user is left out',
		options: { User: ' 1001 : video ' },
		pod: {
			securityContext: {
				runAsNonRoot: true,
				runAsUser: 1001,
				fsGroup: 1000,
				fsGroupChangePolicy: 'OnRootMismatch',
				seccompProfile: { type: 'RuntimeDefault' },
			},
		},
		problems: ['warning EDGE_CREATE_OPTION_APPROXIMATED'],
	},
	{
		title: 'leaves the host’s shared memory in place where its IPC is shared',
		options: { HostConfig: { IpcMode: 'Host', ShmSize: 65536 } },
		policy: { allowHostIpc: true },
		pod: { hostIPC: true, volumes: undefined },
		problems: [],
	},
	{
		title: 'gives no new privileges where none are wanted, whoever the module runs as',
		options: { HostConfig: { SecurityOpt: ['no-new-privileges:true'] } },
		policy: { runAsNonRoot: false },
		container: { securityContext: { allowPrivilegeEscalation: false } },
		problems: [],
	},
	{
		title: 'warns of a volume driver, whose share the module would miss',
		options: {
			HostConfig: {
				Mounts: [
					{
						Type: 'volume',
						Source: 'nfs',
						Target: '/d',
						VolumeOptions: {
							NoCopy: true,
							DriverConfig: { Name: 'local', Options: { type: 'nfs' } },
						},
					},
				],
			},
		},
		problems: ['warning EDGE_CREATE_OPTION_APPROXIMATED'],
	},
	{
		title: 'warns of an address that a module wants for itself',
		options: {
			NetworkingConfig: {
				EndpointsConfig: { plant: { IPAMConfig: { IPv4Address: '172.20.0.3' } } },
			},
		},
		problems: ['warning EDGE_CREATE_OPTION_APPROXIMATED'],
	},
	{
		title: 'refuses a path that leaves its volume',
		options: {
			HostConfig: {
				Mounts: [
					{ Type: 'volume', Source: 'v', Target: '/v', VolumeOptions: { Subpath: 'a/../..' } },
				],
			},
		},
		problems: ['error EDGE_CREATE_OPTION_INVALID'],
	},
];

for (const { title, options, policy = {}, pod = {}, container = {}, problems } of rows) {
	test(title, (t) => {
		const { translation } = desiredStateOf(
			{ modules: { m: { createOptions: options } } },
			{ namespace: 'edge' },
			{ policy },
		);
		t.deepEqual(
			translation.problems.map(({ severity, code }) => `${severity} ${code}`),
			problems,
		);
		const runner = translation.objects.find(({ metadata, kind }) => {
			return kind === 'Deployment' && metadata.name === 'm';
		});
		t.is(
			runner === undefined,
			problems.some((problem) => problem.startsWith('error')),
		);
		const template = runner?.spec?.['template'] as { spec: JsonObject } | undefined;
		const [live = {}] = (template?.spec['containers'] ?? []) as JsonObject[];
		for (const [name, value] of Object.entries(pod)) t.deepEqual(template?.spec[name], value);
		for (const [name, value] of Object.entries(container)) t.deepEqual(live[name], value);
	});
}
