import type { ClusterClient } from '../../cluster/cluster-client.ts';
import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import { isJsonObject } from '../../runtime/json.ts';
import { hasSidecar } from '../translation/workload-sidecar.ts';
import {
	type CallEvidence,
	type Caller,
	type CallerDirectory,
	callerOf,
	hasEnded,
} from './callers.ts';
import { RememberedCallers } from './remembered-callers.ts';

/** Where pods are looked up. */
export interface PodCallersOptions {
	readonly client: ClusterClient;
	readonly namespace: string;
}

/**
 * Tells modules apart by the address that they call from, as the SDKs send no credential with their
 * calls. An address belongs to one pod at a time, and to another when that pod is gone: the API
 * server is asked about every call (modules make one or two an hour). Modules that have a sidecar
 * are told apart by that alone.
 */
export class PodCallers implements CallerDirectory {
	readonly #options: PodCallersOptions;
	readonly #remembered = new RememberedCallers();

	constructor(options: PodCallersOptions) {
		this.#options = options;
	}

	identify(evidence: CallEvidence): Promise<Caller> {
		const address = plainAddress(evidence.address);
		return this.#remembered.find(address, async () => {
			return theCaller(address, await this.#podsAt(address));
		});
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
	if (hasSidecar(pod)) throw unknown(`The pod ${names} speaks through its sidecar alone.`);
	return callerOf(pod);
}

function unknown(message: string): EdgeError {
	return new EdgeError('EDGE_CALLER_UNKNOWN', message);
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
