import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '../../../runtime/edge-error.ts';
import type { AccessRequest } from '../access/rbac-authorizer.ts';
import type { User } from '../access/user.ts';
import type { ResourceKind } from '../kinds/resource-kind.ts';
import {
	badRequest,
	forbidden,
	methodNotAllowed,
	noSuchResource,
	StatusError,
} from '../status-error.ts';
import { answerReview } from './access-reviews.ts';
import type { ApiRequest } from './api-request.ts';
import { ClusterPages } from './cluster-pages.ts';
import type { ClusterState } from './cluster-state.ts';
import { ObjectReads } from './object-reads.ts';
import { ObjectWrites } from './object-writes.ts';
import { PodLogRequests } from './pod-log-requests.ts';
import { type RequestInfo, type ResourcePath, readRequest, singleName } from './request-info.ts';
import { sendError } from './response.ts';
import { SubresourceRequests } from './subresource-requests.ts';

/** A request that was refused for want of rights. */
export interface Denial {
	readonly user: string;
	readonly verb: string;
	/** `pods/log` of a group, or a path. */
	readonly resource: string;
	readonly group: string;
	readonly namespace: string;
	readonly name: string;
}

type Answer = (api: ApiRequest) => Promise<void> | void;

/** Takes a request to who answers it: authentication, authorization, routing, errors. */
export class ApiHandler {
	readonly #state: ClusterState;
	readonly #onDenied: (denial: Denial) => void;
	readonly #pages: ClusterPages;
	readonly #reads: ObjectReads;
	readonly #logs: PodLogRequests;
	readonly #answers: ReadonlyMap<string, Answer>;

	constructor(state: ClusterState, address: string, onDenied: (denial: Denial) => void) {
		this.#state = state;
		this.#onDenied = onDenied;
		this.#pages = new ClusterPages(state.registry, state.tokens, address);
		this.#reads = new ObjectReads(state);
		this.#logs = new PodLogRequests(state);
		this.#answers = answersOf(state, this.#reads, this.#logs);
	}

	/** Answers a request. Never rejects. */
	async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
		try {
			await this.#answer(request, response);
		} catch (error) {
			// Who went away gets no answer.
			if (request.destroyed && !request.complete) return;
			const status = sendError(response, error);
			if (status.code !== 500) return;
			const { method, url } = request;
			this.#state.logger.error('A request failed.', {
				...{ method, url, error: messageOf(error) },
				stack: error instanceof Error ? error.stack : undefined,
			});
		}
	}

	/** Ends watches and logs, so that the server can stop. */
	close(): void {
		this.#reads.close();
		this.#logs.close();
	}

	async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const user = this.#state.authenticator.userOf(request.headers);
		const info = readInfo(request);
		const { resource: path } = info;
		const kind = path && this.#state.registry.find(path.group, path.version, path.plural);
		this.#authorize(user, info, path);
		if (path === undefined) {
			this.#pages.answer(request, info, response);
			return;
		}
		if (kind === undefined) throw noSuchResource();
		await this.#route({ request, response, info, path: inScope(path, kind), kind, user });
	}

	#authorize(user: User, info: RequestInfo, path: ResourcePath | undefined): void {
		const access = accessOf(info, path);
		if (this.#state.authorizer.allows(user, access)) return;
		const { verb, resource, group, namespace, name } = access;
		const denial = { user: user.name, verb, resource: resource || info.path };
		this.#onDenied({ ...denial, group, namespace, name });
		if (path === undefined) {
			const message = `forbidden: User "${user.name}" cannot ${verb} path "${info.path}"`;
			throw new StatusError(403, 'Forbidden', message, {});
		}
		const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
		const why = `User "${user.name}" cannot ${verb} resource "${resource}" in API group "${group}" ${where}`;
		throw forbidden({ group, kind: '', plural: resource.split('/')[0] ?? '' }, name, why);
	}

	#route(api: ApiRequest): Promise<void> | void {
		const { kind, path, info } = api;
		if (kind.isQuestion) {
			if (info.verb !== 'create') throw methodNotAllowed();
			return answerReview(this.#state, api);
		}
		const needsName = info.verb === 'update' || info.verb === 'patch';
		if (needsName && path.name === undefined) throw methodNotAllowed();
		const door = path.subresource === '' ? '' : `/${path.subresource}`;
		const answer =
			this.#answers.get(`${info.verb} ${kind.plural}${door}`) ??
			this.#answers.get(`${info.verb} ${doorForm(kind, path.subresource)}`);
		if (answer === undefined) {
			throw doorExists(kind, path.subresource) ? methodNotAllowed() : noSuchResource();
		}
		return answer(api);
	}
}

