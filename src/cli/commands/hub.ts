import { EdgeHub } from '../../edge-hub/hub.ts';
import { hubDependencies } from '../../edge-hub/hub-dependencies.ts';
import { readEdgeHubSettings } from '../../edge-hub/settings.ts';
import { unservedIn, unservedSettings } from '../../edge-hub/unserved-settings.ts';
import { systemClock } from '../../runtime/clock.ts';
import { createLogger } from '../../runtime/logger.ts';
import { refuseSettings, runRole } from '../role.ts';
import type { Terminal } from '../terminal.ts';
import { version } from '../version.ts';

/** Runs the edge hub in its pod. */
export async function runHub(terminal: Terminal): Promise<number> {
	const { settings, problems } = readEdgeHubSettings(process.env);
	if (settings === undefined) return refuseSettings(problems, terminal);
	const logger = createLogger(settings.logLevel, 'edgeHub');
	for (const setting of unservedIn(process.env)) {
		const reason = unservedSettings[setting as keyof typeof unservedSettings];
		logger.info('A setting of Azure IoT Edge means nothing here.', { setting, reason });
	}
	const role = new EdgeHub(
		settings,
		hubDependencies(settings, { clock: systemClock, logger, version }),
	);
	return runRole(role, logger);
}
