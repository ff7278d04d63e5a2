import { type Clock, systemClock } from '../runtime/clock.ts';
import { isJsonObject, type JsonValue } from '../runtime/json.ts';
import { asObject, invalidAnswer, parseList, parseWatchEvent } from './api-answer.ts';
import { ApiDiscovery, type ApiResource } from './api-discovery.ts';
import { ApiTransport } from './api-transport.ts';
import type {
	ApplyOptions,
	ClusterClient,
	DeleteOptions,
	ListQuery,
	LogQuery,
	ObjectList,
	WatchEvent,
} from './cluster-client.ts';
import type { ClusterConfig } from './cluster-config.ts';
import { ClusterError } from './cluster-error.ts';
import { type KubernetesObject, type ObjectReference, referenceOf } from './kubernetes-object.ts';
import { linesOf } from './line-stream.ts';
import { objectPath, type Query } from './object-path.ts';

/** How a client behaves; all times in milliseconds. */
export interface ClientOptions {
	readonly clock?: Clock;
	/** How long a request may take. Default 30 s. */
	readonly requestTimeout?: number;
	/** How long the server should keep a watch open, at least; up to a quarter longer. Default 240 s. */
	readonly watchTimeout?: number;
	/** Objects in one answer of a list. Default 500. */
	readonly pageSize?: number;
	readonly userAgent?: string;
	/** A source of numbers from 0 up to 1. Default `Math.random`. */
	readonly random?: () => number;
}

/** What the server says about itself. */
export interface ServerVersion {
	/** For example `v1.34.1`. */
	readonly gitVersion: string;
	/** For example `linux/amd64`. */
	readonly platform: string;
}

/** A watch that is silent this long beyond its timeout is dead. Milliseconds. */
const watchGrace = 15_000;
/** No object of a watch is larger than this; etcd's own limit is far lower. */
const maxEventBytes = 32 * 1024 * 1024;
/** Lines of logs beyond this are cut in pieces. */
const maxLogLineBytes = 1024 * 1024;

/** The Kubernetes API over HTTPS. */
export class HttpClusterClient implements ClusterClient {
	readonly #transport: ApiTransport;
	readonly #discovery: ApiDiscovery;
	readonly #defaultNamespace: string;
	readonly #options: Required<ClientOptions>;

