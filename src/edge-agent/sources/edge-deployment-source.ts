import type { ClusterClient } from '../../cluster/cluster-client.ts';
import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { ObjectCache } from '../../cluster/object-cache.ts';
import type { Clock } from '../../runtime/clock.ts';
import { isJsonObject } from '../../runtime/json.ts';
import type { Logger } from '../../runtime/logger.ts';
import { ClusterSource } from './cluster-source.ts';
import type { SourceState } from './deployment-source.ts';
import { edgeDeploymentKind } from './edge-deployment-definition.ts';
import { localDeployment } from './local-deployment.ts';

/** Where EdgeDeployments are looked for. */
export interface EdgeDeploymentSourceOptions {
	readonly client: ClusterClient;
	readonly namespace: string;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** A cluster to which the kind may be added later is asked for it so often. Milliseconds. */
const resync = 120_000;

/**
 * EdgeDeployments of the namespace. One device has one deployment: of several the oldest counts, so
 * that a new one takes over when the old one is deleted.
 */
export class EdgeDeploymentSource extends ClusterSource {
	readonly source = 'edge-deployment';
	#read: { readonly from: KubernetesObject; readonly state: SourceState } | undefined;

	constructor({ client, namespace, clock, logger }: EdgeDeploymentSourceOptions) {
		const query = { ...edgeDeploymentKind, namespace };
		super(new ObjectCache({ client, query, clock, logger, resync, optional: 'kind' }));
	}

	get place(): string {
		const name = this.current?.metadata.name;
		return name === undefined ? 'an EdgeDeployment' : placeOf(name);
	}

	/** The one that counts. */
	get current(): KubernetesObject | undefined {
		return this.objects()[0];
	}

	get state(): SourceState {
		if (!this.cache.synced) return { kind: 'unknown' };
		const { current } = this;
		if (current === undefined) return { kind: 'absent' };
		// A new status is no new deployment.
		if (this.#read === undefined || !isSameSpec(this.#read.from, current)) {
			this.#read = { from: current, state: stateOf(current) };
		}
		return this.#read.state;
	}

	/** All of the namespace, the oldest first. */
	objects(): KubernetesObject[] {
		return [...this.cache.objects()]
			.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
			.sort(byAge);
	}

	/** Takes in what the server answered to a write of the status. */
	observe(object: KubernetesObject): void {
		this.cache.observe(object);
	}
}

function stateOf({ metadata, spec = {} }: KubernetesObject): SourceState {
	if (spec['paused'] === true) return { kind: 'held' };
	const { modulesContent } = spec;
	const { desired, fault } = localDeployment(
		isJsonObject(modulesContent) ? { modulesContent } : {},
		{
			kind: 'edge-deployment',
			place: placeOf(metadata.name),
			generation: metadata.generation ?? 0,
		},
	);
	return fault === undefined ? { kind: 'present', desired } : { kind: 'faulty', fault };
}

function isSameSpec(a: KubernetesObject, b: KubernetesObject): boolean {
	return a.metadata.uid === b.metadata.uid && a.metadata.generation === b.metadata.generation;
}

/** The oldest first. */
export function byAge(a: KubernetesObject, b: KubernetesObject): number {
	return ageOf(a).localeCompare(ageOf(b));
}

function ageOf({ metadata }: KubernetesObject): string {
	return `${metadata.creationTimestamp ?? ''} ${metadata.name}`;
}

function placeOf(name: string): string {
	return `EdgeDeployment ${name}`;
}
