import { systemClock } from '../runtime/clock.ts';
import { exitCode } from './exit-code.ts';

/** Aborts at the first Ctrl-C; at the second the process ends at once. */
export function interruption(): { readonly signal: AbortSignal } & Disposable {
	const controller = new AbortController();
	const interrupt = () => {
		if (controller.signal.aborted) process.exit(exitCode.interrupted);
		controller.abort();
	};
	for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, interrupt);
	return {
		signal: controller.signal,
		[Symbol.dispose]: () => {
			for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, interrupt);
		},
	};
}

/** Resolves when a signal aborts; waiting on the clock keeps the process alive. */
export async function untilAborted(signal: AbortSignal): Promise<void> {
	while (!signal.aborted) await systemClock.sleep(0x7fffffff, signal).catch(() => {});
}
