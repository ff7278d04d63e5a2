import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Reconciler } from './controller.ts';
import type { KindCache } from './kind-cache.ts';
import { statusOf } from './kind-cache.ts';

const certificateMap = 'kube-root-ca.crt';

/**
 * Gives every namespace what pods count on: the ServiceAccount `default` and the authority of the
 * API server.
 */
export class NamespaceReconciler implements Reconciler {
	readonly name = 'namespace';
	readonly #state: ClusterState;
	readonly #certificate: string;
	readonly #namespaces: KindCache<KubernetesObject>;
	readonly #accounts: KindCache<KubernetesObject>;
	readonly #maps: KindCache<KubernetesObject>;

	/** @param certificate the certificate of the API server's authority, PEM. */
	constructor(state: ClusterState, certificate: string) {
		this.#state = state;
		this.#certificate = certificate;
		this.#namespaces = state.cache('v1', 'Namespace');
		this.#accounts = state.cache('v1', 'ServiceAccount');
		this.#maps = state.cache('v1', 'ConfigMap');
	}

	watch(enqueue: (key: string) => void): void {
		this.#namespaces.onChange((current) => {
			if (current !== undefined) enqueue(current.metadata.name);
		});
		const enqueueOwner = (current: KubernetesObject | undefined, previous?: KubernetesObject) => {
			const object = current ?? previous;
			const given = ['default', certificateMap].includes(object?.metadata.name ?? '');
			if (given) enqueue(object?.metadata.namespace ?? '');
		};
		this.#accounts.onChange(enqueueOwner);
		this.#maps.onChange(enqueueOwner);
	}

	async reconcile(name: string): Promise<undefined> {
		const namespace = this.#namespaces.get(`/${name}`);
		if (namespace === undefined || namespace.metadata.deletionTimestamp !== undefined) return;
		if (this.#accounts.get(`${name}/default`) === undefined) {
			const metadata = { name: 'default', namespace: name };
			await this.#make({ apiVersion: 'v1', kind: 'ServiceAccount', metadata });
		}
		await this.#publishCertificate(name);
	}

	async #publishCertificate(namespace: string): Promise<void> {
		const data = { 'ca.crt': this.#certificate };
		const existing = this.#maps.get(`${namespace}/${certificateMap}`);
		if (existing === undefined) {
			const metadata = { name: certificateMap, namespace };
			await this.#make({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
			return;
		}
		const current = (existing['data'] as Record<string, string> | undefined)?.['ca.crt'];
		if (current !== this.#certificate) await this.#state.patch(existing, { data });
	}

	async #make(object: KubernetesObject): Promise<void> {
		try {
			await this.#state.create(object);
		} catch (error) {
			if (statusOf(error) !== 409) throw error;
		}
	}
}
