import { systemClock } from '../../src/runtime/clock.ts';

/** Milliseconds that something may take on a slow, busy machine. */
const patience = 60_000;

/**
 * Waits until a look gives something that counts as true, and returns that.
 *
 * @param what what is waited for, in words, for the error.
 * @throws Error when it does not come.
 */
export async function until<Found>(
	look: () => Found | Promise<Found>,
	what: string | (() => string) = 'what was expected',
	ms = patience,
): Promise<Exclude<Found, undefined | null | false>> {
	const end = systemClock.monotonic() + ms;
	for (;;) {
		const found = await look();
		if (found) return found as Exclude<Found, undefined | null | false>;
		if (systemClock.monotonic() > end) break;
		await systemClock.sleep(5);
	}
	throw new Error(`It never came to this: ${typeof what === 'string' ? what : what()}`);
}
