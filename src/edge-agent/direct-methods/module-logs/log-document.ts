import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { parseLogLine } from './log-line.ts';
import type { LogRequest } from './log-request.ts';

/** Whose log a document is. */
export interface LogOrigin {
	readonly hubHostName: string;
	readonly deviceId: string;
	readonly module: string;
}

/** In which form a log is given. */
export type LogForm = Pick<LogRequest, 'contentType' | 'encoding'>;

/**
 * A log as `GetModuleLogs` and `UploadModuleLogs` give it, in pieces: plain lines or a JSON array of
 * `{iothub, device, id, stream, loglevel, text, timestamp}`, compressed where that is asked for.
 */
export function logDocument(
	lines: AsyncIterable<string>,
	origin: LogOrigin,
	{ contentType, encoding }: LogForm,
): AsyncIterable<Uint8Array> {
	const text = contentType === 'text' ? plainText(lines) : jsonArray(lines, origin);
	if (encoding === 'none') return bytesOf(text);
	const compressed = createGzip();
	// A failure of the source destroys the target with its error, which whoever reads it meets.
	pipeline(Readable.from(bytesOf(text)), compressed, () => {});
	return compressed;
}

/** Name of a log's file, e.g. `json.gz`. */
export function logExtension({ contentType, encoding }: LogForm): string {
	const plain = contentType === 'text' ? 'log' : 'json';
	return encoding === 'gzip' ? `${plain}.gz` : plain;
}

/**
 * Everything in one piece.
 *
 * @param tooLarge makes the error for more than `maxBytes`.
 */
export async function collected(
	chunks: AsyncIterable<Uint8Array>,
	maxBytes: number,
	tooLarge: () => Error,
): Promise<Buffer> {
	const parts: Uint8Array[] = [];
	let size = 0;
	for await (const chunk of chunks) {
		size += chunk.length;
		if (size > maxBytes) throw tooLarge();
		parts.push(chunk);
	}
	return Buffer.concat(parts);
}

async function* plainText(lines: AsyncIterable<string>): AsyncGenerator<string> {
	for await (const line of lines) yield `${line}\n`;
}

async function* jsonArray(
	lines: AsyncIterable<string>,
	{ hubHostName, deviceId, module }: LogOrigin,
): AsyncGenerator<string> {
	let before = '[';
	for await (const line of lines) {
		const { level, timestamp, text } = parseLogLine(line);
		const origin = { iothub: hubHostName, device: deviceId, id: module };
		const time = timestamp === undefined ? {} : { timestamp };
		yield before + JSON.stringify({ ...origin, stream: 'stdout', loglevel: level, text, ...time });
		before = ',';
	}
	yield before === '[' ? '[]' : ']';
}

async function* bytesOf(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
	for await (const text of texts) yield Buffer.from(text);
}
