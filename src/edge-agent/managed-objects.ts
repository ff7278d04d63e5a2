import type { ClusterClient } from '../cluster/cluster-client.ts';
import type { KubernetesObject } from '../cluster/kubernetes-object.ts';
import { ObjectCache } from '../cluster/object-cache.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Lifecycle } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/logger.ts';
import type { WriteObserver } from './apply.ts';

/** A kind that translations can contain. */
export interface ManagedKind {
	readonly apiVersion: string;
	readonly kind: string;
	/** A cluster may lack it, or the agent may not be allowed to use it. */
	readonly optional?: boolean;
}

/** Every kind that the agent creates, and therefore follows and prunes. */
export const managedKinds: readonly ManagedKind[] = [
	{ apiVersion: 'v1', kind: 'ServiceAccount' },
	{ apiVersion: 'v1', kind: 'Secret' },
	{ apiVersion: 'v1', kind: 'ConfigMap' },
	{ apiVersion: 'v1', kind: 'PersistentVolumeClaim' },
	{ apiVersion: 'v1', kind: 'Service' },
	{ apiVersion: 'apps/v1', kind: 'Deployment' },
	{ apiVersion: 'batch/v1', kind: 'Job', optional: true },
	{ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', optional: true },
	{ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', optional: true },
	{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', optional: true },
];

/** Which objects are followed. */
export interface ManagedObjectsSettings {
	readonly client: ClusterClient;
	readonly namespace: string;
	readonly labelSelector: string;
	readonly clock: Clock;
	readonly logger: Logger;
	readonly resync: number;
}

/** The live objects that the agent has made for its device, kept up to date. */
export class ManagedObjects implements Lifecycle, WriteObserver {
	readonly #caches = new Map<string, ObjectCache>();

	constructor({ client, namespace, labelSelector, ...rest }: ManagedObjectsSettings) {
		for (const { apiVersion, kind, optional = false } of managedKinds) {
			const query = { apiVersion, kind, namespace, labelSelector };
			this.#caches.set(
				keyOf(apiVersion, kind),
				new ObjectCache({ client, query, optional, ...rest }),
			);
		}
	}

	async start(): Promise<void> {
		await Promise.all([...this.#caches.values()].map((cache) => cache.start()));
	}

	async stop(): Promise<void> {
		await Promise.all([...this.#caches.values()].map((cache) => cache.stop()));
	}

	/** Whether every kind has been listed: before, nothing may be concluded from an absence. */
	get synced(): boolean {
		return [...this.#caches.values()].every((cache) => cache.synced);
	}

	/** Why some kind is not up to date, while one is not. */
	get lastError(): string | undefined {
		return [...this.#caches.values()].find((cache) => cache.lastError !== undefined)?.lastError;
	}

	/** Milliseconds since the kind that was heard of longest ago was heard of. */
	get staleness(): number {
		return Math.max(...[...this.#caches.values()].map((cache) => cache.staleness));
	}

	/** Milliseconds since the loop that moved longest ago heard or tried anything. */
	get idleness(): number {
		return Math.max(...[...this.#caches.values()].map((cache) => cache.idleness));
	}

	/** Resolves when every kind has been listed; rejects when stopped before. */
	async whenSynced(): Promise<void> {
		await Promise.all([...this.#caches.values()].map((cache) => cache.whenSynced()));
	}

	all(): KubernetesObject[] {
		return [...this.#caches.values()].flatMap((cache) => [...cache.objects()]);
	}

	get(apiVersion: string, kind: string, name: string, namespace: string) {
		return this.#caches.get(keyOf(apiVersion, kind))?.get(name, namespace);
	}

	onChange(listener: () => void): void {
		for (const cache of this.#caches.values()) cache.onChange(listener);
	}

	observe(object: KubernetesObject): void {
		this.#cacheOf(object)?.observe(object);
	}

	observeDeletion(object: KubernetesObject): void {
		this.#cacheOf(object)?.observeDeletion(object);
	}

	#cacheOf({ apiVersion, kind }: KubernetesObject): ObjectCache | undefined {
		return this.#caches.get(keyOf(apiVersion, kind));
	}
}

function keyOf(apiVersion: string, kind: string): string {
	return `${apiVersion}/${kind}`;
}
