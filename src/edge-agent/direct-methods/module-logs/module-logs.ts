import type { Clock } from '../../../runtime/clock.ts';
import type { JsonValue } from '../../../runtime/json.ts';
import { type AgentMethod, methodFault } from '../agent-methods.ts';
import { collected, logDocument } from './log-document.ts';
import { LogReader, type LogReaderOptions } from './log-reader.ts';
import { itemsByModule, type LogRequest, parseLogRequest } from './log-request.ts';

/** Where logs are read and whose they are. */
export interface ModuleLogsOptions extends LogReaderOptions {
	readonly hubHostName: string;
	readonly deviceId: string;
	readonly clock: Clock;
}

/** What an answer may have (IoT Hub takes 128 KB). */
const maxAnswerBytes = 127_000;
/** What is read of the logs for one answer; compressed it may still fit. Characters. */
const maxRead = 4 * 1024 * 1024;

/** `GetModuleLogs`: `[{id, payload, payloadBytes}]`, one for each module that is asked for. */
export function getModuleLogs(options: ModuleLogsOptions): AgentMethod {
	const { hubHostName, deviceId, clock } = options;
	const reader = new LogReader(options);
	return async (payload) => {
		const request = parseLogRequest(payload, clock.now());
		const podsByModule = await reader.pods();
		const wanted = itemsByModule(request.items, [...podsByModule.keys()]);
		const budget = { left: maxRead };
		const answer: JsonValue[] = [];
		for (const [module, { filter }] of wanted) {
			const lines = within(budget, reader.lines(podsByModule.get(module) ?? [], filter));
			const document = logDocument(lines, { hubHostName, deviceId, module }, request);
			const bytes = await collected(document, 2 * maxRead, tooLarge);
			answer.push({ id: module, ...payloadOf(bytes, request) });
		}
		if (Buffer.byteLength(JSON.stringify(answer)) > maxAnswerBytes) throw tooLarge();
		return answer;
	};
}

async function* within(
	budget: { left: number },
	lines: AsyncIterable<string>,
): AsyncGenerator<string> {
	for await (const line of lines) {
		budget.left -= line.length;
		if (budget.left < 0) throw tooLarge();
		yield line;
	}
}

function payloadOf(
	bytes: Buffer,
	{ encoding }: LogRequest,
): { payload: string | null; payloadBytes: string | null } {
	if (encoding === 'none') return { payload: bytes.toString(), payloadBytes: null };
	return { payload: null, payloadBytes: bytes.toString('base64') };
}

function tooLarge() {
	return methodFault(
		`The logs are larger than ${maxAnswerBytes} bytes: ask for fewer modules, or with tail, since or gzip.`,
	);
}
