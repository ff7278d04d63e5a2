import type { ClusterClient } from '../../../cluster/cluster-client.ts';
import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import { messageOf } from '../../../runtime/edge-error.ts';
import type { JsonValue } from '../../../runtime/json.ts';
import { moduleLabel, originalModuleIdAnnotation } from '../../translation/translation.ts';
import { bundledKinds, bundledObjects } from './bundle-objects.ts';
import { redactedJson, redactedText } from './redaction.ts';
import type { ArchiveEntry } from './zip-archive.ts';

/** What goes into a bundle. */
export interface SupportBundleOptions {
	readonly client: Pick<ClusterClient, 'list' | 'logs'>;
	readonly namespace: string;
	/** Only log lines from then to then; wall time in milliseconds. */
	readonly since?: number;
	readonly until?: number;
	/** Only the logs of the agent and the hub. */
	readonly edgeRuntimeOnly?: boolean;
	/** `status.json`: how the edge is, as far as whoever makes the bundle knows. */
	readonly status: JsonValue;
	readonly signal?: AbortSignal;
}

/** Of each log the end, of all logs together no more. Bytes. */
const maxLogBytes = { each: 8 * 1024 * 1024, all: 64 * 1024 * 1024 };

/**
 * The files of a support bundle, one at a time: `status.json`, `objects/<kind>.json`,
 * `logs/<module>/<pod>.log` (and `.previous.log` of pods that were restarted). No Secret's content
 * is in it, and what looks like a key or a password is taken out. What cannot be read is named in
 * `missing.txt`: a bundle is wanted when something is broken.
 */
export async function* supportBundle(options: SupportBundleOptions): AsyncGenerator<ArchiveEntry> {
	const missing: string[] = [];
	const { client, namespace, status, signal } = options;
	yield jsonEntry('status.json', redactedJson(status));
	for (const kind of bundledKinds) {
		const name = `objects/${kind.file}.json`;
		try {
			const objects = await bundledObjects(client, namespace, kind, signal);
			if (objects !== undefined) yield jsonEntry(name, objects);
		} catch (error) {
			signal?.throwIfAborted();
			missing.push(`${name}: ${messageOf(error)}`);
		}
	}
	yield* logEntries(options, missing);
	if (missing.length > 0) {
		yield { name: 'missing.txt', content: Buffer.from(`${missing.join('\n')}\n`) };
	}
}

async function* logEntries(
	options: SupportBundleOptions,
	missing: string[],
): AsyncGenerator<ArchiveEntry> {
	const { signal } = options;
	let left = maxLogBytes.all;
	for (const { pod, module, previous } of await runs(options, missing)) {
		const file = `${pod.metadata.name}${previous ? '.previous' : ''}.log`;
		const name = `logs/${module}/${file}`;
		try {
			const content = await logOf(pod, previous, options, Math.min(left, maxLogBytes.each));
			left -= content.length;
			if (content.length > 0) yield { name, content };
		} catch (error) {
			signal?.throwIfAborted();
			missing.push(`${name}: ${messageOf(error)}`);
		}
	}
}

interface Run {
	readonly pod: KubernetesObject;
	readonly module: string;
	readonly previous: boolean;
}

/** Every run of a module whose log the cluster may still have; the runtime's first. */
async function runs(
	{ client, namespace, edgeRuntimeOnly, signal }: SupportBundleOptions,
	missing: string[],
): Promise<Run[]> {
	try {
		const query = { apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: moduleLabel };
		const { items } = await client.list(query, signal);
		return items
			.map((pod) => ({ pod, module: moduleOf(pod) }))
			.filter(({ module }) => isRuntime(module) || edgeRuntimeOnly !== true)
			.sort((a, b) => Number(isRuntime(b.module)) - Number(isRuntime(a.module)))
			.flatMap(({ pod, module }) => [
				{ pod, module, previous: false },
				...(restarts(pod) > 0 ? [{ pod, module, previous: true }] : []),
			]);
	} catch (error) {
		signal?.throwIfAborted();
		missing.push(`logs: ${messageOf(error)}`);
		return [];
	}
}

/** The last `maxBytes` of a log, whole lines with their times. */
async function logOf(
	{ metadata }: KubernetesObject,
	previous: boolean,
	{ client, namespace, since, until, signal }: SupportBundleOptions,
	maxBytes: number,
): Promise<Buffer> {
	const container = metadata.labels?.[moduleLabel];
	const query = {
		namespace,
		pod: metadata.name,
		...(container === undefined ? {} : { container }),
		...(since === undefined ? {} : { sinceTime: new Date(since).toISOString() }),
		...(previous ? { previous } : {}),
		timestamps: true,
	};
	const lines: Buffer[] = [];
	let size = 0;
	let first = 0;
	for await (const line of client.logs(query, signal)) {
		if (until !== undefined && Date.parse(line.split(' ', 1)[0] ?? '') > until) break;
		const bytes = Buffer.from(`${redactedText(line)}\n`);
		lines.push(bytes);
		size += bytes.length;
		for (; size > maxBytes && first < lines.length; first += 1) {
			size -= lines[first]?.length ?? 0;
			lines[first] = Buffer.alloc(0);
		}
	}
	return Buffer.concat(lines);
}

function moduleOf({ metadata }: KubernetesObject): string {
	return metadata.annotations?.[originalModuleIdAnnotation] ?? metadata.name;
}

function isRuntime(module: string): boolean {
	return module === 'edgeAgent' || module === 'edgeHub';
}

function restarts({ metadata, status }: KubernetesObject): number {
	const container = metadata.labels?.[moduleLabel];
	const statuses = (status?.['containerStatuses'] ?? []) as unknown as {
		name: string;
		restartCount?: number;
	}[];
	return statuses.find(({ name }) => name === container)?.restartCount ?? 0;
}

function jsonEntry(name: string, value: JsonValue): ArchiveEntry {
	return { name, content: Buffer.from(`${JSON.stringify(value, null, 2)}\n`) };
}
