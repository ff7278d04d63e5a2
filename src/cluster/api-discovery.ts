import type { Clock } from '../runtime/clock.ts';
import { isJsonObject } from '../runtime/json.ts';
import { ClusterError } from './cluster-error.ts';

/** What the URL of a kind needs. */
export interface ApiResource {
	/** As in URLs: `deployments`. */
	readonly plural: string;
	readonly namespaced: boolean;
}

type ResourcesByKind = ReadonlyMap<string, ApiResource>;

/** An unknown kind makes the cluster be asked again at most this often. Milliseconds. */
const askAgainAfter = 10_000;

/** Maps kinds to URLs by asking the cluster what it serves, once for each group version. */
export class ApiDiscovery {
	readonly #read: (path: string, signal?: AbortSignal) => Promise<unknown>;
	readonly #clock: Clock;
	readonly #known = new Map<
		string,
		{ readonly resources: Promise<ResourcesByKind>; readonly askedAt: number }
	>();

	/** @param read gets the JSON at a path of the API server. */
	constructor(read: (path: string, signal?: AbortSignal) => Promise<unknown>, clock: Clock) {
		this.#read = read;
		this.#clock = clock;
	}

	/** @throws ClusterError EDGE_CLUSTER_NOT_FOUND for a kind that the cluster does not serve. */
	async resource(apiVersion: string, kind: string): Promise<ApiResource> {
		const found = (await this.#resources(apiVersion)).get(kind);
		if (found !== undefined) return found;
		this.#forgetOlderThan(apiVersion, askAgainAfter);
		const foundLater = (await this.#resources(apiVersion)).get(kind);
		if (foundLater !== undefined) return foundLater;
		throw new ClusterError('EDGE_CLUSTER_NOT_FOUND', `The cluster serves no kind ${kind}.`, {
			where: `${apiVersion} ${kind}`,
			status: 404,
		});
	}

	#resources(apiVersion: string): Promise<ResourcesByKind> {
		const known = this.#known.get(apiVersion);
		if (known !== undefined) return known.resources;
		// Shared by all that wait, hence without anybody's signal.
		const resources = this.#read(pathOfApi(apiVersion)).then(parseResourceList);
		this.#known.set(apiVersion, { resources, askedAt: this.#clock.monotonic() });
		resources.catch(() => this.#known.delete(apiVersion));
		return resources;
	}

	#forgetOlderThan(apiVersion: string, age: number): void {
		const known = this.#known.get(apiVersion);
		if (known !== undefined && this.#clock.monotonic() - known.askedAt >= age) {
			this.#known.delete(apiVersion);
		}
	}
}

/** `/api/v1` for the core group, `/apis/apps/v1` for the others. */
export function pathOfApi(apiVersion: string): string {
	return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

function parseResourceList(list: unknown): ResourcesByKind {
	const rows = isJsonObject(list) && Array.isArray(list['resources']) ? list['resources'] : [];
	const resources = new Map<string, ApiResource>();
	for (const row of rows) {
		if (!isJsonObject(row)) continue;
		const { name, kind, namespaced } = row;
		if (typeof name !== 'string' || typeof kind !== 'string' || name.includes('/')) continue;
		resources.set(kind, { plural: name, namespaced: namespaced === true });
	}
	return resources;
}
