import type { LogPod, PodLogQuery, PodLogSource } from '../api-server/pod-log-source.ts';
import type { ContainerLog } from './container-log.ts';
import { readLog } from './log-reader.ts';

/** Finds the log of a container's run; `undefined` when that run is not known. */
export type LogFinder = (
	uid: string,
	container: string,
	previous: boolean,
) => Promise<ContainerLog | undefined>;

/** The logs of the pods of one node, for the API server. */
export class NodeLogSource implements PodLogSource {
	readonly #find: LogFinder;

	constructor(find: LogFinder) {
		this.#find = find;
	}

	async *read(
		pod: LogPod,
		container: string,
		query: PodLogQuery,
		signal: AbortSignal,
	): AsyncGenerator<Buffer> {
		const log = await this.#find(pod.uid, container, query.previous);
		if (log === undefined) throw new Error(missing(pod, container, query.previous));
		const { tailLines, sinceTime, limitBytes, follow, timestamps } = query;
		const reading = {
			follow,
			timestamps,
			...(tailLines === undefined ? {} : { tailLines }),
			...(sinceTime === undefined ? {} : { since: sinceTime }),
			...(limitBytes === undefined ? {} : { limitBytes }),
		};
		try {
			yield* readLog(log, reading, signal);
		} catch (error) {
			if (!signal.aborted) throw error;
		}
	}
}

function missing({ namespace, name }: LogPod, container: string, previous: boolean): string {
	return previous
		? `previous terminated container "${container}" in pod "${name}" not found`
		: `container "${container}" in pod "${namespace}/${name}" is waiting to start`;
}
