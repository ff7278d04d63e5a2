import type { TranslationPolicy } from '../../src/edge-agent/translation/translation.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import type { AuthoredDeployment, AuthoredModule } from './edge-deployment.ts';

/** The levels of Pod Security, the strictest first. */
export type PodSecurityLevel = 'restricted' | 'baseline' | 'privileged';

/** A deployment that uses one part of the translation, and what its pods need. */
export interface GalleryRow {
	readonly deployment: AuthoredDeployment;
	readonly policy?: Partial<TranslationPolicy>;
	/** The strictest level that admits every pod of it. Default `restricted`. */
	readonly level?: PodSecurityLevel;
}

/** Deployments that together use every feature of the translation. */
export const deploymentGallery: Readonly<Record<string, GalleryRow>> = {
	'plain modules and the edge hub': { deployment: { modules: { SimulatedTemperatureSensor: {} } } },
	'names that are no names of Kubernetes': {
		deployment: {
			modules: {
				'1st_module': {},
				'A.B-C': {},
				[`long${'x'.repeat(100)}`]: { restartPolicy: 'never' },
			},
		},
	},
	'the edge hub with options': {
		deployment: {
			modules: {},
			edgeHub: {
				env: { OptimizeForPerformance: { value: 'false' } },
				createOptions: {
					ExposedPorts: { '9601/tcp': {} },
					HostConfig: {
						Memory: 268435456,
						PortBindings: {
							'5671/tcp': [{ HostPort: '5671' }],
							'8883/tcp': [{ HostPort: '8883' }, { HostPort: '18883' }],
							'443/tcp': [{ HostPort: '443' }],
						},
					},
				},
			},
		},
	},
	'sidecars for the workload API': {
		deployment: {
			modules: {
				server: extended({ workloadApi: { mode: 'sidecar' }, replicas: 2 }),
				'workload-proxy': {
					restartPolicy: 'never',
					...extended({ workloadApi: { mode: 'Sidecar' } }),
				},
			},
		},
	},
	'sidecars for the workload API, the edge hub’s too': {
		deployment: { modules: { filter: {} } },
		policy: { workloadApiMode: 'sidecar' },
	},
	'ports of every kind': withOptions({
		ExposedPorts: { '80/tcp': {}, '53/udp': {}, '53/tcp': {}, '9000-9003/tcp': {}, '77/sctp': {} },
		HostConfig: {
			PortBindings: {
				'8080/tcp': [{ HostPort: '18080' }, { HostPort: '28080', HostIp: '127.0.0.1' }],
				'1680/udp': [{ HostPort: '1680' }],
				'8081/tcp': [],
			},
		},
	}),
	'Services on ports of the nodes': {
		...withOptions({
			HostConfig: {
				PortBindings: {
					'80/tcp': [{ HostPort: '30480' }],
					'80/udp': [{ HostPort: '30480' }],
					'81/tcp': [{ HostPort: '8081' }],
				},
			},
		}),
		policy: { portMappingServiceType: 'NodePort' },
	},
	'Services for the outside': {
		deployment: {
			modules: {
				balanced: options({
					HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '80' }] } },
					'k8s-extensions': {
						serviceOptions: {
							type: 'LoadBalancer',
							loadBalancerIP: '192.0.2.1',
							loadBalancerSourceRanges: ['192.0.2.0/24'],
							externalTrafficPolicy: 'Local',
							sessionAffinity: 'ClientIP',
							annotations: { 'example.com/internal': true },
						},
					},
				}),
				onNodes: options({
					HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '8080' }] } },
					'k8s-experimental': { serviceOptions: { type: 'nodeport' } },
				}),
			},
		},
		policy: { portMappingServiceType: 'LoadBalancer', networkPolicies: true },
	},
	'aliases, with ports and without': {
		deployment: {
			modules: {
				a: options({
					ExposedPorts: { '80/tcp': {} },
					NetworkingConfig: { EndpointsConfig: { net: { Aliases: ['first', 'second'] } } },
				}),
				b: options({ NetworkingConfig: { EndpointsConfig: { net: { Aliases: ['third'] } } } }),
			},
		},
	},
	'network policies': {
		deployment: {
			modules: {
				bound: options({ HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '80' }] } } }),
				exposed: options({ ExposedPorts: { '53/udp': {} } }),
				silent: {},
			},
		},
		policy: { networkPolicies: true },
	},
	'names and DNS': withOptions({
		Hostname: 'My_Host',
		HostConfig: {
			Dns: ['1.1.1.1', '8.8.8.8', '9.9.9.9', '8.8.4.4'],
			DnsSearch: ['example.com', '.'],
			DnsOptions: ['ndots:2', 'use-vc'],
			ExtraHosts: ['gateway:192.0.2.1', 'my_host:192.0.2.2', 'six:[2001:db8::1]'],
		},
	}),
	'variables of every kind': {
		deployment: {
			modules: {
				m: {
					env: {
						A: { value: '$(B) $$ %C%' },
						'Logging:Level': { value: 'Debug' },
						'1ST': { value: '' },
					},
					createOptions: {
						Env: ['A=overridden', 'EMPTY=', 'JSON={"a":"b=c"}'],
						'k8s-extensions': {
							env: [
								{ name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
								{ name: 'KEY', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
								{ name: 'LIMIT', valueFrom: { resourceFieldRef: { resource: 'limits.memory' } } },
								{ name: 'PLAIN', value: 5 },
							],
							envFrom: [{ configMapRef: { name: 'settings', optional: true } }],
						},
					},
				},
			},
		},
	},
	'commands and terminals': withOptions({
		Entrypoint: ['/bin/sh', '-c'],
		Cmd: 'echo $(date) $$',
		WorkingDir: '/app',
		Tty: true,
		OpenStdin: true,
		StdinOnce: true,
		StopTimeout: 30,
		Labels: { 'com.example.Team': 'edge', 'a b': '1', nested: 'x' },
		HostConfig: { Init: true },
	}),
	'claims and volumes in memory': withOptions({
		Volumes: { '/scratch': {} },
		HostConfig: {
			Binds: ['My_Data:/data', 'My_Data:/again:ro', '/anonymous'],
			Mounts: [
				{ Type: 'volume', Source: 'models', Target: '/models', VolumeOptions: { Subpath: 'a/b' } },
				{ Type: 'tmpfs', Target: '/tmp', TmpfsOptions: { SizeBytes: 1048576 } },
				{ Type: 'volume', Target: '/nameless' },
			],
			Tmpfs: { '/run': 'size=64m,rw', '/cache': '' },
			ShmSize: 67108864,
		},
		'k8s-extensions': {
			storage: {
				My_Data: { size: '5Gi', storageClassName: 'fast', accessModes: ['ReadWriteMany'] },
				models: { size: '1.5Gi', volumeName: 'models-volume', keep: false },
			},
		},
	}),
	'volumes of the extension': withOptions({
		'k8s-extensions': {
			volumes: [
				mounted('settings', { configMap: { name: 'settings', defaultMode: '420' } }),
				mounted('keys', { secret: { secretName: 'keys', optional: 'true' } }),
				mounted('scratch', { emptyDir: { medium: 'Memory', sizeLimit: '64Mi' } }),
				mounted('facts', {
					downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] },
				}),
				mounted('token', {
					projected: {
						sources: [{ serviceAccountToken: { path: 't', expirationSeconds: '3600' } }],
					},
				}),
				mounted('own', { persistentVolumeClaim: { claimName: 'existing' } }),
				mounted('later', {
					ephemeral: {
						volumeClaimTemplate: {
							spec: {
								accessModes: ['ReadWriteOnce'],
								resources: { requests: { storage: '1Gi' } },
							},
						},
					},
				}),
			],
		},
	}),
	'health checks of Docker': {
		deployment: {
			modules: {
				shell: options({
					Healthcheck: {
						Test: ['CMD-SHELL', 'curl -f http://localhost/ || exit 1'],
						Interval: 15_000_000_000,
						Timeout: 500_000_000,
						Retries: 5,
						StartPeriod: 60_000_000_000,
					},
				}),
				command: options({ Healthcheck: { Test: ['CMD', '/healthy'], Retries: -1 } }),
				once: {
					restartPolicy: 'never',
					createOptions: { Healthcheck: { Test: ['CMD', '/healthy'] } },
				},
			},
		},
	},
	'probes of the extension': withOptions({
		'k8s-extensions': {
			probes: {
				liveness: { httpGet: { path: '/live', port: 8080 }, periodSeconds: 5 },
				readiness: { tcpSocket: { port: 8080 } },
				startup: { grpc: { port: 8081 }, failureThreshold: 30 },
			},
		},
	}),
	'resources of Docker': {
		deployment: {
			modules: {
				limited: options({
					HostConfig: {
						Memory: 134217728,
						MemoryReservation: 67108864,
						NanoCpus: 500_000_000,
						StorageOpt: { size: '2G' },
					},
				}),
				quota: options({ HostConfig: { CpuQuota: 50_000, CpuPeriod: 100_000 } }),
				weighty: options({ HostConfig: { CpuShares: 2048, NanoCpus: 500_000_000 } }),
				requesting: options({
					HostConfig: { Memory: 67108864, NanoCpus: 500_000_000 },
					'k8s-extensions': { resources: { requests: { memory: '128Mi', cpu: 1 } } },
				}),
				reserved: options({ HostConfig: { Memory: 67108864, MemoryReservation: 134217728 } }),
			},
		},
	},
	'resources of the extension': withOptions({
		'k8s-extensions': {
			resources: {
				limits: { memory: '1.5Gi', cpu: 0.5, 'example.com/fpga': 1 },
				requests: { memory: '1e8', cpu: '0.25' },
			},
		},
	}),
	devices: {
		deployment: {
			modules: {
				camera: options({
					HostConfig: { Devices: [{ PathOnHost: '/dev/video0', PathInContainer: '/dev/video0' }] },
				}),
				gpus: options({ HostConfig: { DeviceRequests: [{ Count: 2, Capabilities: [['gpu']] }] } }),
				nvidia: options({ HostConfig: { Runtime: 'nvidia' } }),
			},
		},
		policy: {
			deviceResources: new Map([['/dev/video0', 'example.com/camera']]),
			runtimeClasses: new Map([['nvidia', 'nvidia']]),
		},
	},
	'jobs of every kind': {
		deployment: {
			modules: {
				once: { restartPolicy: 'never' },
				again: { restartPolicy: 'on-failure' },
				suspended: { restartPolicy: 'on-failure', status: 'stopped' },
				withData: {
					restartPolicy: 'never',
					createOptions: { HostConfig: { Binds: ['data:/data'] }, ExposedPorts: { '80/tcp': {} } },
				},
			},
		},
	},
	'workloads of the extension': {
		deployment: {
			modules: {
				scaled: extended({
					autoscaling: {
						minReplicas: 2,
						maxReplicas: 5,
						targetCPUUtilizationPercentage: 60,
						behavior: { scaleDown: { stabilizationWindowSeconds: 60 } },
					},
					disruptionBudget: { maxUnavailable: '50%', unhealthyPodEvictionPolicy: 'AlwaysAllow' },
				}),
				measured: extended({
					autoscaling: {
						maxReplicas: 3,
						metrics: [
							{
								type: 'Resource',
								resource: {
									name: 'memory',
									target: { type: 'AverageValue', averageValue: '1000Mi' },
								},
							},
						],
					},
				}),
				many: extended({
					replicas: '3',
					strategy: {
						type: 'RollingUpdate',
						rollingUpdate: { maxSurge: '50%', maxUnavailable: '1' },
					},
					progressDeadlineSeconds: 300,
					rollback: true,
					disruptionBudget: { minAvailable: 2 },
				}),
				recreated: extended({ strategy: { type: 'Recreate' } }),
				stopped: { ...extended({ autoscaling: { maxReplicas: 5 } }), status: 'stopped' },
			},
		},
	},
	'scheduling of the extension': withOptions({
		'k8s-extensions': {
			nodeSelector: { 'kubernetes.io/arch': 'amd64', 'example.com/line': 7 },
			tolerations: [
				{ key: 'edge', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 60 },
			],
			affinity: {
				nodeAffinity: {
					preferredDuringSchedulingIgnoredDuringExecution: [
						{
							weight: 1,
							preference: {
								matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }],
							},
						},
					],
				},
			},
			topologySpreadConstraints: [
				{ maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway' },
			],
			terminationGracePeriodSeconds: 90,
			priorityClassName: 'system-cluster-critical',
			serviceAccountAnnotations: { 'azure.workload.identity/client-id': 'id' },
			podLabels: { 'azure.workload.identity/use': true },
			podAnnotations: { 'prometheus.io/port': 9600 },
		},
	}),
	'pull secrets': {
		deployment: {
			registryCredentials: {
				a: { address: 'example.azurecr.io', username: 'User@Example', password: 'p"w\\d' },
				b: { address: 'https://registry.example.com:5000/', username: 'u', password: 'p' },
				c: { address: 'https://index.docker.io/v1/', username: 'u', password: 'p' },
			},
			modules: {
				a: { image: 'example.azurecr.io/a:1' },
				b: { image: 'registry.example.com:5000/b:1' },
				c: { ...extended({ imagePullSecrets: ['other', { name: 'third' }] }), image: 'c' },
			},
		},
		policy: { imagePullSecrets: ['shared'] },
	},
	'rights that restricted pods may have': withOptions({
		User: '1001:1001',
		HostConfig: {
			CapAdd: ['NET_BIND_SERVICE'],
			CapDrop: ['CAP_NET_RAW'],
			ReadonlyRootfs: true,
			GroupAdd: ['44', 'video'],
			SecurityOpt: ['no-new-privileges', 'seccomp=runtime/default', 'label=type:container_t'],
			Sysctls: { 'net.ipv4.ping_group_range': '0 2147483647' },
		},
		'k8s-extensions': { securityContext: { fsGroup: '2000', supplementalGroups: ['3000'] } },
	}),
	'low ports without root': withOptions({ ExposedPorts: { '80/tcp': {} } }),
	'root where it is allowed': {
		...withOptions({ User: 'root', HostConfig: { CapAdd: ['NET_ADMIN'], CapDrop: ['MKNOD'] } }),
		policy: { runAsNonRoot: false, allowCapabilities: ['NET_ADMIN'] },
		level: 'privileged',
	},
	'an image’s own user where root is allowed': {
		deployment: { modules: { m: {} } },
		policy: { runAsNonRoot: false },
		level: 'baseline',
	},
	'privileged modules': {
		...withOptions({
			HostConfig: {
				Privileged: true,
				Binds: ['/dev:/dev', '/data:/data:rshared'],
				SecurityOpt: ['seccomp=unconfined', 'apparmor=unconfined'],
				Devices: [{ PathOnHost: '/dev/ttyUSB0', PathInContainer: '/dev/ttyUSB0' }],
				DeviceCgroupRules: ['c 189:* rmw'],
			},
		}),
		policy: { allowPrivileged: true, allowHostPaths: ['/dev', '/data'] },
		level: 'privileged',
	},
	'strings for numbers, and fields in any case': {
		deployment: {
			modules: {
				m: options({
					ExposedPorts: { '8080/tcp': {} },
					HostConfig: { PortBindings: { '9000-9002/udp': [{ HostPort: '9100-9102' }] } },
					'k8s-extensions': {
						Volumes: [
							{
								Volume: { Name: 'cm', ConfigMap: { Name: 'special', Optional: 'true' } },
								VolumeMounts: [{ MountPath: '/cm', ReadOnly: 'true' }],
							},
						],
						probes: { liveness: { httpGet: { path: '/', port: '8080' }, periodSeconds: '5' } },
						resources: { requests: { cpu: '10m' } },
						autoscaling: { minReplicas: '2', maxReplicas: '4' },
						disruptionBudget: { minAvailable: '1' },
						tolerations: [
							{ key: 'a', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: '30' },
						],
						serviceOptions: {
							externalTrafficPolicy: 'Local',
							loadBalancerSourceRanges: '10.0.0.0/8',
						},
					},
				}),
			},
		},
	},
	'host paths': {
		...withOptions({
			HostConfig: {
				Binds: [
					'/data:/data:rw,slave',
					'/data/a:/a:ro',
					'/data/shared:/shared:rshared',
					'/etc/localtime:/etc/localtime:ro',
				],
				Mounts: [
					{
						Type: 'bind',
						Source: '/data/b',
						Target: '/b',
						BindOptions: { Propagation: 'rslave' },
					},
				],
			},
		}),
		policy: { allowHostPaths: ['/data', '/etc/localtime'] },
		level: 'privileged',
	},
	'the host’s network': {
		...withOptions({
			ExposedPorts: { '80/tcp': {}, '80/udp': {} },
			HostConfig: {
				NetworkMode: 'host',
				PortBindings: { '8080/tcp': [{ HostPort: '8080' }] },
			},
		}),
		policy: { allowHostNetwork: true },
		level: 'privileged',
	},
	'the host’s processes and IPC': {
		...withOptions({ HostConfig: { PidMode: 'host', IpcMode: 'host', Init: true } }),
		policy: { allowHostPid: true, allowHostIpc: true },
		level: 'privileged',
	},
};

function withOptions(createOptions: JsonObject): GalleryRow {
	return { deployment: { modules: { m: options(createOptions) } } };
}

function options(createOptions: JsonObject): AuthoredModule {
	return { createOptions };
}

function extended(extension: JsonObject): AuthoredModule {
	return { createOptions: { 'k8s-extensions': extension } };
}

function mounted(name: string, source: JsonObject): JsonObject {
	return { volume: { name, ...source }, volumeMounts: [{ name, mountPath: `/${name}` }] };
}
