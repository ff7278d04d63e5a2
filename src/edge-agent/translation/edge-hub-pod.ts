import type { JsonObject } from '../../runtime/json.ts';
import type { OptionName } from './create-options-table.ts';
import type { PodVolumes } from './extension-volumes.ts';
import { containerEnvironment } from './module-environment.ts';
import type { ContainerParts } from './module-pod.ts';
import type { ContainerPort, ModulePorts, ServicePort } from './module-ports.ts';
import { hubClaimName, type ModuleScope } from './module-scope.ts';

/** Where the edge hub keeps its messages. */
export const hubStorageFolder = '/var/lib/iotedge-k8s';
/** Docker options that count for the hub; others describe Microsoft's container. */
export const hubOptions: ReadonlySet<OptionName> = new Set<OptionName>([
	'Env',
	'Labels',
	'ExposedPorts',
	'StopTimeout',
	'HostConfig.PortBindings',
	'HostConfig.Memory',
	'HostConfig.MemoryReservation',
	'HostConfig.NanoCpus',
	'HostConfig.CpuQuota',
	'HostConfig.CpuPeriod',
	'HostConfig.CpuShares',
	'HostConfig.Dns',
	'HostConfig.DnsOptions',
	'HostConfig.DnsSearch',
	'HostConfig.ExtraHosts',
	'HostConfig.Annotations',
	'NetworkingConfig.EndpointsConfig',
]);
const trustFolder = '/etc/iotedge-k8s/iot-hub';
const protocolPorts = [
	{ port: 8883, name: 'mqtts' },
	{ port: 5671, name: 'amqps' },
	{ port: 443, name: 'https' },
];
const metricsPort = 9600;

const mqtt = { tcpSocket: { port: 8883 } };
/**
 * The hub listens once it has its certificate, for which the agent must be there: that may take
 * minutes after a reboot. Modules wait for it, so its readiness is looked at often.
 */
const probes: JsonObject = {
	startupProbe: { ...mqtt, periodSeconds: 2, failureThreshold: 150 },
	readinessProbe: { ...mqtt, periodSeconds: 2 },
	livenessProbe: { ...mqtt, periodSeconds: 20, failureThreshold: 3 },
};

/**
 * The edge hub's container: our own program, whatever image the manifest names. Its variables of
 * the manifest are kept, as operators tune Microsoft's hub with the same names.
 */
export function hubContainer(scope: ModuleScope): ContainerParts {
	const { context, policy } = scope;
	const trust = context.hubTrust;
	const own: JsonObject[] = [{ name: 'StorageFolder', value: hubStorageFolder }];
	if (trust !== undefined) {
		own.push({ name: 'IOT_HUB_CA_FILE', value: `${trustFolder}/${trust.key}` });
	}
	return {
		image: context.runtimeImage,
		imagePullPolicy: policy.imagePullPolicy,
		args: ['hub'],
		probes,
		environment: containerEnvironment(scope, own, context.networkEnvironment),
	};
}

/** The hub's ports: the protocols within the cluster always, and what the manifest binds. */
export function hubPorts({ container, service, bound }: ModulePorts): ModulePorts {
	const ports = new Map<string, ServicePort>();
	for (const { port, name } of protocolPorts) {
		ports.set(`${port}/TCP`, { port, protocol: 'TCP', name, external: true });
	}
	for (const port of service) ports.set(`${port.port}/${port.protocol}`, port);
	const listening = new Map<string, ContainerPort>();
	for (const port of [...protocolPorts.map(({ port }) => port), metricsPort]) {
		listening.set(`${port}/TCP`, { port, protocol: 'TCP' });
	}
	for (const port of container) listening.set(`${port.port}/${port.protocol}`, port);
	return { container: [...listening.values()], service: [...ports.values()], bound };
}

/** The hub's volumes: its claim, and the certificates of a private IoT Hub. */
export function hubVolumes(scope: ModuleScope, extension: PodVolumes): PodVolumes {
	const trust = scope.context.hubTrust;
	const volumes: JsonObject[] = [
		{ name: 'storage', persistentVolumeClaim: { claimName: hubClaimName } },
	];
	const mounts: JsonObject[] = [{ name: 'storage', mountPath: hubStorageFolder }];
	if (trust !== undefined) {
		volumes.push({ name: 'iot-hub-trust', configMap: { name: trust.configMapName } });
		mounts.push({ name: 'iot-hub-trust', mountPath: trustFolder, readOnly: true });
	}
	const own = new Set(volumes.map(({ name }) => name));
	const taken = new Set(mounts.map(({ mountPath }) => mountPath));
	const foreign = extension.mounts.filter(({ name, mountPath }) => {
		return !own.has(name) && !taken.has(mountPath);
	});
	return {
		volumes: [...extension.volumes.filter(({ name }) => !own.has(name)), ...volumes],
		mounts: [...foreign, ...mounts],
	};
}
