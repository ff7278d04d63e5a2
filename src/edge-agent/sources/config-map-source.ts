import type { ClusterClient } from '../../cluster/cluster-client.ts';
import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { ObjectCache } from '../../cluster/object-cache.ts';
import type { Clock } from '../../runtime/clock.ts';
import { isJsonObject } from '../../runtime/json.ts';
import type { Logger } from '../../runtime/logger.ts';
import { ClusterSource } from './cluster-source.ts';
import type { SourceState } from './deployment-source.ts';
import { localDeploymentOfText } from './local-deployment.ts';

/** Which ConfigMap is followed. */
export interface ConfigMapSourceOptions {
	readonly client: ClusterClient;
	readonly namespace: string;
	readonly name: string;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** Where the manifest is; a ConfigMap with one key alone may call it as it likes. */
const usualKey = 'deployment.json';

/** A deployment manifest in a ConfigMap, read through the Kubernetes API. */
export class ConfigMapSource extends ClusterSource {
	readonly source = 'config-map';
	readonly place: string;
	readonly #name: string;
	readonly #namespace: string;
	/** What the ConfigMap said last, so that the same object is the same state. */
	#read: { readonly from: KubernetesObject; readonly state: SourceState } | undefined;

	constructor({ client, namespace, name, clock, logger }: ConfigMapSourceOptions) {
		const fieldSelector = `metadata.name=${name}`;
		const query = { apiVersion: 'v1', kind: 'ConfigMap', namespace, fieldSelector };
		super(new ObjectCache({ client, query, clock, logger }));
		this.place = `ConfigMap ${name}`;
		this.#name = name;
		this.#namespace = namespace;
	}

	get state(): SourceState {
		if (!this.cache.synced) return { kind: 'unknown' };
		const object = this.cache.get(this.#name, this.#namespace);
		if (object === undefined) return { kind: 'absent' };
		if (this.#read?.from !== object) this.#read = { from: object, state: this.#stateOf(object) };
		return this.#read.state;
	}

	#stateOf(object: KubernetesObject): SourceState {
		const data = isJsonObject(object['data']) ? object['data'] : {};
		const keys = Object.keys(data);
		const [only] = keys;
		const key = keys.length === 1 && only !== undefined ? only : usualKey;
		const text = data[key];
		if (typeof text !== 'string') {
			const description = `${this.place} has no key ${usualKey}.`;
			return { kind: 'faulty', fault: { code: 417, description } };
		}
		const origin = { kind: 'config-map', place: this.place } as const;
		const { desired, fault } = localDeploymentOfText(text, origin);
		return fault === undefined ? { kind: 'present', desired } : { kind: 'faulty', fault };
	}
}
