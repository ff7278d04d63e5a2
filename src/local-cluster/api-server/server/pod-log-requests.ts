import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { messageOf } from '../../../runtime/edge-error.ts';
import { objectsAt, textAt } from '../json-reading.ts';
import type { PodLogQuery } from '../pod-log-source.ts';
import { badRequest, StatusError } from '../status-error.ts';
import type { ApiRequest } from './api-request.ts';
import type { ClusterState } from './cluster-state.ts';
import { isTrue, numberOf } from './request-info.ts';

/** Answers `pods/log`: the bytes that the node has, as they come. */
export class PodLogRequests {
	readonly #state: ClusterState;
	readonly #open = new Set<AbortController>();

	constructor(state: ClusterState) {
		this.#state = state;
	}

	async read(api: ApiRequest): Promise<void> {
		const { kind, path, info, response } = api;
		const target = { kind, namespace: path.namespace, name: path.name ?? '' };
		const pod = this.#state.writer.live(target).object;
		const container = containerOf(pod, info.query.get('container') ?? '');
		const query = this.#query(info.query);
		if (textAt(pod, 'spec', 'nodeName') === '') {
			response.writeHead(200, { 'content-type': 'text/plain' });
			response.end();
			return;
		}
		const source = this.#state.podLogs;
		if (source === undefined)
			throw new StatusError(501, 'NotImplemented', 'this cluster has no logs');
		const { namespace = '', name, uid = '' } = pod.metadata;
		const abort = new AbortController();
		this.#open.add(abort);
		response.on('close', () => abort.abort());
		try {
			const chunks = source.read({ namespace, name, uid }, container, query, abort.signal);
			await stream(chunks, response, query, abort.signal);
		} finally {
			this.#open.delete(abort);
		}
	}

	/** Ends all logs that are followed. */
	close(): void {
		for (const abort of this.#open) abort.abort();
	}

	#query(query: URLSearchParams): PodLogQuery {
		const seconds = numberOf(query.get('sinceSeconds'));
		const time = Date.parse(query.get('sinceTime') ?? '');
		const since = seconds === undefined ? time : this.#state.clock.now() - seconds * 1000;
		return {
			follow: isTrue(query.get('follow')),
			previous: isTrue(query.get('previous')),
			timestamps: isTrue(query.get('timestamps')),
			tailLines: numberOf(query.get('tailLines')),
			sinceTime: Number.isNaN(since) ? undefined : since,
			limitBytes: numberOf(query.get('limitBytes')),
		};
	}
}

/** Which container: the one named, or the only one. @throws StatusError 400 */
function containerOf(pod: unknown, wanted: string): string {
	const names = (list: string) => objectsAt(pod, 'spec', list).map((item) => textAt(item, 'name'));
	const [containers, init] = [names('containers'), names('initContainers')];
	const name = textAt(pod, 'metadata', 'name');
	if (wanted === '') {
		const [only, ...others] = containers;
		if (only !== undefined && others.length === 0 && init.length === 0) return only;
		const choice = `choose one of: [${containers.join(' ')}]`;
		const more = init.length === 0 ? '' : ` or one of the init containers: [${init.join(' ')}]`;
		throw badRequest(`a container name must be specified for pod ${name}, ${choice}${more}`);
	}
	if ([...containers, ...init].includes(wanted)) return wanted;
	throw badRequest(`container ${wanted} is not valid for pod ${name}`);
}

async function stream(
	chunks: AsyncIterable<Buffer>,
	response: ServerResponse,
	query: PodLogQuery,
	signal: AbortSignal,
): Promise<void> {
	const begin = () => {
		if (response.headersSent) return;
		response.writeHead(200, { 'content-type': 'text/plain' });
		response.flushHeaders();
	};
	// Who follows learns at once that the log is open, even where it has no line yet.
	if (query.follow) begin();
	try {
		for await (const chunk of chunks) {
			begin();
			if (!response.write(chunk) && !signal.aborted) {
				await once(response, 'drain', { signal });
			}
		}
	} catch (error) {
		if (signal.aborted) return;
		if (!response.headersSent) throw badRequest(messageOf(error));
	}
	begin();
	response.end();
}