	constructor(config: ClusterConfig, options: ClientOptions = {}) {
		this.#options = {
			clock: systemClock,
			requestTimeout: 30_000,
			watchTimeout: 240_000,
			pageSize: 500,
			userAgent: 'iotedge-k8s',
			random: Math.random,
			...options,
		};
		this.#defaultNamespace = config.namespace;
		this.#transport = new ApiTransport(config, this.#options);
		const read = (path: string, signal?: AbortSignal) =>
			this.#transport.json({ method: 'GET', path, signal });
		this.#discovery = new ApiDiscovery(read, this.#options.clock);
	}

	async get(
		reference: ObjectReference,
		signal?: AbortSignal,
	): Promise<KubernetesObject | undefined> {
		const path = await this.#pathOf(reference);
		try {
			return asObject(await this.#transport.json({ method: 'GET', path, signal }), path);
		} catch (error) {
			if (error instanceof ClusterError && error.status === 404) return undefined;
			throw error;
		}
	}

	async list(query: ListQuery, signal?: AbortSignal): Promise<ObjectList> {
		const items: KubernetesObject[] = [];
		let resourceVersion = '';
		let token: string | undefined;
		do {
			const path = await this.#collectionPath(query, {
				limit: this.#options.pageSize,
				continue: token,
			});
			const page = parseList(await this.#transport.json({ method: 'GET', path, signal }), query);
			items.push(...page.items);
			resourceVersion = page.resourceVersion;
			token = page.continue;
		} while (token !== undefined);
		return { items, resourceVersion };
	}

	async *watch(
		query: ListQuery,
		resourceVersion: string,
		signal?: AbortSignal,
	): AsyncGenerator<WatchEvent> {
		const { watchTimeout, random } = this.#options;
		const lasts = watchTimeout * (1 + random() / 4);
		const path = await this.#collectionPath(query, {
			watch: true,
			resourceVersion,
			allowWatchBookmarks: true,
			timeoutSeconds: Math.max(1, Math.round(lasts / 1000)),
		});
		const onTooLong = () => {
			throw invalidAnswer(path);
		};
		const lines = this.#lines(path, signal, lasts + watchGrace, {
			maxBytes: maxEventBytes,
			onTooLong,
		});
		for await (const line of lines) {
			if (line !== '') yield parseWatchEvent(line, path);
		}
	}

	async create(object: KubernetesObject, signal?: AbortSignal): Promise<KubernetesObject> {
		const { apiVersion, kind, metadata } = object;
		const resource = await this.#discovery.resource(apiVersion, kind);
		const namespace = this.#namespace(resource, metadata.namespace);
		const path = objectPath({ apiVersion, resource, namespace });
		return this.#write('POST', path, object, signal);
	}

	async replace(object: KubernetesObject, signal?: AbortSignal): Promise<KubernetesObject> {
		return this.#write('PUT', await this.#pathOf(referenceOf(object)), object, signal);
	}

	async apply(
		object: KubernetesObject,
		options: ApplyOptions,
		signal?: AbortSignal,
	): Promise<KubernetesObject> {
		const path = await this.#pathOf(referenceOf(object), undefined, {
			fieldManager: options.fieldManager,
			force: true,
			dryRun: options.dryRun === true ? 'All' : undefined,
		});
		// JSON is YAML.
		return this.#write('PATCH', path, object, signal, 'application/apply-patch+yaml');
	}

	async patch(
		reference: ObjectReference,
		patch: JsonValue,
		subresource?: 'status' | 'scale',
		signal?: AbortSignal,
	): Promise<KubernetesObject> {
		const path = await this.#pathOf(reference, subresource);
		return this.#write('PATCH', path, patch, signal, 'application/merge-patch+json');
	}

	async delete(
		reference: ObjectReference,
		options: DeleteOptions = {},
		signal?: AbortSignal,
	): Promise<boolean> {
		const { propagation, uid, gracePeriodSeconds } = options;
		const body = {
			apiVersion: 'v1',
			kind: 'DeleteOptions',
			propagationPolicy: propagation ?? 'Background',
			...(uid === undefined ? {} : { preconditions: { uid } }),
			...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
		};
		const path = await this.#pathOf(reference);
		try {
			await this.#transport.json({ method: 'DELETE', path, body, signal });
			return true;
		} catch (error) {
			if (error instanceof ClusterError && error.status === 404) return false;
			throw error;
		}
	}

	async *logs(query: LogQuery, signal?: AbortSignal): AsyncGenerator<string> {
		const { namespace, pod, ...parameters } = query;
		const resource = await this.#discovery.resource('v1', 'Pod');
		const path = objectPath({
			apiVersion: 'v1',
			resource,
			namespace,
			name: pod,
			subresource: 'log',
			query: parameters,
		});
		yield* this.#lines(path, signal, undefined, {
			maxBytes: maxLogLineBytes,
			onTooLong: () => {},
		});
	}

	/** The server's version. @throws ClusterError */
	async version(signal?: AbortSignal): Promise<ServerVersion> {
		const answer = await this.#transport.json({ method: 'GET', path: '/version', signal });
		if (!isJsonObject(answer)) throw invalidAnswer('/version');
		const { gitVersion, platform } = answer;
		return { gitVersion: String(gitVersion ?? ''), platform: String(platform ?? '') };
	}

	/**
	 * The JSON Web Key Set with which the server signs the tokens of ServiceAccounts, as it came.
	 *
	 * @throws ClusterError
	 */
	async tokenKeys(signal?: AbortSignal): Promise<unknown> {
		const accept = 'application/jwk-set+json';
		return this.#transport.json({ method: 'GET', path: '/openid/v1/jwks', accept, signal });
	}

	/** The server's wall time in milliseconds, to the second. @throws ClusterError */
	async serverTime(signal?: AbortSignal): Promise<number> {
		const answer = await this.#transport.open({ method: 'GET', path: '/version', signal });
		answer.resume();
		const time = Date.parse(answer.headers.date ?? '');
		if (Number.isNaN(time)) throw invalidAnswer('/version');
		return time;
	}

	/** A page that a pod serves over HTTP, fetched by the API server (`pods/proxy`). @throws ClusterError */
	async podPage(
		{ namespace, pod, port }: { namespace: string; pod: string; port: number },
		path: string,
		signal?: AbortSignal,
	): Promise<string> {
		const place = [namespace, 'pods', `${pod}:${port}`].map(encodeURIComponent).join('/');
		const full = `/api/v1/namespaces/${place}/proxy${path}`;
		const answer = await this.#transport.open({ method: 'GET', path: full, signal });
		const chunks: Uint8Array[] = [];
		for await (const chunk of answer) chunks.push(chunk);
		return Buffer.concat(chunks).toString('utf8');
	}

	/** Closes kept connections. */
	close(): void {
		this.#transport.close();
	}

	/** Streams lines; ends quietly when the signal aborts, with an error when `lifetime` (ms) runs out. */
	async *#lines(
		path: string,
		signal: AbortSignal | undefined,
		lifetime: number | undefined,
		options: Parameters<typeof linesOf>[1],
	): AsyncGenerator<string> {
		const tooOld = new AbortController();
		const timer = lifetime && this.#options.clock.after(lifetime, () => tooOld.abort());
		const either = signal === undefined ? tooOld.signal : AbortSignal.any([signal, tooOld.signal]);
		try {
			const stream = await this.#transport.open({ method: 'GET', path, signal: either });
			yield* linesOf(stream, options);
		} catch (error) {
			if (signal?.aborted) return;
			if (error instanceof ClusterError) throw error;
			throw new ClusterError('EDGE_CLUSTER_UNREACHABLE', 'The API server ended a stream early.', {
				where: `GET ${path.split('?', 1)[0]}`,
				cause: error,
			});
		} finally {
			if (timer) timer[Symbol.dispose]();
			tooOld.abort();
		}
	}

	async #write(
		method: 'POST' | 'PUT' | 'PATCH',
		path: string,
		body: unknown,
		signal: AbortSignal | undefined,
		contentType = 'application/json',
	): Promise<KubernetesObject> {
		const answer = await this.#transport.json({ method, path, body, contentType, signal });
		return asObject(answer, path);
	}

	async #pathOf(
		reference: ObjectReference,
		subresource?: string,
		query: Query = {},
	): Promise<string> {
		const { apiVersion, kind, name } = reference;
		const resource = await this.#discovery.resource(apiVersion, kind);
		const namespace = this.#namespace(resource, reference.namespace);
		const part = subresource === undefined ? {} : { subresource };
		return objectPath({ apiVersion, resource, namespace, name, ...part, query });
	}

	/** Lists reach across namespaces where the query names none. */
	async #collectionPath(list: ListQuery, query: Query): Promise<string> {
		const { apiVersion, kind, namespace, labelSelector, fieldSelector } = list;
		const resource = await this.#discovery.resource(apiVersion, kind);
		return objectPath({
			apiVersion,
			resource,
			namespace,
			query: { labelSelector, fieldSelector, ...query },
		});
	}

	#namespace(resource: ApiResource, namespace: string | undefined): string | undefined {
		return resource.namespaced ? (namespace ?? this.#defaultNamespace) : undefined;
	}
}

/** A client for the cluster that a configuration describes. Nothing is sent before the first call. */
export function connect(config: ClusterConfig, options: ClientOptions = {}): HttpClusterClient {
	return new HttpClusterClient(config, options);
}
