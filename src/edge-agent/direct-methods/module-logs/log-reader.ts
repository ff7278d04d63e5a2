import type { ClusterClient } from '../../../cluster/cluster-client.ts';
import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import { moduleLabel, originalModuleIdAnnotation } from '../../translation/translation.ts';
import { parseLogLine } from './log-line.ts';
import type { LogFilter } from './log-request.ts';

/** Where logs are read. */
export interface LogReaderOptions {
	readonly client: Pick<ClusterClient, 'list' | 'logs'>;
	readonly namespace: string;
}

/** A pattern sees so much of a line. */
const maxMatchedLength = 4096;

/** The logs of modules: of every pod of a module one after the other, the oldest pod first. */
export class LogReader {
	readonly #options: LogReaderOptions;

	constructor(options: LogReaderOptions) {
		this.#options = options;
	}

	/** The pods of each module, by its id as in the manifest, the modules in alphabetical order. */
	async pods(signal?: AbortSignal): Promise<Map<string, KubernetesObject[]>> {
		const { client, namespace } = this.#options;
		const query = { apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: moduleLabel };
		const { items } = await client.list(query, signal);
		const byModule = Map.groupBy(items.toSorted(byAge), moduleOf);
		byModule.delete('');
		return new Map([...byModule].sort(([a], [b]) => (a < b ? -1 : 1)));
	}

	/** The lines of a module's own containers that pass a filter. */
	async *lines(
		pods: readonly KubernetesObject[],
		filter: LogFilter,
		signal?: AbortSignal,
	): AsyncGenerator<string> {
		for (const pod of pods) yield* this.#linesOf(pod, filter, signal);
	}

	async *#linesOf(
		{ metadata }: KubernetesObject,
		{ tail, since, until, level, pattern }: LogFilter,
		signal?: AbortSignal,
	): AsyncGenerator<string> {
		const { client, namespace } = this.#options;
		const container = metadata.labels?.[moduleLabel];
		const query = {
			namespace,
			pod: metadata.name,
			...(container === undefined ? {} : { container }),
			...(tail === undefined ? {} : { tailLines: tail }),
			...(since === undefined ? {} : { sinceTime: new Date(since).toISOString() }),
			timestamps: true,
		};
		for await (const line of client.logs(query, signal)) {
			const { time, text } = splitTime(line);
			if (until !== undefined && time > until) return;
			if (level !== undefined && parseLogLine(text).level !== level) continue;
			if (pattern !== undefined && !pattern.test(text.slice(0, maxMatchedLength))) continue;
			yield text;
		}
	}
}

function moduleOf({ metadata }: KubernetesObject): string {
	return metadata.annotations?.[originalModuleIdAnnotation] ?? '';
}

function byAge(a: KubernetesObject, b: KubernetesObject): number {
	return (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '');
}

/** `2026-01-02T03:04:05.678Z text`: the time is the one that Kubernetes has noted. */
function splitTime(line: string): { time: number; text: string } {
	const blank = line.indexOf(' ');
	const time = Date.parse(line.slice(0, Math.max(blank, 0)));
	return Number.isNaN(time) ? { time: 0, text: line } : { time, text: line.slice(blank + 1) };
}
