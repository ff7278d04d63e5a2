import { readFile } from 'node:fs/promises';
import type { Container } from '../workloads/pod.ts';
import type { ContainerLog } from './container-log.ts';
import type { ProcessEnd } from './container-process.ts';
import { readLog } from './log-reader.ts';

/** Where programs write their last words, unless the container says otherwise. */
export const defaultTerminationPath = '/dev/termination-log';
const maxFileBytes = 4096;
const maxLogBytes = 2048;
const maxLogLines = 80;

/**
 * What a container has left as the reason of its end: its termination file or, when it asks for
 * that and has failed, the end of its log.
 */
export async function terminationMessage(
	container: Container,
	file: string,
	log: ContainerLog | undefined,
	end: ProcessEnd,
): Promise<string> {
	const text = await readFile(file).catch(() => Buffer.alloc(0));
	if (text.length > 0) return text.subarray(0, maxFileBytes).toString();
	const fallback = container.terminationMessagePolicy === 'FallbackToLogsOnError';
	if (!fallback || end.exitCode === 0 || log === undefined) return '';
	const pieces: Buffer[] = [];
	const { signal } = new AbortController();
	for await (const piece of readLog(log, { tailLines: maxLogLines }, signal)) pieces.push(piece);
	return Buffer.concat(pieces).subarray(-maxLogBytes).toString();
}
