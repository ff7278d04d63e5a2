import { messageOf } from '../../../runtime/edge-error.ts';
import type { Logger } from '../../../runtime/logger.ts';
import { type KindRegistry, storageOf } from '../kinds/kind-registry.ts';
import type { ResourceKind } from '../kinds/resource-kind.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { ObjectDeletion } from './object-deletion.ts';

/** Empties namespaces that are being deleted, and lets them go when nothing is left in them. */
export class NamespaceDeletion {
	readonly #store: ObjectStore;
	readonly #registry: KindRegistry;
	readonly #deletion: ObjectDeletion;
	readonly #logger: Logger;
	readonly #terminating = new Set<string>();
	#stops: (() => void)[] = [];
	#watched = new Set<string>();
	#scheduled = false;
	#running = false;

	constructor(
		store: ObjectStore,
		registry: KindRegistry,
		deletion: ObjectDeletion,
		logger: Logger,
	) {
		this.#store = store;
		this.#registry = registry;
		this.#deletion = deletion;
		this.#logger = logger;
	}

	start(): void {
		this.#running = true;
		this.#stops.push(
			this.#store.listen('namespaces', ({ type, object }) => {
				const { name, deletionTimestamp } = object.object.metadata;
				if (type === 'DELETED') this.#terminating.delete(name);
				else if (deletionTimestamp !== undefined) this.#begin(name);
			}),
		);
		for (const { object } of this.#store.list('namespaces')) {
			if (object.metadata.deletionTimestamp !== undefined) this.#begin(object.metadata.name);
		}
	}

	stop(): void {
		this.#running = false;
		for (const stop of this.#stops.splice(0)) stop();
		this.#watched = new Set();
	}

	#begin(namespace: string): void {
		this.#terminating.add(namespace);
		this.#schedule();
	}

	/** Not at once: a listener of the store must not write to it. */
	#schedule(): void {
		if (this.#scheduled) return;
		this.#scheduled = true;
		queueMicrotask(() => {
			this.#scheduled = false;
			if (this.#running) this.#sweep();
		});
	}

	#sweep(): void {
		this.#watchKinds();
		for (const namespace of [...this.#terminating]) {
			try {
				this.#empty(namespace);
			} catch (error) {
				const fields = { namespace, error: messageOf(error) };
				this.#logger.warn('A namespace could not be emptied.', fields);
			}
		}
	}

	#empty(namespace: string): void {
		let left = 0;
		for (const kind of this.#kinds()) {
			for (const stored of this.#store.list(storageOf(kind), namespace)) {
				const { name, deletionTimestamp } = stored.object.metadata;
				const target = { kind, namespace, name };
				if (deletionTimestamp !== undefined) left += 1;
				else if (!this.#deletion.delete(target, stored, {}, false).gone) left += 1;
			}
		}
		const live = this.#store.get('namespaces', namespace);
		if (left > 0 || live === undefined) return;
		this.#terminating.delete(namespace);
		const finalized = structuredClone(live);
		delete finalized.spec;
		if ((finalized.metadata.finalizers ?? []).length > 0) {
			this.#store.put('namespaces', namespace, finalized);
		} else {
			this.#store.remove('namespaces', namespace);
		}
	}

	/** Objects that took their time may have been the last ones of a namespace. */
	#watchKinds(): void {
		for (const kind of this.#kinds()) {
			const storage = storageOf(kind);
			if (this.#watched.has(storage)) continue;
			this.#watched.add(storage);
			this.#stops.push(
				this.#store.listen(storage, ({ type, object }) => {
					const { namespace = '' } = object.object.metadata;
					if (type === 'DELETED' && this.#terminating.has(namespace)) this.#schedule();
				}),
			);
		}
	}

	/** One version of every kind that lives in namespaces. */
	#kinds(): ResourceKind[] {
		const kinds = this.#registry.all().filter((kind) => kind.namespaced && !kind.isQuestion);
		return [...new Map(kinds.map((kind) => [storageOf(kind), kind])).values()];
	}
}
