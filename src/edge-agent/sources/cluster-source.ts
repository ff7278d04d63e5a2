import type { ObjectCache } from '../../cluster/object-cache.ts';
import type { DeploymentSource, SourceKind, SourceState } from './deployment-source.ts';

/** A source in objects of the cluster, which are watched. */
export abstract class ClusterSource implements DeploymentSource {
	abstract readonly source: SourceKind;
	abstract readonly place: string;
	abstract readonly state: SourceState;
	protected readonly cache: ObjectCache;

	constructor(cache: ObjectCache) {
		this.cache = cache;
	}

	get trouble(): string | undefined {
		return this.cache.synced ? undefined : this.cache.lastError;
	}

	get idleness(): number {
		return this.cache.idleness;
	}

	async start(): Promise<void> {
		await this.cache.start();
	}

	async stop(): Promise<void> {
		await this.cache.stop();
	}

	onChange(listener: () => void): void {
		this.cache.onChange(listener);
		// An empty list is no change.
		this.cache.whenSynced().then(listener, () => {});
	}
}
