import { once } from 'node:events';
import { connect } from 'node:net';
import type { Clock } from '../runtime/clock.ts';

/** Milliseconds between two looks. */
const interval = 50;

/**
 * Resolves once somebody listens on a Unix socket. A module's container starts after it, so that no
 * module finds its workload API missing and fails for that.
 */
export async function socketIsServed(
	path: string,
	clock: Clock,
	signal: AbortSignal,
): Promise<void> {
	while (!signal.aborted && !(await isServed(path))) {
		await clock.sleep(interval, signal).catch(() => {});
	}
}

async function isServed(path: string): Promise<boolean> {
	const socket = connect(path);
	try {
		await once(socket, 'connect');
		return true;
	} catch {
		return false;
	} finally {
		socket.destroy();
	}
}
