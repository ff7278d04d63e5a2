import { hostname } from 'node:os';
import { connect, type HttpClusterClient } from '../../cluster/http-cluster-client.ts';
import { ownerReferenceTo } from '../../cluster/kubernetes-object.ts';
import { LeaderElection } from '../../cluster/leader-election.ts';
import { loadClusterConfig, readClusterSettings } from '../../cluster/settings.ts';
import { agentOfSettings } from '../../edge-agent/agent-of-settings.ts';
import { ElectedAgent } from '../../edge-agent/elected-agent.ts';
import type { PrometheusAgentMetrics } from '../../edge-agent/metrics/prometheus-agent-metrics.ts';
import { type AgentSettings, loadAgentSettings } from '../../edge-agent/settings.ts';
import { findOwnDeployment } from '../../edge-agent/uninstallation.ts';
import type { HubNetwork } from '../../iot-hub-client/hub-network.ts';
import { hubNetwork } from '../../iot-hub-client/network-settings.ts';
import { systemClock } from '../../runtime/clock.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';
import { createLogger, type Logger } from '../../runtime/logger.ts';
import { MonitoringServer } from '../../runtime/monitoring-server.ts';
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
	return runRole(await agentRole(agent.settings, connect(config), logger), logger);
}

/** The agent as its pod runs it: monitored, and acting only while it is the leader. */
async function agentRole(
	settings: AgentSettings,
	cluster: HttpClusterClient,
	logger: Logger,
): Promise<Lifecycle> {
	const network = hubNetwork(settings, settings.hubAuthority, logger);
	const metrics = settings.metricsEnabled ? await newMetrics(network, () => role) : undefined;
	const shared = { clock: systemClock, logger };
	const role: ElectedAgent = new ElectedAgent({
		...shared,
		...(settings.leaderElection ? { election: electionOf(settings, cluster, logger) } : {}),
		createAgent: (onUninstallation) =>
			agentOfSettings(settings, {
				...shared,
				onUninstallation,
				cluster,
				network,
				version,
				kubernetesVersion: async (signal) => (await cluster.version(signal)).gitVersion,
				issuerKeys: () => cluster.tokenKeys(),
				...(metrics === undefined ? {} : { metrics }),
			}),
	});
	const monitoring = new MonitoringServer({
		port: settings.metricsPort,
		...(metrics === undefined ? {} : { page: () => metrics.page() }),
		fault: () => role.fault,
		ready: () => role.ready,
		logger,
	});
	let stopAll = async () => {};
	return {
		start: async () => {
			await monitoring.start();
			stopAll = async () => {
				await role.stop();
				await monitoring.stop();
			};
			await role.start();
		},
		stop: () => stopAll(),
	};
}

function electionOf(
	settings: AgentSettings,
	client: HttpClusterClient,
	logger: Logger,
): LeaderElection {
	const { namespace, agentName, podName } = settings;
	return new LeaderElection({
		client,
		namespace,
		name: agentName,
		holder: podName ?? hostname(),
		...(podName === undefined ? {} : { hasEnded: podHasEnded(client, namespace) }),
		owner: async (signal) => {
			return ownerReferenceTo((await findOwnDeployment(client, settings, signal)).object);
		},
		clock: systemClock,
		logger,
	});
}

/** A pod that is deleted by force, or evicted, gives nothing up. */
function podHasEnded(client: HttpClusterClient, namespace: string) {
	return async (name: string, signal: AbortSignal): Promise<boolean> => {
		const pod = await client.get({ apiVersion: 'v1', kind: 'Pod', namespace, name }, signal);
		const phase = pod?.status?.['phase'];
		return pod === undefined || phase === 'Succeeded' || phase === 'Failed';
	};
}

/** prom-client is loaded only where metrics are served. */
async function newMetrics(
	network: HubNetwork,
	role: () => ElectedAgent,
): Promise<PrometheusAgentMetrics> {
	const { PrometheusAgentMetrics } = await import(
		'../../edge-agent/metrics/prometheus-agent-metrics.ts'
	);
	return new PrometheusAgentMetrics({
		version,
		network,
		gauges: () => role().progress,
		clock: systemClock,
	});
}
