import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { matchesSelector } from '../workloads/label-selector.ts';
import { keyOf, type Pod } from '../workloads/pod.ts';
import { type EndpointSlice, type Service, serviceNameLabel } from '../workloads/service.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Reconciler } from './controller.ts';
import {
	endpointSlicesOf,
	endpointsOf,
	sliceManager,
	sliceManagerLabel,
} from './endpoint-slices.ts';
import type { KindCache } from './kind-cache.ts';

/** Keeps the endpoints of every Service with a selector equal to its ready pods. */
export class EndpointReconciler implements Reconciler {
	readonly name = 'endpoints';
	readonly #state: ClusterState;
	readonly #services: KindCache<Service>;
	readonly #pods: KindCache<Pod>;
	readonly #slices: KindCache<EndpointSlice>;
	readonly #endpoints: KindCache<KubernetesObject>;

	constructor(state: ClusterState) {
		this.#state = state;
		this.#services = state.cache<Service>('v1', 'Service');
		this.#pods = state.cache<Pod>('v1', 'Pod');
		this.#slices = state.cache<EndpointSlice>('discovery.k8s.io/v1', 'EndpointSlice');
		this.#endpoints = state.cache('v1', 'Endpoints');
	}

	watch(enqueue: (key: string) => void): void {
		this.#services.onChange((current, previous) =>
			enqueue(keyOf((current ?? previous) as Service)),
		);
		this.#pods.onChange((current, previous) => {
			const pod = (current ?? previous) as Pod;
			for (const service of this.#services.list(pod.metadata.namespace)) {
				if (selects(service, current) || selects(service, previous)) enqueue(keyOf(service));
			}
		});
		this.#slices.onChange((_current, previous) => {
			const name = previous?.metadata.labels?.[serviceNameLabel];
			if (name !== undefined) enqueue(`${previous?.metadata.namespace ?? ''}/${name}`);
		});
	}

	async reconcile(key: string): Promise<undefined> {
		const service = this.#services.get(key);
		if (service?.spec.selector === undefined || service.metadata.deletionTimestamp !== undefined) {
			return;
		}
		const { name, namespace } = service.metadata;
		const pods = this.#pods.list(namespace).filter((pod) => selects(service, pod));
		const wanted = endpointSlicesOf(service, pods);
		const actual = this.#slices
			.list(namespace)
			.filter(({ metadata: { labels } }) => labels?.[serviceNameLabel] === name)
			// Slices that somebody else has made are theirs, as on a real cluster.
			.filter(({ metadata: { labels } }) => labels?.[sliceManagerLabel] === sliceManager);
		const kept = new Set(wanted.map((slice) => slice.metadata.name));
		for (const slice of wanted) await this.#put(slice, this.#slices.get(keyOf(slice)));
		for (const slice of actual) {
			if (!kept.has(slice.metadata.name)) await this.#state.delete(slice);
		}
		await this.#put(endpointsOf(service, wanted), this.#endpoints.get(key));
	}

	async #put(wanted: KubernetesObject, actual: KubernetesObject | undefined): Promise<void> {
		if (actual === undefined) {
			await this.#state.create(wanted);
			return;
		}
		const changes = Object.entries(wanted).filter(
			([member, value]) => member !== 'metadata' && !isDeepStrictEqual(value, actual[member]),
		);
		if (changes.length === 0) return;
		await this.#state.patch(actual, JSON.parse(JSON.stringify(Object.fromEntries(changes))));
	}
}

function selects(service: Service, pod: Pod | undefined): boolean {
	const { selector } = service.spec;
	if (pod === undefined || selector === undefined) return false;
	if (pod.metadata.namespace !== service.metadata.namespace) return false;
	return matchesSelector({ matchLabels: selector }, pod.metadata.labels);
}
