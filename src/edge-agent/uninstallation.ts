import type { ClusterClient } from '../cluster/cluster-client.ts';
import type { KubernetesObject, ObjectReference } from '../cluster/kubernetes-object.ts';
import { ObjectCache } from '../cluster/object-cache.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Lifecycle } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/logger.ts';

/** The Deployment of the agent itself. */
export interface OwnDeployment {
	readonly reference: ObjectReference & { readonly namespace: string };
	/** Undefined: it is not there. */
	readonly object: KubernetesObject | undefined;
	/** Whether it is or was there: false for an agent outside a cluster. */
	readonly isInstalled: boolean;
}

/**
 * Looks for the Deployment of the agent. Where it is gone, the agent's own pod tells whether there was
 * one.
 *
 * @throws ClusterError
 */
export async function findOwnDeployment(
	client: Pick<ClusterClient, 'get'>,
	settings: {
		readonly namespace: string;
		readonly agentName: string;
		readonly podName: string | undefined;
	},
	signal: AbortSignal,
): Promise<OwnDeployment> {
	const { namespace, agentName, podName } = settings;
	const reference = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: agentName };
	const object = await client.get(reference, signal);
	if (object !== undefined || podName === undefined) {
		return { reference, object, isInstalled: object !== undefined };
	}
	const pod = await client.get({ apiVersion: 'v1', kind: 'Pod', namespace, name: podName }, signal);
	return { reference, object, isInstalled: isPodOf(pod, agentName) };
}

/** Whose uninstallation it is. */
export interface UninstallationOptions {
	readonly client: ClusterClient;
	/** The agent's own Deployment as it was when the agent started. */
	readonly own: Pick<OwnDeployment, 'reference' | 'object'>;
	/** Told once. Default: nobody is. */
	readonly onBegin?: () => void;
	readonly clock: Clock;
	readonly logger: Logger;
}

const deleted = 'its Deployment is deleted';

/**
 * Notices that the agent is being uninstalled: its own Deployment, which owns all that it makes, is
 * gone or going, or its namespace is. From then on Kubernetes collects the modules, and what the
 * agent would repair is what has just been collected. Only what the API server says of the
 * Deployment counts, by a watch or a complete list: a server that is away, restarts or refuses to
 * answer says nothing.
 */
export class Uninstallation implements Lifecycle {
	readonly #options: UninstallationOptions;
	readonly #cache: ObjectCache;
	readonly #begun = new AbortController();
	#namespaceEnds = false;

	constructor(options: UninstallationOptions) {
		const { client, own, clock, logger } = options;
		const { apiVersion, kind, namespace, name } = own.reference;
		const query = { apiVersion, kind, namespace, fieldSelector: `metadata.name=${name}` };
		this.#options = options;
		this.#cache = new ObjectCache({ client, query, clock, logger });
	}

	/** What is known already has begun when it resolves. */
	async start(): Promise<void> {
		if (isGoing(this.#options.own.object)) this.#begin(deleted);
		const look = () => this.#look();
		this.#cache.onChange(look);
		// A Deployment that went before the first list is no change of it.
		this.#cache.whenSynced().then(look, () => {});
		await this.#cache.start();
	}

	async stop(): Promise<void> {
		await this.#cache.stop();
	}

	/** Aborts when the uninstallation begins. It never ends: what is deleted does not come back. */
	get signal(): AbortSignal {
		return this.#begun.signal;
	}

	/** Takes note that the API server has called the namespace one that ends. */
	noteNamespaceEnds(): void {
		this.#namespaceEnds = true;
		this.#begin('its namespace is being deleted');
	}

	/**
	 * Why the program should be started anew: the Deployment is there again, as another object, while
	 * this pod lives on, e.g. after `helm uninstall --cascade=orphan` and another installation.
	 */
	get fault(): string | undefined {
		if (!this.signal.aborted || this.#namespaceEnds || isGoing(this.#current)) return undefined;
		return 'The agent was uninstalled and is installed anew: it must start anew, too.';
	}

	get #current(): KubernetesObject | undefined {
		const { name, namespace } = this.#options.own.reference;
		return this.#cache.get(name, namespace);
	}

	#look(): void {
		if (!this.#cache.synced) return;
		const current = this.#current;
		const isSame = current?.metadata.uid === this.#options.own.object?.metadata.uid;
		if (isGoing(current) || !isSame) this.#begin(deleted);
	}

	#begin(reason: string): void {
		if (this.signal.aborted) return;
		const message = `The agent is being uninstalled, as ${reason}: nothing is written any more.`;
		this.#options.logger.warn(message);
		this.#begun.abort(new Error(message));
		this.#options.onBegin?.();
	}
}

/** Whether an object is gone or will be. */
function isGoing(object: KubernetesObject | undefined): boolean {
	return object === undefined || object.metadata.deletionTimestamp !== undefined;
}

/**
 * Whether a pod is one of a Deployment, whether that is still there or not: its ReplicaSet is named
 * after it.
 */
function isPodOf(pod: KubernetesObject | undefined, deployment: string): boolean {
	const owners = pod?.metadata.ownerReferences ?? [];
	return owners.some(
		({ kind, name }) => kind === 'ReplicaSet' && name.replace(/-[^-]+$/, '') === deployment,
	);
}
