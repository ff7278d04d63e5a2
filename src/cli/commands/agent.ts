import { connect } from '../../cluster/http-cluster-client.ts';
import { loadClusterConfig, readClusterSettings } from '../../cluster/settings.ts';
import { EdgeAgent } from '../../edge-agent/agent.ts';
import { loadAgentSettings } from '../../edge-agent/settings.ts';
import { systemClock } from '../../runtime/clock.ts';
import { createLogger } from '../../runtime/logger.ts';
import { refuseSettings, runRole } from '../role.ts';
import type { Terminal } from '../terminal.ts';
import { version } from '../version.ts';

/** Runs the edge agent in its pod. */
export async function runAgent(terminal: Terminal): Promise<number> {
	const agent = await loadAgentSettings(process.env);
	const cluster = readClusterSettings(process.env);
	if (agent.settings === undefined || cluster.settings === undefined) {
		return refuseSettings([...(agent.problems ?? []), ...(cluster.problems ?? [])], terminal);
	}
	const logger = createLogger(agent.settings.logLevel, 'edgeAgent');
	const config = await loadClusterConfig(cluster.settings, process.env);
	const role = new EdgeAgent(agent.settings, {
		cluster: connect(config),
		clock: systemClock,
		logger,
		version,
	});
	return runRole(role, logger);
}
