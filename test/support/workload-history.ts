import type { ClusterClient } from '../../src/cluster/cluster-client.ts';
import type { KubernetesObject } from '../../src/cluster/kubernetes-object.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/runtime/json.ts';

/** What the Deployments of a namespace were over time. */
export class WorkloadHistory implements AsyncDisposable {
	readonly #admin: ClusterClient;
	readonly #namespace: string;
	readonly #states: { readonly deleted: boolean; readonly object: KubernetesObject }[] = [];
	readonly #stop = new AbortController();
	readonly #watching: Promise<void>;

	private constructor(admin: ClusterClient, namespace: string, from: string) {
		this.#admin = admin;
		this.#namespace = namespace;
		this.#watching = this.#watch(from);
	}

	static async begin(admin: ClusterClient, namespace: string): Promise<WorkloadHistory> {
		const list = await admin.list({ apiVersion: 'apps/v1', kind: 'Deployment', namespace });
		const history = new WorkloadHistory(admin, namespace, list.resourceVersion);
		for (const object of list.items) history.#states.push({ deleted: false, object });
		return history;
	}

	/**
	 * Modules that were taken away, or started anew more often than their changes demand.
	 *
	 * @param names Deployments that must not go away. @param changes how often some may change.
	 */
	async faults(names: readonly string[], changes: Record<string, number>): Promise<string[]> {
		await this[Symbol.asyncDispose]();
		return names.flatMap((name) => {
			const states = this.#states.filter(({ object }) => object.metadata.name === name);
			const specs = states.map(({ object }) =>
				JSON.stringify(withoutIndividual(object.spec ?? {})),
			);
			const turns = specs.filter((spec, index) => index > 0 && spec !== specs[index - 1]).length;
			const excess = turns - (changes[name] ?? 0);
			return [
				...(states.some(({ deleted }) => deleted) ? [`${name} was deleted`] : []),
				...(excess > 0 ? [`${name} was changed needlessly, ${excess} times`] : []),
			];
		});
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#stop.abort();
		await this.#watching;
	}

	/** Goes on where it was when the server ends a watch. */
	async #watch(from: string): Promise<void> {
		const query = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: this.#namespace };
		let position = from;
		while (!this.#stop.signal.aborted) {
			for await (const event of this.#admin.watch(query, position, this.#stop.signal)) {
				if (event.type === 'BOOKMARK') continue;
				position = event.object.metadata.resourceVersion ?? position;
				this.#states.push({ deleted: event.type === 'DELETED', object: event.object });
			}
		}
	}
}

/** What is different in each cluster, or each time that something is made. */
const individual = new Set([
	...['clusterIP', 'clusterIPs', 'ca.pem', 'batch.kubernetes.io/controller-uid', 'controller-uid'],
	...['net.azure-devices.edge.declared-hash'],
]);

/** The same without that. */
export function withoutIndividual(value: JsonValue): JsonValue {
	if (Array.isArray(value)) return value.map(withoutIndividual);
	if (!isJsonObject(value)) return value;
	const members = Object.entries(value).filter(([name]) => !individual.has(name));
	const plain = members.map(([name, member]): [string, JsonValue] => {
		return [name, withoutIndividual(member ?? null)];
	});
	return Object.fromEntries(plain.sort(([a], [b]) => (a < b ? -1 : 1))) as JsonObject;
}
