import { type EndpointSlice, type Service, serviceNameLabel } from '../workloads/service.ts';
import type { ServiceEntry, ServicePortTargets, ServiceTable } from './preload/service-table.ts';

/** What the table of a node is made from. */
export interface ServiceTableSources {
	readonly block: string;
	readonly hostPorts: readonly number[];
	readonly services: readonly Service[];
	readonly slices: readonly EndpointSlice[];
}

/** The table with which pods find Services: what kube-proxy and cluster DNS would know. */
export function serviceTable(sources: ServiceTableSources): ServiceTable {
	const slices = slicesByService(sources.slices);
	const services: Record<string, ServiceEntry> = {};
	const clusterIps: Record<string, string> = {};
	for (const service of sources.services) {
		const { namespace = '', name } = service.metadata;
		const key = `${namespace}/${name}`;
		const entry = serviceEntry(service, slices.get(key) ?? []);
		services[key] = entry;
		if (entry.clusterIp !== undefined) clusterIps[entry.clusterIp] = key;
	}
	const { block, hostPorts } = sources;
	return { block, hostPorts, services, clusterIps };
}

/** `address:port` of the ready endpoints of one port of a Service. */
export function readyTargets(
	port: { readonly name?: string; readonly protocol?: string },
	slices: readonly EndpointSlice[],
): string[] {
	return slices.flatMap((slice) => {
		const number = slice.ports.find(
			({ name, protocol }) => name === (port.name ?? '') && protocol === (port.protocol ?? 'TCP'),
		)?.port;
		if (number === undefined) return [];
		return readyAddresses([slice]).map((address) => `${address}:${number}`);
	});
}

/** Endpoint slices by `namespace/name` of their Service. */
export function slicesByService(slices: readonly EndpointSlice[]): Map<string, EndpointSlice[]> {
	const byService = new Map<string, EndpointSlice[]>();
	for (const slice of slices) {
		const name = slice.metadata.labels?.[serviceNameLabel];
		if (name === undefined) continue;
		const key = `${slice.metadata.namespace ?? ''}/${name}`;
		byService.set(key, [...(byService.get(key) ?? []), slice]);
	}
	return byService;
}

function serviceEntry({ spec }: Service, slices: readonly EndpointSlice[]): ServiceEntry {
	const { clusterIP = '', externalName, type, ports = [], sessionAffinity } = spec;
	const headless = clusterIP === '' || clusterIP === 'None';
	const hosts = slices.flatMap(({ endpoints }) =>
		endpoints.flatMap(({ hostname, addresses }) =>
			hostname === undefined ? [] : [[hostname, addresses[0] ?? '']],
		),
	);
	return {
		...(headless ? {} : { clusterIp: clusterIP }),
		...(type === 'ExternalName' && externalName !== undefined ? { externalName } : {}),
		sticky: sessionAffinity === 'ClientIP',
		ports: ports.map(
			(port): ServicePortTargets => ({
				port: port.port,
				protocol: port.protocol ?? 'TCP',
				targets: readyTargets(port, slices),
			}),
		),
		addresses: readyAddresses(slices),
		hosts: Object.fromEntries(hosts),
	};
}

/** Endpoints without a word about readiness count as ready, as hand-made ones often are. */
function readyAddresses(slices: readonly EndpointSlice[]): string[] {
	const ready = slices.flatMap(({ endpoints }) =>
		endpoints.filter(({ conditions }) => conditions?.ready !== false),
	);
	return [...new Set(ready.flatMap(({ addresses }) => addresses))];
}