/** Which door of which kind leads where. `*` stands for every kind. */
function answersOf(
	state: ClusterState,
	reads: ObjectReads,
	logs: PodLogRequests,
): ReadonlyMap<string, Answer> {
	const writes = new ObjectWrites(state);
	const doors = new SubresourceRequests(state);
	const get: Answer = (api) => reads.get(api);
	const update: Answer = (api) => writes.update(api);
	const patch: Answer = (api) => writes.patch(api);
	const unsupported: Answer = ({ path }) => {
		const message = `pods/${path.subresource} is not supported by the local cluster`;
		throw new StatusError(501, 'NotImplemented', message, {});
	};
	const answers: [string, Answer][] = [
		['get *', get],
		['list *', (api) => reads.list(api)],
		['watch *', (api) => reads.watch(api)],
		['create *', (api) => createIn(api, writes)],
		['update *', update],
		['patch *', patch],
		['delete *', (api) => writes.delete(api)],
		['deletecollection *', (api) => writes.deleteCollection(api)],
		['get */status', get],
		['update */status', update],
		['patch */status', patch],
		['get */scale', (api) => writes.scale(api)],
		['update */scale', update],
		['patch */scale', patch],
		['update namespaces/finalize', update],
		['get pods/log', (api) => logs.read(api)],
		['create pods/binding', (api) => doors.bind(api)],
		['create pods/eviction', (api) => doors.evict(api)],
		['create serviceaccounts/token', (api) => doors.createToken(api)],
	];
	for (const door of ['exec', 'attach', 'portforward']) {
		answers.push([`get pods/${door}`, unsupported], [`create pods/${door}`, unsupported]);
	}
	return new Map(answers);
}

/** New objects are posted to a collection, and to a namespace where the kind has them. */
function createIn(api: ApiRequest, writes: ObjectWrites): Promise<void> {
	if (api.path.name !== undefined) throw methodNotAllowed();
	if (api.kind.namespaced && api.path.namespace === undefined) throw methodNotAllowed();
	return writes.create(api);
}

function doorForm(kind: ResourceKind, subresource: string): string {
	if (subresource === 'status' && kind.hasStatus) return '*/status';
	if (subresource === 'scale' && kind.scale !== undefined) return '*/scale';
	return subresource === '' ? '*' : '';
}

function doorExists(kind: ResourceKind, subresource: string): boolean {
	const known = kind.subresources.some((door) => door.name === subresource);
	return known || doorForm(kind, subresource) !== '';
}

function readInfo(request: IncomingMessage): RequestInfo {
	try {
		return readRequest(request.method ?? 'GET', request.url ?? '/');
	} catch {
		throw badRequest('the path of the request cannot be read');
	}
}

/** A namespace in the path of a kind that has none is no path of ours, and the other way round. */
function inScope(path: ResourcePath, kind: ResourceKind): ResourcePath {
	if (!kind.namespaced && path.namespace !== undefined) throw noSuchResource();
	if (kind.namespaced && path.namespace === undefined && path.name !== undefined) {
		throw noSuchResource();
	}
	return path;
}

function accessOf(info: RequestInfo, path: ResourcePath | undefined): AccessRequest {
	if (path === undefined) {
		return { verb: info.verb, group: '', resource: '', namespace: '', name: '', path: info.path };
	}
	const { group, plural, subresource } = path;
	const own = plural === 'namespaces' && group === '' ? path.name : undefined;
	return {
		verb: info.verb,
		group,
		resource: subresource === '' ? plural : `${plural}/${subresource}`,
		namespace: path.namespace ?? own ?? '',
		name: path.name ?? singleName(info.query) ?? '',
		path: '',
	};
}
