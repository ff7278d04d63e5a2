/** What becomes of a Docker option. */
export type OptionFate =
	/** It has a counterpart and is carried over. */
	| 'translated'
	/** The nearest counterpart is used, or it is left out; a warning says what differs. */
	| 'approximated'
	/** The module cannot run without it and Kubernetes cannot give it. */
	| 'refused'
	/** It has no effect on Kubernetes, nor would it be missed. */
	| 'meaningless';

/** Which JSON a Docker option takes. Strings stand for numbers and booleans as well. */
export type OptionShape = 'string' | 'strings' | 'boolean' | 'integer' | 'object' | 'list' | 'any';

/** One Docker option and its fate. */
export interface OptionRow {
	readonly shape: OptionShape;
	readonly fate: OptionFate;
	/** The Kubernetes field or object; empty where there is none. */
	readonly target: string;
	/** What an author should know, one or two sentences. */
	readonly note: string;
	/** Values that ask for nothing. Default: null, `""`, false, 0, `[]`, `{}`. */
	readonly idle?: readonly (string | number | boolean)[];
}

/**
 * Every member of Docker's container create request, at the top of createOptions and under
 * `HostConfig` and `NetworkingConfig`, and what becomes of it. The translation reads options only
 * through this table; an option that no code reads is reported by its fate and note, so that none
 * is dropped in silence. `docs/create-options.md` is generated from it.
 * Source: Docker Engine API 1.41, `POST /containers/create`.
 */
