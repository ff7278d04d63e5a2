import type { ClusterClient } from '../cluster/cluster-client.ts';
import type { KubernetesObject } from '../cluster/kubernetes-object.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/edge-error.ts';
import type { Logger } from '../runtime/logger.ts';

/** What a recorder needs. */
export interface EventRecorderSettings {
	readonly client: ClusterClient;
	readonly clock: Clock;
	readonly logger: Logger;
	/** Who reports: `kubelet`, `deployment-controller`… */
	readonly component: string;
	/** The node that reports, for events of the node. */
	readonly host?: string;
}

interface Recorded {
	readonly name: string;
	readonly namespace: string;
	count: number;
	written: number;
}

/** How many different events are remembered for counting. */
const remembered = 2000;

/**
 * Writes Kubernetes Events, as `kubectl describe` shows them. The same reason and message for the
 * same object is one Event with a count.
 */
export class EventRecorder {
	readonly #settings: EventRecorderSettings;
	readonly #recorded = new Map<string, Recorded>();
	#writing: Promise<void> = Promise.resolve();
	#serial = 0;

	constructor(settings: EventRecorderSettings) {
		this.#settings = settings;
	}

	/** @param fieldPath the part of the object, such as `spec.containers{filter}`. */
	record(
		object: KubernetesObject,
		type: 'Normal' | 'Warning',
		reason: string,
		message: string,
		fieldPath?: string,
	): void {
		const key = [object.metadata.uid, reason, message, fieldPath].join('\n');
		const known = this.#recorded.get(key);
		if (known !== undefined) {
			known.count += 1;
			this.#write(() => this.#count(known));
			return;
		}
		const namespace = object.metadata.namespace ?? 'default';
		const recorded = { name: this.#name(object), namespace, count: 1, written: 1 };
		this.#recorded.set(key, recorded);
		for (const oldest of this.#recorded.keys()) {
			if (this.#recorded.size <= remembered) break;
			this.#recorded.delete(oldest);
		}
		const event = this.#event(recorded, object, fieldPath);
		this.#write(async () => {
			await this.#settings.client.create({ ...event, type, reason, message });
		});
	}

	/** Resolves when everything recorded so far is written. */
	async flush(): Promise<void> {
		await this.#writing;
	}

	#event(recorded: Recorded, object: KubernetesObject, fieldPath?: string): KubernetesObject {
		const { component, host } = this.#settings;
		const { namespace, name, uid, resourceVersion } = object.metadata;
		const { apiVersion, kind } = object;
		const now = this.#now();
		return {
			apiVersion: 'v1',
			kind: 'Event',
			metadata: { name: recorded.name, namespace: recorded.namespace },
			involvedObject: { apiVersion, kind, namespace, name, uid, resourceVersion, fieldPath },
			source: host === undefined ? { component } : { component, host },
			reportingComponent: component,
			reportingInstance: host ?? '',
			firstTimestamp: now,
			lastTimestamp: now,
			count: 1,
		};
	}

	async #count(recorded: Recorded): Promise<void> {
		// Several counts of one Event that waited for each other are one write.
		if (recorded.written === recorded.count) return;
		const { name, namespace, count } = recorded;
		recorded.written = count;
		const reference = { apiVersion: 'v1', kind: 'Event', name, namespace };
		await this.#settings.client.patch(reference, { count, lastTimestamp: this.#now() });
	}

	#write(action: () => Promise<void>): void {
		this.#writing = this.#writing.then(action).catch((error: unknown) => {
			// The namespace may be going away, or the Event may have been deleted.
			this.#settings.logger.debug('event not written', { error: messageOf(error) });
		});
	}

	#name(object: KubernetesObject): string {
		this.#serial += 1;
		const unique = (
			BigInt(this.#settings.clock.now()) * 4096n +
			BigInt(this.#serial & 4095)
		).toString(16);
		return `${object.metadata.name}.${unique}`;
	}

	#now(): string {
		return timestamp(this.#settings.clock.now());
	}
}

/** The form of `metav1.Time`: RFC 3339 without fractions. */
export function timestamp(milliseconds: number): string {
	return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
}
