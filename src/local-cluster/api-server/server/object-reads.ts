import type { JsonObject } from '../../../runtime/json.ts';
import { storageOf } from '../kinds/kind-registry.ts';
import type { ResourceKind } from '../kinds/resource-kind.ts';
import { parseFieldSelector } from '../selectors/field-selector.ts';
import { parseLabelSelector } from '../selectors/label-selector.ts';
import { badRequest, StatusError } from '../status-error.ts';
import type { StoredObject } from '../store/stored-object.ts';
import type { ApiRequest } from './api-request.ts';
import type { ClusterState } from './cluster-state.ts';
import { decodePosition, encodePosition } from './page.ts';
import { Representation } from './representation.ts';
import { isTrue, numberOf } from './request-info.ts';
import { sendText } from './response.ts';
import { WatchStream } from './watch-stream.ts';

/** Answers get, list and watch. */
export class ObjectReads {
	readonly #state: ClusterState;
	readonly #watches = new Set<WatchStream>();

	constructor(state: ClusterState) {
		this.#state = state;
	}

	get(api: ApiRequest): void {
		const { kind, path } = api;
		const target = { kind, namespace: path.namespace, name: path.name ?? '' };
		const stored = this.#state.writer.live(target);
		sendText(api.response, 200, this.#form(api).object(stored));
	}

	list(api: ApiRequest): void {
		const { query } = api.info;
		const storage = storageOf(api.kind);
		const token = query.get('continue') ?? '';
		const position = token === '' ? undefined : decodePosition(token);
		this.#checkVersion(query.get('resourceVersion') ?? '');
		const exact = query.get('resourceVersionMatch') === 'Exact';
		const revision =
			position?.revision ??
			(exact ? Number(query.get('resourceVersion')) : this.#state.store.revision);
		const all = this.#state.store.listAt(storage, api.path.namespace, revision);
		const matches = this.#matcher(api);
		const found = all.filter(matches);
		const rest =
			position === undefined ? found : found.filter((item) => keyOf(item) > position.after);
		const limit = numberOf(query.get('limit')) || rest.length;
		const page = rest.slice(0, limit);
		const metadata: JsonObject = { resourceVersion: String(revision) };
		const last = page.at(-1);
		if (rest.length > page.length && last !== undefined) {
			metadata['continue'] = encodePosition({ revision, after: keyOf(last) });
			if (!hasSelector(query)) metadata['remainingItemCount'] = rest.length - page.length;
		}
		sendText(api.response, 200, this.#form(api).list(page, metadata));
	}

	watch(api: ApiRequest): void {
		const { query } = api.info;
		const sendInitialEvents = isTrue(query.get('sendInitialEvents'));
		if (sendInitialEvents && query.get('resourceVersionMatch') !== 'NotOlderThan') {
			throw badRequest(
				'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
			);
		}
		this.#checkVersion(query.get('resourceVersion') ?? '');
		const watch = new WatchStream(
			this.#state.store,
			this.#state.clock,
			{
				storage: storageOf(api.kind),
				namespace: api.path.namespace,
				matches: this.#matcher(api),
				resourceVersion: query.get('resourceVersion') ?? '',
				sendInitialEvents,
				bookmarks: isTrue(query.get('allowWatchBookmarks')),
				timeoutSeconds: numberOf(query.get('timeoutSeconds')) || undefined,
			},
			this.#form(api),
			api.response,
		);
		this.#watches.add(watch);
		watch.open(() => this.#watches.delete(watch));
	}

	/** Ends all watches. */
	close(): void {
		for (const watch of this.#watches) watch.close();
	}

	#form(api: ApiRequest): Representation {
		const { clock } = this.#state;
		return new Representation(api.kind, api.request.headers, api.info.query, () => clock.now());
	}

	/** Whether an object fits the selectors of a request. @throws StatusError 400 */
	#matcher({ info, kind, path }: ApiRequest): (stored: StoredObject) => boolean {
		return objectMatcher(info.query, kind, path.name);
	}

	/** @throws StatusError 504 for a version that is not there yet. */
	#checkVersion(version: string): void {
		if (version === '') return;
		if (!/^\d+$/.test(version)) {
			throw badRequest(`resourceVersion: Invalid value: "${version}": invalid resource version`);
		}
		if (Number(version) <= this.#state.store.revision) return;
		const message = `Too large resource version: ${version}, current: ${this.#state.store.revision}`;
		const cause = { reason: 'ResourceVersionTooLarge', message: 'Too large resource version' };
		throw new StatusError(504, 'Timeout', `Timeout: ${message}`, {
			retryAfterSeconds: 1,
			causes: [cause],
		});
	}
}

/** Whether an object fits the selectors of a query, and has the name that a watch asks for. */
export function objectMatcher(
	query: URLSearchParams,
	kind: ResourceKind,
	name: string | undefined,
): (stored: StoredObject) => boolean {
	const labels = parseLabelSelector(query.get('labelSelector') ?? '');
	const given = query.get('fieldSelector') ?? '';
	const fieldText = kind.keptAs?.selector(given) ?? given;
	const selectsField = parseFieldSelector(fieldText, kind.selectableFields);
	if (!hasSelector(query) && name === undefined) return () => true;
	return ({ object }) =>
		(name === undefined || object.metadata.name === name) &&
		labels(object.metadata.labels ?? {}) &&
		selectsField(object);
}

function hasSelector(query: URLSearchParams): boolean {
	return Boolean(query.get('labelSelector')) || Boolean(query.get('fieldSelector'));
}

function keyOf({ object }: StoredObject): string {
	const { namespace, name } = object.metadata;
	return namespace === undefined ? name : `${namespace}/${name}`;
}
