/** Where one port of a Service leads. */
export interface ServicePortTargets {
	readonly port: number;
	readonly protocol: string;
	/** `address:port` of every ready endpoint. */
	readonly targets: readonly string[];
}

/** A Service as a pod sees it. */
export interface ServiceEntry {
	/** Absent for a headless Service and for an external name. */
	readonly clusterIp?: string;
	readonly externalName?: string;
	/** Whether one client always gets the same endpoint (`sessionAffinity: ClientIP`). */
	readonly sticky: boolean;
	readonly ports: readonly ServicePortTargets[];
	/** Addresses of the ready endpoints: what the name of a headless Service resolves to. */
	readonly addresses: readonly string[];
	/** Addresses of single pods, `<hostname>.<service>`, by host name. */
	readonly hosts: Readonly<Record<string, string>>;
}

/** What the node tells every pod about the network; stored as one JSON file. */
export interface ServiceTable {
	/** The first three numbers of every pod address with a dot behind: `127.70.1.`. */
	readonly block: string;
	/** Ports of this machine that `localhost` in a pod always means, such as the API server's. */
	readonly hostPorts: readonly number[];
	/** By `namespace/name`. */
	readonly services: Readonly<Record<string, ServiceEntry>>;
	/** Cluster IP → `namespace/name`. */
	readonly clusterIps: Readonly<Record<string, string>>;
}

/** The pod that asks. */
export interface PodAddress {
	readonly namespace: string;
	readonly address: string;
	/** Names of the pod itself. */
	readonly hostName: string;
	/** A pod with `hostNetwork` has no address of its own: it shares the machine's. */
	readonly hostNetwork: boolean;
}

/** What to do with a connection to `host:port`. */
export type Destination =
	/** Nothing of ours: leave it to the machine. */
	| { readonly kind: 'machine' }
	/** Connect here, from the pod's own address when `fromPod`. */
	| { readonly kind: 'address'; readonly host: string; readonly port: number; fromPod: boolean }
	/** A canonical name outside the cluster. */
	| { readonly kind: 'name'; readonly host: string }
	/** `localhost`: the pod itself, then the machine. */
	| { readonly kind: 'self'; readonly port: number }
	/** A Service without a ready endpoint refuses at once, as kube-proxy does. */
	| { readonly kind: 'refuse' };

/** Ports below this need root to listen on. */
const firstFreePort = 1024;
/** What is added to such ports on pod addresses, at both ends. */
const privilegedPortShift = 30_000;
const loopbackNames = new Set(['localhost', '127.0.0.1', '::1', '0.0.0.0', '::', '']);

/** The port that is really used on a pod address for a port that a program names. */
export function portOnPod(port: number): number {
	return port > 0 && port < firstFreePort ? port + privilegedPortShift : port;
}

/** Whether a host means the pod itself: every address, loopback, or one of its own names. */
export function isOwnHost(pod: PodAddress, host: string): boolean {
	return loopbackNames.has(host) || host === pod.address || host === pod.hostName;
}

/**
 * Finds the Service that a name means for a pod, in the search order of cluster DNS: `svc`,
 * `svc.ns`, `svc.ns.svc`, `svc.ns.svc.cluster.local`. A pod's name may stand in front.
 */
export function findService(
	table: ServiceTable,
	namespace: string,
	name: string,
): { readonly entry: ServiceEntry; readonly address?: string } | undefined {
	const short = name.toLowerCase().replace(/\.$/, '');
	const labels = short.replace(/\.svc(\.cluster(\.local)?)?$/, '').split('.');
	const [first = '', second = namespace, third] = labels;
	const entry = third === undefined ? lookUp(table, second, first) : undefined;
	if (entry !== undefined) return { entry };
	if (labels.length < 2 || labels.length > 3) return undefined;
	const owner = lookUp(table, third ?? namespace, second);
	const address = owner && Object.hasOwn(owner.hosts, first) ? owner.hosts[first] : undefined;
	return owner === undefined || address === undefined ? undefined : { entry: owner, address };
}

/**
 * Decides where a connection goes, as cluster DNS and kube-proxy would together.
 *
 * @param pick chooses one of `count` endpoints of a Service port.
 */
export function destinationOf(
	table: ServiceTable,
	pod: PodAddress,
	host: string,
	port: number,
	pick: (key: string, count: number, sticky: boolean) => number,
): Destination {
	if (isOwnHost(pod, host)) return ownDestination(table, pod, host, port);
	const key = Object.hasOwn(table.clusterIps, host) ? table.clusterIps[host] : undefined;
	const found =
		key === undefined
			? findService(table, pod.namespace, host)
			: { entry: table.services[key] as ServiceEntry };
	if (found === undefined) return addressDestination(table, pod, host, port) ?? machine;
	const { entry } = found;
	if (entry.externalName !== undefined) return { kind: 'name', host: entry.externalName };
	if ('address' in found && found.address !== undefined) {
		return addressDestination(table, pod, found.address, port) ?? machine;
	}
	const targets = targetsOf(entry, port);
	if (targets.length === 0) return { kind: 'refuse' };
	const target = targets[pick(`${host}:${port}`, targets.length, entry.sticky)] ?? '';
	const colon = target.lastIndexOf(':');
	const address = target.slice(0, colon);
	const targetPort = Number(target.slice(colon + 1));
	return (
		addressDestination(table, pod, address, targetPort) ?? {
			kind: 'address',
			host: address,
			port: targetPort,
			fromPod: false,
		}
	);
}

/** The addresses that a name resolves to for a pod; `undefined` for names that are not ours. */
export function addressesOf(
	table: ServiceTable,
	pod: PodAddress,
	name: string,
): readonly string[] | undefined {
	if (name === 'localhost') return ['127.0.0.1'];
	if (name === pod.hostName) return [pod.address];
	const found = findService(table, pod.namespace, name);
	if (found === undefined || found.entry.externalName !== undefined) return undefined;
	if (found.address !== undefined) return [found.address];
	return found.entry.clusterIp === undefined ? found.entry.addresses : [found.entry.clusterIp];
}

const machine: Destination = { kind: 'machine' };

function lookUp(table: ServiceTable, namespace: string, name: string): ServiceEntry | undefined {
	const key = `${namespace}/${name}`;
	return Object.hasOwn(table.services, key) ? table.services[key] : undefined;
}

function ownDestination(
	table: ServiceTable,
	pod: PodAddress,
	host: string,
	port: number,
): Destination {
	if (pod.hostNetwork || table.hostPorts.includes(port)) return machine;
	const open = portOnPod(port) === port;
	if (open && host !== pod.address && host !== pod.hostName) return { kind: 'self', port };
	return { kind: 'address', host: pod.address, port: portOnPod(port), fromPod: true };
}

function addressDestination(
	table: ServiceTable,
	pod: PodAddress,
	host: string,
	port: number,
): Destination | undefined {
	if (!host.startsWith(table.block)) return undefined;
	return { kind: 'address', host, port: portOnPod(port), fromPod: !pod.hostNetwork };
}

function targetsOf(entry: ServiceEntry, port: number): readonly string[] {
	// The name of a headless Service is only an address: the port stays as the client names it.
	if (entry.clusterIp === undefined) return entry.addresses.map((address) => `${address}:${port}`);
	return entry.ports.find((candidate) => candidate.port === port)?.targets ?? [];
}
