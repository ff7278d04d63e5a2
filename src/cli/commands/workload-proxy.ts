import { systemClock } from '../../runtime/clock.ts';
import { createLogger } from '../../runtime/logger.ts';
import { readWorkloadProxySettings } from '../../workload-proxy/settings.ts';
import { socketIsServed } from '../../workload-proxy/socket-gate.ts';
import { WorkloadProxy } from '../../workload-proxy/workload-proxy.ts';
import { exitCode } from '../exit-code.ts';
import { refuseSettings, runRole } from '../role.ts';
import type { Terminal } from '../terminal.ts';

/** Runs the sidecar of a module, or waits until it serves. */
export async function runWorkloadProxy(
	{ wait = false }: { readonly wait?: boolean },
	terminal: Terminal,
): Promise<number> {
	const { settings, problems } = readWorkloadProxySettings(process.env);
	if (settings === undefined) return refuseSettings(problems, terminal);
	if (wait) {
		const ended = new AbortController();
		process.once('SIGTERM', () => ended.abort());
		await socketIsServed(settings.socket, systemClock, ended.signal);
		return ended.signal.aborted ? exitCode.failed : exitCode.ok;
	}
	const logger = createLogger(settings.logLevel, 'workloadProxy');
	return runRole(new WorkloadProxy({ ...settings, clock: systemClock, logger }), logger);
}
