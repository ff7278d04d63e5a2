import type { ClusterClient } from '../../cluster/cluster-client.ts';
import { ClusterError } from '../../cluster/cluster-error.ts';
import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import { isJsonObject } from '../../runtime/json.ts';
import { originalModuleIdAnnotation } from '../translation/translation.ts';

/** Who has called: a pod of the namespace and the module that it is. */
export interface Caller {
	/** Name of the pod, for logs. */
	readonly pod: string;
	/** As in the manifest; absent for a pod that is no module. */
	readonly module?: string;
}

/** Finds callers by their address. */
export interface CallerDirectory {
	/** @throws EdgeError EDGE_CALLER_UNKNOWN; ClusterError when the API server must be asked and cannot. */
	identify(address: string): Promise<Caller>;
}

/** Where pods are looked up. */
export interface PodCallersOptions {
	readonly client: ClusterClient;
	readonly namespace: string;
}

/** Addresses that are remembered; beyond that the oldest are forgotten. */
const maxRemembered = 1000;

/**
 * Tells modules apart by the address that they call from, as the SDKs send no credential with their
 * calls. An address belongs to one pod at a time, and to another when that pod is gone: the API
 * server is asked about every call (modules make one or two an hour). While it is away, what it said
 * last about an address holds, since no pod gets an address then either.
 */
export class PodCallers implements CallerDirectory {
	readonly #options: PodCallersOptions;
	readonly #remembered = new Map<string, Caller>();

	constructor(options: PodCallersOptions) {
		this.#options = options;
	}

	async identify(remoteAddress: string): Promise<Caller> {
		const address = plainAddress(remoteAddress);
		let pods: readonly KubernetesObject[];
		try {
			pods = await this.#podsAt(address);
		} catch (error) {
			const known = this.#remembered.get(address);
			if (known !== undefined && isAbsent(error)) return known;
			throw error;
		}
		this.#remembered.delete(address);
		const caller = theCaller(address, pods);
		this.#remembered.set(address, caller);
		this.#forgetOldest();
		return caller;
	}

	async #podsAt(address: string): Promise<readonly KubernetesObject[]> {
		const { client, namespace } = this.#options;
		const query = { apiVersion: 'v1', kind: 'Pod', namespace };
		const isThere = (pod: KubernetesObject) => !hasEnded(pod) && addressesOf(pod).includes(address);
		const { items } = await client.list({ ...query, fieldSelector: `status.podIP=${address}` });
		const found = items.filter(isThere);
		// The server selects by the first address of a pod only.
		return found.length > 0 ? found : (await client.list(query)).items.filter(isThere);
	}

	#forgetOldest(): void {
		for (const address of this.#remembered.keys()) {
			if (this.#remembered.size <= maxRemembered) return;
			this.#remembered.delete(address);
		}
	}
}

function theCaller(address: string, pods: readonly KubernetesObject[]): Caller {
	const [pod] = pods;
	if (pod === undefined) {
		throw unknown(`No pod of this edge device has the address ${address}.`);
	}
	const names = pods.map(({ metadata }) => metadata.name).join(', ');
	if (pods.some((each) => each.spec?.['hostNetwork'] === true)) {
		throw unknown(
			`The pod ${names} uses the network of its node: its calls cannot be told from those of other programs there.`,
		);
	}
	if (pods.length > 1) throw unknown(`The pods ${names} have the same address ${address}.`);
	const module = pod.metadata.annotations?.[originalModuleIdAnnotation];
	return { pod: pod.metadata.name, ...(module === undefined ? {} : { module }) };
}

function unknown(message: string): EdgeError {
	return new EdgeError('EDGE_CALLER_UNKNOWN', message);
}

/** A pod that has ended keeps its address in its status after another has got it. */
function hasEnded(pod: KubernetesObject): boolean {
	const phase = pod.status?.['phase'];
	return phase === 'Succeeded' || phase === 'Failed';
}

function addressesOf(pod: KubernetesObject): string[] {
	const { podIP, podIPs } = (pod.status ?? {}) as { podIP?: unknown; podIPs?: unknown };
	const all = Array.isArray(podIPs)
		? podIPs.map((entry) => (isJsonObject(entry) ? entry['ip'] : undefined))
		: [];
	return [podIP, ...all].filter((address): address is string => typeof address === 'string');
}

/** `::ffff:10.0.0.7` → `10.0.0.7`, and no zone. */
function plainAddress(address: string): string {
	return address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
}

function isAbsent(error: unknown): boolean {
	return error instanceof ClusterError && (error.status === 0 || error.status >= 429);
}
