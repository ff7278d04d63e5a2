import { isJsonObject } from '../runtime/json.ts';
import type { ListQuery, ObjectList, WatchEvent } from './cluster-client.ts';
import { ClusterError, errorOfAnswer } from './cluster-error.ts';
import type { KubernetesObject } from './kubernetes-object.ts';

/** An answer that must be an object. @throws ClusterError EDGE_CLUSTER_ANSWER_INVALID */
export function asObject(answer: unknown, path: string): KubernetesObject {
	if (isJsonObject(answer) && isJsonObject(answer['metadata'])) {
		return answer as unknown as KubernetesObject;
	}
	throw invalidAnswer(path);
}

/** One page of a list. */
export interface Page extends ObjectList {
	/** Where the next page begins; absent on the last. */
	readonly continue: string | undefined;
}

/** Reads a list. Its items do not repeat their kind: it is filled in. @throws ClusterError */
export function parseList(answer: unknown, { apiVersion, kind }: ListQuery): Page {
	const metadata = isJsonObject(answer) ? answer['metadata'] : undefined;
	if (!isJsonObject(answer) || !isJsonObject(metadata)) throw invalidAnswer(`list of ${kind}`);
	// Nothing may be taken for an empty list but an empty list: objects would count as gone.
	const { items: listed, kind: answered = 'List' } = answer;
	const isList = typeof answered === 'string' && answered.endsWith('List');
	if (!isList || !(Array.isArray(listed) || listed === null))
		throw invalidAnswer(`list of ${kind}`);
	const rows = listed ?? [];
	const items = rows.map((row) => ({ apiVersion, kind, ...(row as object) }) as KubernetesObject);
	return {
		items,
		resourceVersion: String(metadata['resourceVersion'] ?? ''),
		continue:
			typeof metadata['continue'] === 'string' ? metadata['continue'] || undefined : undefined,
	};
}

/** Reads one line of a watch. @throws ClusterError for an `ERROR` event, with the status that it carries */
export function parseWatchEvent(line: string, path: string): WatchEvent {
	let event: unknown;
	try {
		event = JSON.parse(line);
	} catch {
		throw invalidAnswer(path);
	}
	if (!isJsonObject(event) || !isJsonObject(event['object'])) throw invalidAnswer(path);
	const object = event['object'];
	switch (event['type']) {
		case 'ADDED':
		case 'MODIFIED':
		case 'DELETED':
			return { type: event['type'], object: asObject(object, path) };
		case 'BOOKMARK': {
			const { resourceVersion } = asObject(object, path).metadata;
			return { type: 'BOOKMARK', resourceVersion: resourceVersion ?? '' };
		}
		case 'ERROR': {
			const status = typeof object['code'] === 'number' ? object['code'] : 500;
			throw errorOfAnswer(status, JSON.stringify(object), `watch ${path.split('?', 1)[0]}`);
		}
		default:
			throw invalidAnswer(path);
	}
}

/** The error for an answer that the Kubernetes API does not give. */
export function invalidAnswer(path: string): ClusterError {
	return new ClusterError(
		'EDGE_CLUSTER_ANSWER_INVALID',
		'The answer of the API server has an unexpected form.',
		{ where: path.split('?', 1)[0] ?? path },
	);
}
