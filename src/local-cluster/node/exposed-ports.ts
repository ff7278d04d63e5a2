import { isPodFinished, type Pod } from '../workloads/pod.ts';
import type { EndpointSlice, Service } from '../workloads/service.ts';
import { readyTargets, slicesByService } from './service-table-entries.ts';

/** A port that must be open on this machine. */
export interface ExposedPort {
	/** Unique among all: who wants it and for which of its ports. */
	readonly key: string;
	readonly protocol: string;
	/** The address to open it at. */
	readonly host: string;
	/** The port to open. */
	readonly port: number;
	/** Whether another port is of no use when this one cannot be opened. */
	readonly exact: boolean;
	/** The port as its owner calls it. */
	readonly named: number;
	/** `address:port` of what is behind it now. */
	readonly targets: readonly string[];
	/** The Service that reports the open port in its status. */
	readonly service?: Service;
}

/** Where ports for the outside are open: this machine only. */
const outside = { host: '127.0.0.1', exact: false } as const;

/**
 * Every port that must be open: those of Services of type LoadBalancer or NodePort and host ports
 * of pods for the outside, and cluster IPs for programs in pods that are not Node programs.
 */
export function exposedPorts(
	services: readonly Service[],
	slices: readonly EndpointSlice[],
	pods: readonly Pod[],
): ExposedPort[] {
	const byService = slicesByService(slices);
	return [
		...services.flatMap((service) => {
			const { namespace = '', name } = service.metadata;
			const own = byService.get(`${namespace}/${name}`) ?? [];
			return [...servicePorts(service, own), ...clusterPorts(service, own)];
		}),
		...pods.filter((pod) => !isPodFinished(pod)).flatMap(hostPorts),
	];
}

function servicePorts(service: Service, slices: readonly EndpointSlice[]): ExposedPort[] {
	const { type, ports = [] } = service.spec;
	if (type !== 'LoadBalancer' && type !== 'NodePort') return [];
	return ports.flatMap((port) => {
		const protocol = port.protocol ?? 'TCP';
		const open = type === 'NodePort' ? port.nodePort : port.port;
		if (open === undefined) return [];
		const key = `service ${service.metadata.uid} ${protocol} ${port.port}`;
		const targets = readyTargets(port, slices);
		return [{ ...outside, key, protocol, port: open, named: port.port, targets, service }];
	});
}

function clusterPorts(
	{ metadata, spec }: Service,
	slices: readonly EndpointSlice[],
): ExposedPort[] {
	const { clusterIP = '', ports = [] } = spec;
	if (!clusterIP.startsWith('127.')) return [];
	return ports.map((port) => {
		const protocol = port.protocol ?? 'TCP';
		const key = `cluster ${metadata.uid} ${protocol} ${port.port}`;
		const targets = readyTargets(port, slices);
		return {
			host: clusterIP,
			exact: true,
			key,
			protocol,
			port: port.port,
			named: port.port,
			targets,
		};
	});
}

function hostPorts(pod: Pod): ExposedPort[] {
	const { podIP } = pod.status ?? {};
	if (podIP === undefined || pod.spec.hostNetwork === true) return [];
	const ports = pod.spec.containers.flatMap((container) => container.ports ?? []);
	return ports.flatMap(({ hostPort, containerPort, protocol = 'TCP' }) => {
		if (hostPort === undefined) return [];
		const key = `pod ${pod.metadata.uid} ${protocol} ${hostPort}`;
		const targets = [`${podIP}:${containerPort}`];
		return [{ ...outside, key, protocol, port: hostPort, named: hostPort, targets }];
	});
}
