import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { ClusterClient } from '../../../cluster/cluster-client.ts';
import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { JsonValue } from '../../../runtime/json.ts';
import { moduleLabel, originalModuleIdAnnotation } from '../../translation/translation.ts';
import { type AgentMethod, methodFault } from '../agent-methods.ts';
import { parseLogLine } from './log-line.ts';
import { itemsByModule, type LogFilter, type LogRequest, parseLogRequest } from './log-request.ts';

/** Where logs are read and whose they are. */
export interface ModuleLogsOptions {
	readonly client: ClusterClient;
	readonly namespace: string;
	readonly hubHostName: string;
	readonly deviceId: string;
	readonly clock: Clock;
}

/** What an answer may have (IoT Hub takes 128 KB). */
const maxAnswerBytes = 127_000;
/** What is read of the logs for one answer; compressed it may still fit. */
const maxReadBytes = 4 * 1024 * 1024;
/** A pattern sees so much of a line. */
const maxMatchedLength = 4096;

/** `GetModuleLogs`: `[{id, payload, payloadBytes}]`, one for each module that is asked for. */
export function getModuleLogs(options: ModuleLogsOptions): AgentMethod {
	const { client, namespace, clock } = options;
	return async (payload) => {
		const request = parseLogRequest(payload, clock.now());
		const query = { apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: moduleLabel };
		const { items: pods } = await client.list(query);
		const podsByModule = Map.groupBy(pods, moduleOf);
		podsByModule.delete('');
		const wanted = itemsByModule(request.items, [...podsByModule.keys()].sort());
		const budget = { left: maxReadBytes };
		const answer: JsonValue[] = [];
		for (const [module, { filter }] of wanted) {
			const lines: string[] = [];
			for (const pod of podsByModule.get(module) ?? []) {
				lines.push(...(await readPod(pod, filter, budget, options)));
			}
			answer.push({ id: module, ...(await payloadOf(module, lines, request, options)) });
		}
		if (Buffer.byteLength(JSON.stringify(answer)) > maxAnswerBytes) throw tooLarge();
		return answer;
	};
}

function moduleOf({ metadata }: KubernetesObject): string {
	return metadata.annotations?.[originalModuleIdAnnotation] ?? '';
}

/** The lines of a pod's own container that pass a filter, with the time that Kubernetes has noted. */
async function readPod(
	{ metadata }: KubernetesObject,
	{ tail, since, until, level, pattern }: LogFilter,
	budget: { left: number },
	{ client, namespace }: ModuleLogsOptions,
): Promise<string[]> {
	const container = metadata.labels?.[moduleLabel];
	const log = client.logs({
		namespace,
		pod: metadata.name,
		...(container === undefined ? {} : { container }),
		...(tail === undefined ? {} : { tailLines: tail }),
		...(since === undefined ? {} : { sinceTime: new Date(since).toISOString() }),
		timestamps: true,
	});
	const lines: string[] = [];
	for await (const line of log) {
		budget.left -= line.length;
		if (budget.left < 0) throw tooLarge();
		const { time, text } = splitTime(line);
		if (until !== undefined && time > until) break;
		if (level !== undefined && parseLogLine(text).level !== level) continue;
		if (pattern !== undefined && !pattern.test(text.slice(0, maxMatchedLength))) continue;
		lines.push(text);
	}
	return lines;
}

/** `2026-01-02T03:04:05.678Z text` */
function splitTime(line: string): { time: number; text: string } {
	const blank = line.indexOf(' ');
	const time = Date.parse(line.slice(0, Math.max(blank, 0)));
	return Number.isNaN(time) ? { time: 0, text: line } : { time, text: line.slice(blank + 1) };
}

async function payloadOf(
	module: string,
	lines: readonly string[],
	{ contentType, encoding }: LogRequest,
	{ hubHostName, deviceId }: ModuleLogsOptions,
): Promise<{ payload: JsonValue; payloadBytes: JsonValue }> {
	const text =
		contentType === 'text'
			? lines.map((line) => `${line}\n`).join('')
			: JSON.stringify(
					lines.map((line) => {
						const { level, timestamp, text: rest } = parseLogLine(line);
						const origin = { iothub: hubHostName, device: deviceId, id: module };
						const time = timestamp === undefined ? {} : { timestamp };
						return { ...origin, stream: 'stdout', loglevel: level, text: rest, ...time };
					}),
				);
	if (encoding === 'none') return { payload: text, payloadBytes: null };
	const compressed = await promisify(gzip)(text);
	return { payload: null, payloadBytes: compressed.toString('base64') };
}

function tooLarge() {
	return methodFault(
		`The logs are larger than ${maxAnswerBytes} bytes: ask for fewer modules, or with tail, since or gzip.`,
	);
}
