import type { ContainerLog } from './container-log.ts';
import { LineSplitter, type LogSelection, shownLine } from './log-lines.ts';

/** Lines are joined to pieces of about this size before they are handed on. */
const pieceBytes = 64 * 1024;

/** How to read a log. */
export interface LogReading extends LogSelection {
	/** Wait for more lines until the run ends. */
	readonly follow?: boolean;
	readonly limitBytes?: number;
}

/** Reads the log of one run of a container as `kubectl logs` shows it. */
export async function* readLog(
	log: ContainerLog,
	reading: LogReading,
	signal: AbortSignal,
): AsyncGenerator<Buffer> {
	let left = reading.limitBytes ?? Number.POSITIVE_INFINITY;
	for await (const piece of pieces(log, reading, signal)) {
		const kept = piece.length > left ? piece.subarray(0, left) : piece;
		yield kept;
		left -= kept.length;
		if (left <= 0) return;
	}
}

async function* pieces(
	log: ContainerLog,
	reading: LogReading,
	signal: AbortSignal,
): AsyncGenerator<Buffer> {
	const cursor = { position: 0, splitter: new LineSplitter() };
	if (reading.tailLines !== undefined) {
		let last: Buffer[] = [];
		for await (const lines of newLines(log, cursor, reading)) {
			last = tail(last, lines, reading.tailLines);
		}
		yield* joined(last);
		if (reading.follow !== true) return;
	}
	for (;;) {
		signal.throwIfAborted();
		const complete = log.ended;
		for await (const lines of newLines(log, cursor, reading)) yield* joined(lines);
		if (reading.follow !== true || complete) return;
		if (log.position <= cursor.position && !log.ended) await log.changed(signal);
	}
}

/** Everything from the cursor to the end that the log has now. */
async function* newLines(
	log: ContainerLog,
	cursor: { position: number; readonly splitter: LineSplitter },
	reading: LogReading,
): AsyncGenerator<Buffer[]> {
	const end = log.position;
	while (cursor.position < end) {
		const before = Math.max(cursor.position, log.oldest);
		cursor.position = before;
		for await (const chunk of log.read(before)) {
			cursor.position += chunk.length;
			yield shown(cursor.splitter.push(chunk), reading);
		}
		// Nothing to read although there should be: the files were removed.
		if (cursor.position === before) cursor.position = end;
	}
}

function shown(lines: readonly Buffer[], reading: LogReading): Buffer[] {
	return lines.map((line) => shownLine(line, reading)).filter((line) => line !== undefined);
}

function tail(before: Buffer[], lines: readonly Buffer[], count: number): Buffer[] {
	const all = [...before, ...lines];
	return count === 0 ? [] : all.slice(-count);
}

function* joined(lines: readonly Buffer[]): Generator<Buffer> {
	let piece: Buffer[] = [];
	let size = 0;
	for (const line of lines) {
		piece.push(line);
		size += line.length;
		if (size < pieceBytes) continue;
		yield Buffer.concat(piece);
		piece = [];
		size = 0;
	}
	if (size > 0) yield Buffer.concat(piece);
}
