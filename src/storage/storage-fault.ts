import { EdgeError, messageOf } from '../runtime/edge-error.ts';

/** System error codes of a file system, volume or quota without space. */
const fullCodes = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Whether an operation failed because there is no space. */
export function isFull(error: unknown): boolean {
	return fullCodes.has((error as NodeJS.ErrnoException).code ?? '');
}

/** What a failed file operation means to the caller of a log. */
export function storageFault(error: unknown, where: string): EdgeError {
	if (error instanceof EdgeError) return error;
	const code = isFull(error) ? 'EDGE_STORAGE_FULL' : 'EDGE_STORAGE_FAILED';
	return new EdgeError(code, `The message log failed: ${messageOf(error)}.`, {
		where,
		cause: error,
	});
}
