import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import { messageOf } from '../../../runtime/edge-error.ts';
import type { Logger } from '../../../runtime/logger.ts';
import { customKindsOf } from '../kinds/custom-kinds.ts';
import type { KindRegistry } from '../kinds/kind-registry.ts';
import type { ObjectStore } from '../store/object-store.ts';

const resource = 'customresourcedefinitions.apiextensions.k8s.io';

/** Serves the kinds of CustomResourceDefinitions as they come, change and go. */
export class DefinitionWatch {
	readonly #store: ObjectStore;
	readonly #registry: KindRegistry;
	readonly #logger: Logger;
	#stop: (() => void) | undefined;

	constructor(store: ObjectStore, registry: KindRegistry, logger: Logger) {
		this.#store = store;
		this.#registry = registry;
		this.#logger = logger;
	}

	start(): void {
		for (const { object } of this.#store.list(resource)) this.#serve(object);
		this.#stop = this.#store.listen(resource, ({ type, object }) => {
			if (type !== 'DELETED') this.#serve(object.object);
			else this.#withdraw(object.object);
		});
	}

	stop(): void {
		this.#stop?.();
		this.#stop = undefined;
	}

	#serve(definition: KubernetesObject): void {
		const { name } = definition.metadata;
		try {
			this.#registry.setCustom(name, customKindsOf(definition));
		} catch (error) {
			this.#registry.setCustom(name, []);
			this.#logger.warn('A definition cannot be served.', { name, error: messageOf(error) });
		}
	}

	/** The objects of a kind go with its definition. */
	#withdraw({ metadata: { name } }: KubernetesObject): void {
		this.#registry.setCustom(name, []);
		// Not at once: a listener of the store must not write to it.
		queueMicrotask(() => {
			for (const { object } of this.#store.list(name)) {
				const { namespace, name: own } = object.metadata;
				this.#store.remove(name, namespace === undefined ? own : `${namespace}/${own}`);
			}
		});
	}
}
