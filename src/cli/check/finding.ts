import { messageOf } from '../../runtime/edge-error.ts';

/** What a check has found. */
export interface Finding {
	/** In a few words. */
	readonly check: string;
	/** `skipped`: it could not be found out. */
	readonly result: 'ok' | 'warning' | 'error' | 'skipped';
	readonly detail: string;
	/** What to do about it. */
	readonly remedy?: string;
}

export function fine(check: string, detail: string): Finding {
	return { check, result: 'ok', detail };
}

export function faulty(check: string, detail: string, remedy: string): Finding {
	return { check, result: 'error', detail, remedy };
}

export function doubtful(check: string, detail: string, remedy: string): Finding {
	return { check, result: 'warning', detail, remedy };
}

/** @param error why it could not be found out */
export function unknown(check: string, error: unknown, remedy: string): Finding {
	return { check, result: 'skipped', detail: messageOf(error), remedy };
}
