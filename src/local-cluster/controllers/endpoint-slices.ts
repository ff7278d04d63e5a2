import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { isPodFinished, isPodReady, type Pod } from '../workloads/pod.ts';
import {
	type Endpoint,
	type EndpointSlice,
	type Service,
	type ServicePort,
	serviceNameLabel,
} from '../workloads/service.ts';
import { controllerReference } from './ownership.ts';
import { nameHash } from './pod-template-hash.ts';

/** Label and value of the slices that follow from the selectors of Services. */
export const sliceManagerLabel = 'endpointslice.kubernetes.io/managed-by';
export const sliceManager = 'endpointslice-controller.k8s.io';

type SlicePort = EndpointSlice['ports'][number];

/**
 * The endpoint slices of a Service: its pods grouped by the numbers that its ports have on them,
 * which differ where a named port does.
 */
export function endpointSlicesOf(service: Service, pods: readonly Pod[]): EndpointSlice[] {
	const groups = new Map<string, { ports: SlicePort[]; endpoints: Endpoint[] }>();
	for (const pod of pods) {
		const endpoint = endpointOf(service, pod);
		if (endpoint === undefined) continue;
		const ports = portsOn(service, pod);
		const key = JSON.stringify(ports);
		const group = groups.get(key) ?? { ports, endpoints: [] };
		group.endpoints.push(endpoint);
		groups.set(key, group);
	}
	const { name, namespace = '', uid, labels } = service.metadata;
	return [...groups.entries()].map(([key, { ports, endpoints }]) => ({
		apiVersion: 'discovery.k8s.io/v1',
		kind: 'EndpointSlice',
		metadata: {
			name: `${name}-${nameHash(`${uid}${key}`, 5)}`,
			namespace,
			labels: {
				...labels,
				[serviceNameLabel]: name,
				[sliceManagerLabel]: sliceManager,
			},
			ownerReferences: [controllerReference(service)],
		},
		addressType: 'IPv4',
		endpoints: endpoints.sort(byAddress),
		ports,
	}));
}

/** The older Endpoints object of a Service, for clients that still read it. */
export function endpointsOf(service: Service, slices: readonly EndpointSlice[]): KubernetesObject {
	const { name, namespace = '', labels } = service.metadata;
	const subsets = slices.map(({ endpoints, ports }) => {
		const ready = endpoints.filter(({ conditions }) => conditions.ready).map(address);
		const rest = endpoints.filter(({ conditions }) => !conditions.ready).map(address);
		return {
			...(ready.length === 0 ? {} : { addresses: ready }),
			...(rest.length === 0 ? {} : { notReadyAddresses: rest }),
			ports: ports.map((port) => (port.name === '' ? { ...port, name: undefined } : port)),
		};
	});
	return {
		apiVersion: 'v1',
		kind: 'Endpoints',
		metadata: {
			name,
			namespace,
			...(labels === undefined ? {} : { labels }),
			ownerReferences: [controllerReference(service)],
		},
		subsets: JSON.parse(JSON.stringify(subsets)),
	};
}

/** The number that a port of a Service has on a pod. */
export function targetPortOn(port: ServicePort, pod: Pod): number | undefined {
	const target = port.targetPort ?? port.port;
	if (typeof target === 'number') return target;
	if (/^\d+$/.test(target)) return Number(target);
	const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
	const named = containers
		.flatMap((container) => container.ports ?? [])
		.find(({ name, protocol = 'TCP' }) => name === target && protocol === (port.protocol ?? 'TCP'));
	return named?.containerPort;
}

function portsOn(service: Service, pod: Pod): SlicePort[] {
	return (service.spec.ports ?? []).flatMap((port) => {
		const number = targetPortOn(port, pod);
		if (number === undefined) return [];
		return [{ name: port.name ?? '', port: number, protocol: port.protocol ?? 'TCP' }];
	});
}

function endpointOf(service: Service, pod: Pod): Endpoint | undefined {
	const { podIP } = pod.status ?? {};
	if (podIP === undefined || isPodFinished(pod)) return undefined;
	const { name, namespace = '', uid = '', deletionTimestamp } = pod.metadata;
	const terminating = deletionTimestamp !== undefined;
	const serving = isPodReady(pod);
	const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
	const { hostname, subdomain, nodeName } = pod.spec;
	const named = hostname !== undefined && subdomain === service.metadata.name;
	return {
		addresses: [podIP],
		conditions: { ready, serving, terminating },
		...(named ? { hostname } : {}),
		...(nodeName === undefined ? {} : { nodeName }),
		targetRef: { kind: 'Pod', namespace, name, uid },
	};
}

function address({ addresses, targetRef, nodeName }: Endpoint) {
	return { ip: addresses[0] ?? '', nodeName, targetRef };
}

function byAddress(one: Endpoint, other: Endpoint): number {
	return (one.addresses[0] ?? '').localeCompare(other.addresses[0] ?? '', 'en', { numeric: true });
}