export const createOptionsTable = {
	// what runs
	Image: row('string', 'meaningless', '', 'The image is `settings.image` of the module.'),
	Env: row(
		'list',
		'translated',
		'containers[].env',
		'Split at the first `=`. The module’s own `env` wins, and the runtime’s variables win over both.',
	),
	Cmd: row(
		'strings',
		'translated',
		'containers[].args',
		'Kubernetes would expand `$(NAME)`; it is escaped to stay as written.',
	),
	Entrypoint: row(
		'strings',
		'translated',
		'containers[].command',
		'As Cmd. With an entrypoint, Docker ignores the image’s own command, and so does Kubernetes.',
	),
	WorkingDir: row('string', 'translated', 'containers[].workingDir', ''),
	User: row(
		'string',
		'translated',
		'securityContext.runAsUser, runAsGroup',
		'Numbers, or `root`. Other names cannot be looked up in the image: the configured user is used. Root needs `runAsNonRoot: false`.',
	),
	Shell: row('strings', 'meaningless', '', 'Only building an image uses it.'),
	ArgsEscaped: row('boolean', 'meaningless', '', 'Windows only.'),
	OnBuild: row('list', 'meaningless', '', 'Only building an image uses it.'),
	Platform: row('string', 'meaningless', '', 'Use `nodeSelector` in k8s-extensions.'),
	Name: row('string', 'meaningless', '', 'Objects are named after the module.'),
	Tty: row('boolean', 'translated', 'containers[].tty', ''),
	OpenStdin: row('boolean', 'translated', 'containers[].stdin', ''),
	StdinOnce: row('boolean', 'translated', 'containers[].stdinOnce', ''),
	AttachStdin: row('boolean', 'meaningless', '', 'It describes the client of the Docker API.'),
	AttachStdout: row('boolean', 'meaningless', '', 'It describes the client of the Docker API.'),
	AttachStderr: row('boolean', 'meaningless', '', 'It describes the client of the Docker API.'),
	Healthcheck: row(
		'object',
		'translated',
		'containers[].livenessProbe, readinessProbe, startupProbe',
		'Unhealthy modules restart unless the restart policy is `never`. The image’s own HEALTHCHECK is not read.',
	),
	StopSignal: row(
		'string',
		'approximated',
		'',
		'Pods stop with the signal of the image’s STOPSIGNAL.',
		['SIGTERM', 'TERM', '15'],
	),
	StopTimeout: row('integer', 'translated', 'terminationGracePeriodSeconds', '', []),
	Labels: row(
		'object',
		'translated',
		'annotations of pod and Service',
		'Keys are made valid; keys of the runtime are left out.',
	),
	// names and network
	Hostname: row(
		'string',
		'translated',
		'hostname',
		'Made a DNS label. Other modules use the module’s name, or an alias of NetworkingConfig.',
	),
	Domainname: row('string', 'approximated', '', 'Pods get their domain from the cluster.'),
	MacAddress: row('string', 'approximated', '', 'The cluster’s network assigns addresses.'),
	NetworkDisabled: row(
		'boolean',
		'approximated',
		'',
		'Pods always have a network; use a NetworkPolicy.',
	),
	ExposedPorts: row(
		'object',
		'translated',
		'containers[].ports, Service',
		'Reachable within the cluster under the module’s name.',
	),
	'HostConfig.PortBindings': row(
		'object',
		'translated',
		'Service',
		'The Service listens on the host port; its type is a setting of the agent or `serviceOptions.type`. A range is bound to a range of as many host ports, port by port. With type NodePort, nodes open host ports from 30000 to 32767 themselves and choose others.',
	),
	'HostConfig.PublishAllPorts': row(
		'boolean',
		'approximated',
		'',
		'Exposed ports are reachable in the cluster only; bind those that others need.',
	),
	'HostConfig.NetworkMode': row(
		'string',
		'translated',
		'hostNetwork, dnsPolicy',
		'`host` needs permission. `container:…` is refused; other networks are the cluster’s.',
		['default', 'bridge', 'nat'],
	),
	'HostConfig.Links': row(
		'strings',
		'approximated',
		'',
		'Modules reach each other by name; give the other module an alias in NetworkingConfig.',
	),
	'HostConfig.Dns': row(
		'strings',
		'translated',
		'dnsConfig.nameservers',
		'Asked after the cluster’s own; three at most.',
	),
	'HostConfig.DnsOptions': row('strings', 'translated', 'dnsConfig.options', ''),
	'HostConfig.DnsSearch': row('strings', 'translated', 'dnsConfig.searches', ''),
	'HostConfig.ExtraHosts': row(
		'strings',
		'translated',
		'hostAliases',
		'`host-gateway` has no counterpart; that entry is left out with a warning.',
	),
	'NetworkingConfig.EndpointsConfig': row(
		'object',
		'translated',
		'Service',
		'Each alias becomes a Service. Addresses, links and networks are the cluster’s; they are left out.',
	),
	// storage
	Volumes: row(
		'object',
		'translated',
		'volumes[].emptyDir',
		'Anonymous volumes: they live as long as the pod.',
	),
	'HostConfig.Binds': row(
		'strings',
		'translated',
		'volumes[].persistentVolumeClaim, hostPath',
		'A name becomes a claim, a host path needs permission. Container runtime and IoT Edge sockets are refused.',
	),
	'HostConfig.Mounts': row(
		'list',
		'translated',
		'volumes[].persistentVolumeClaim, hostPath, emptyDir',
		'As Binds; `tmpfs` becomes memory. A claim starts empty, where Docker copies the image’s files into a new volume. Volume drivers are storage classes here: DriverConfig is left out.',
	),
	'HostConfig.Tmpfs': row(
		'object',
		'translated',
		'volumes[].emptyDir (memory)',
		'`size` is kept; other options have no counterpart.',
	),
	'HostConfig.ShmSize': row(
		'integer',
		'translated',
		'volumes[].emptyDir (memory) at /dev/shm',
		'Not with IpcMode `host`: the module gets the shared memory of the host, as with Docker.',
	),
	'HostConfig.VolumesFrom': row(
		'strings',
		'refused',
		'',
		'A module cannot take over another’s mounts; name the same volume in both.',
	),
	'HostConfig.VolumeDriver': row(
		'string',
		'approximated',
		'',
		'The storage class of claims is a setting of the agent or of k8s-extensions.',
		['local'],
	),
	'HostConfig.StorageOpt': row(
		'object',
		'translated',
		'resources.limits.ephemeral-storage',
		'Only `size`.',
	),
	'HostConfig.ReadonlyRootfs': row(
		'boolean',
		'translated',
		'securityContext.readOnlyRootFilesystem',
		'',
	),
	// rights
	'HostConfig.Privileged': row(
		'boolean',
		'translated',
		'securityContext.privileged',
		'Needs permission.',
	),
	'HostConfig.CapAdd': row(
		'strings',
		'translated',
		'securityContext.capabilities.add',
		'Needs permission, but for NET_BIND_SERVICE.',
	),
	'HostConfig.CapDrop': row(
		'strings',
		'translated',
		'securityContext.capabilities.drop',
		'All are dropped already unless `runAsNonRoot` is off.',
	),
	'HostConfig.Capabilities': row('strings', 'approximated', '', 'Use CapAdd and CapDrop.'),
	'HostConfig.SecurityOpt': row(
		'strings',
		'translated',
		'securityContext',
		'no-new-privileges, seccomp, apparmor and label; switching them off needs permission.',
	),
	'HostConfig.GroupAdd': row(
		'strings',
		'translated',
		'securityContext.supplementalGroups',
		'Numbers; names of groups cannot be looked up in the image.',
	),
	'HostConfig.IpcMode': row(
		'string',
		'translated',
		'hostIPC',
		'`host` needs permission. `container:…` is refused.',
		['private', 'shareable', 'none'],
	),
	'HostConfig.PidMode': row('string', 'translated', 'hostPID', 'As IpcMode.', ['private']),
	'HostConfig.UTSMode': row('string', 'approximated', '', 'A pod has a host name of its own.'),
	'HostConfig.UsernsMode': row(
		'string',
		'approximated',
		'',
		'User namespaces are the cluster’s choice.',
		['host'],
	),
	'HostConfig.CgroupnsMode': row('string', 'meaningless', '', 'The kubelet decides.'),
	'HostConfig.MaskedPaths': row(
		'strings',
		'approximated',
		'',
		'The container runtime’s own list is used.',
	),
	'HostConfig.ReadonlyPaths': row(
		'strings',
		'approximated',
		'',
		'The container runtime’s own list is used.',
	),
	'HostConfig.Sysctls': row(
		'object',
		'translated',
		'securityContext.sysctls',
		'Those that Kubernetes calls safe; others need permission, and a namespace that is not the host’s.',
	),
	// devices
	'HostConfig.Devices': row(
		'list',
		'translated',
		'resources.limits',
		'A device needs a resource of a device plugin; the agent’s settings map paths to resources. A privileged module sees every device.',
	),
	'HostConfig.DeviceCgroupRules': row(
		'strings',
		'translated',
		'',
		'Only for privileged modules, which may use every device; refused for others.',
	),
	'HostConfig.DeviceRequests': row(
		'list',
		'translated',
		'resources.limits (GPU)',
		'All GPUs (`Count: -1`) become one.',
	),
	'HostConfig.Runtime': row(
		'string',
		'translated',
		'runtimeClassName, resources.limits (GPU)',
		'`nvidia` asks for one GPU; other runtimes need a RuntimeClass in the agent’s settings.',
		['runc', 'io.containerd.runc.v2'],
	),
	// resources
	'HostConfig.Memory': row(
		'integer',
		'translated',
		'resources.limits.memory',
		'Kubernetes reserves what it limits, unless MemoryReservation says less.',
	),
	'HostConfig.MemoryReservation': row('integer', 'translated', 'resources.requests.memory', ''),
	'HostConfig.MemorySwap': row('integer', 'approximated', '', 'Swap is the node’s choice.', [-1]),
	'HostConfig.MemorySwappiness': row(
		'integer',
		'approximated',
		'',
		'Swap is the node’s choice.',
		[-1],
	),
	'HostConfig.KernelMemory': row('integer', 'approximated', '', 'Kernels limit it no more.'),
	'HostConfig.KernelMemoryTCP': row('integer', 'approximated', '', 'Kernels limit it no more.'),
	'HostConfig.NanoCpus': row('integer', 'translated', 'resources.limits.cpu', ''),
	'HostConfig.CpuQuota': row(
		'integer',
		'translated',
		'resources.limits.cpu',
		'Divided by CpuPeriod (100 ms).',
		[-1],
	),
	'HostConfig.CpuPeriod': row('integer', 'translated', 'resources.limits.cpu', 'With CpuQuota.'),
	'HostConfig.CpuShares': row(
		'integer',
		'translated',
		'resources.requests.cpu',
		'1024 shares are one CPU; never more than the limit.',
	),
	'HostConfig.CpuRealtimePeriod': row(
		'integer',
		'approximated',
		'',
		'Kubernetes gives no real-time share.',
	),
	'HostConfig.CpuRealtimeRuntime': row(
		'integer',
		'approximated',
		'',
		'Kubernetes gives no real-time share.',
	),
	'HostConfig.CpusetCpus': row(
		'string',
		'approximated',
		'',
		'CPUs are pinned by the node’s CPU manager, for whole-number limits.',
	),
	'HostConfig.CpusetMems': row(
		'string',
		'approximated',
		'',
		'Memory nodes are chosen by the node’s memory manager.',
	),
	'HostConfig.CpuCount': row('integer', 'approximated', '', 'Windows only; use NanoCpus.'),
	'HostConfig.CpuPercent': row('integer', 'approximated', '', 'Windows only; use NanoCpus.'),
	'HostConfig.PidsLimit': row(
		'integer',
		'approximated',
		'',
		'A limit of processes is the node’s choice.',
		[-1],
	),
	'HostConfig.OomScoreAdj': row(
		'integer',
		'approximated',
		'',
		'The kubelet sets it by the pod’s resources.',
	),
	'HostConfig.OomKillDisable': row(
		'boolean',
		'approximated',
		'',
		'The kernel may kill a container that exceeds its memory.',
	),
	'HostConfig.Ulimits': row('list', 'approximated', '', 'Limits are the container runtime’s.'),
	'HostConfig.BlkioWeight': row(
		'integer',
		'approximated',
		'',
		'Kubernetes does not share out disk bandwidth.',
	),
	'HostConfig.BlkioWeightDevice': row(
		'list',
		'approximated',
		'',
		'Kubernetes does not share out disk bandwidth.',
	),
	'HostConfig.BlkioDeviceReadBps': row(
		'list',
		'approximated',
		'',
		'Kubernetes does not share out disk bandwidth.',
	),
	'HostConfig.BlkioDeviceWriteBps': row(
		'list',
		'approximated',
		'',
		'Kubernetes does not share out disk bandwidth.',
	),
	'HostConfig.BlkioDeviceReadIOps': row(
		'list',
		'approximated',
		'',
		'Kubernetes does not share out disk bandwidth.',
	),
	'HostConfig.BlkioDeviceWriteIOps': row(
		'list',
		'approximated',
		'',
		'Kubernetes does not share out disk bandwidth.',
	),
	'HostConfig.IOMaximumIOps': row('integer', 'approximated', '', 'Windows only.'),
	'HostConfig.IOMaximumBandwidth': row('integer', 'approximated', '', 'Windows only.'),
	'HostConfig.MaximumIOps': row('integer', 'approximated', '', 'Windows only.'),
	'HostConfig.MaximumIOBps': row('integer', 'approximated', '', 'Windows only.'),
	'HostConfig.DiskQuota': row('integer', 'approximated', '', 'Use StorageOpt.'),
	// life
	'HostConfig.Init': row(
		'boolean',
		'translated',
		'shareProcessNamespace',
		'The pod’s first process collects orphans.',
	),
	'HostConfig.RestartPolicy': row(
		'object',
		'meaningless',
		'',
		'The module’s own `restartPolicy` decides, as on a Docker device.',
	),
	'HostConfig.AutoRemove': row(
		'boolean',
		'meaningless',
		'',
		'Pods are removed with their workload.',
	),
	'HostConfig.LogConfig': row(
		'object',
		'meaningless',
		'',
		'The kubelet keeps and rotates logs; a log collector of the cluster takes the place of a log driver.',
	),
	'HostConfig.Annotations': row('object', 'translated', 'annotations of the pod', 'As Labels.'),
	'HostConfig.Cgroup': row('string', 'meaningless', '', 'The kubelet decides.'),
	'HostConfig.CgroupParent': row('string', 'meaningless', '', 'The kubelet decides.'),
	'HostConfig.ConsoleSize': row(
		'list',
		'meaningless',
		'',
		'It describes the client of the Docker API.',
	),
	'HostConfig.ContainerIDFile': row(
		'string',
		'meaningless',
		'',
		'It describes the client of the Docker API.',
	),
	'HostConfig.Isolation': row('string', 'meaningless', '', 'Windows only.'),
} as const satisfies Record<string, OptionRow>;

/** A Docker option by its path within createOptions. */
export type OptionName = keyof typeof createOptionsTable;

/** The names of the table, in its order. */
export const optionNames = Object.keys(createOptionsTable) as OptionName[];

function row(
	shape: OptionShape,
	fate: OptionFate,
	target: string,
	note: string,
	idle?: readonly (string | number | boolean)[],
): OptionRow {
	return idle === undefined ? { shape, fate, target, note } : { shape, fate, target, note, idle };
}
