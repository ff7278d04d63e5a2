import { formatDuration } from '../duration.ts';
import { formatTable } from '../table.ts';
import type { Style } from '../terminal.ts';

/** One module as the user sees it. */
export interface ModuleSnapshot {
	readonly name: string;
	/** As the agent reports it: running, backoff, failed, stopped, unhealthy, unknown. */
	readonly status: string;
	readonly description: string;
	readonly restarts: number;
	/** Whether it should run now: neither stopped by the deployment nor ended well. */
	readonly wanted: boolean;
	readonly messagesIn: number;
	readonly messagesOut: number;
}

/** A running edge at one moment. */
export interface EdgeSnapshot {
	/** Milliseconds since the start. */
	readonly uptime: number;
	/** The agent's word on the deployment; undefined until it has reported. */
	readonly deployment:
		| { readonly version: number; readonly code: number; readonly description: string }
		| undefined;
	readonly modules: readonly ModuleSnapshot[];
	/** Messages delivered along routes since the start. */
	readonly routed: number;
	/** Messages that IoT Hub has received since the start. */
	readonly upstream: number;
}

const statusStyles: Readonly<Record<string, Style>> = {
	running: 'green',
	backoff: 'red',
	failed: 'red',
	unhealthy: 'yellow',
	stopped: 'dim',
};

/** The lines of the live table: modules, and one line of totals. */
export function formatSnapshot(
	snapshot: EdgeSnapshot,
	style: (format: Style, text: string) => string,
): string[] {
	const rows = snapshot.modules.map((module) => [
		module.name,
		style(statusStyles[module.status] ?? 'yellow', module.status),
		String(module.restarts),
		String(module.messagesIn),
		String(module.messagesOut),
		module.status === 'running' ? '' : style('dim', shorten(module.description)),
	]);
	const table = formatTable(['MODULE', 'STATUS', 'RESTARTS', 'IN', 'OUT', ''], rows);
	const [headings = '', ...body] = table;
	return [style('bold', headings), ...body, totals(snapshot)];
}

function totals(snapshot: EdgeSnapshot): string {
	const { deployment, routed, upstream, uptime } = snapshot;
	const state =
		deployment === undefined
			? 'waiting for the agent'
			: `deployment ${deployment.version}: ${deployment.code} ${shorten(deployment.description)}`.trimEnd();
	return `${state} · ${routed} routed · ${upstream} in IoT Hub · ${formatDuration(uptime)}`;
}

function shorten(text: string): string {
	const line = text.replaceAll(/\s+/g, ' ').trim();
	return line.length > 70 ? `${line.slice(0, 69)}…` : line;
}

/** How a run has ended, for people, scripts and the exit code. */
export interface RunSummary {
	readonly succeeded: boolean;
	readonly seconds: number;
	readonly modulesRunning: number;
	readonly modulesWanted: number;
	readonly messagesRouted: number;
	readonly messagesUpstream: number;
	/** Messages that IoT Hub has received, by module. */
	readonly upstreamByModule: Readonly<Record<string, number>>;
	/** Why it has not succeeded. */
	readonly problems: readonly string[];
}

/** Sums a run up: it succeeded when every wanted module runs and something has arrived. */
export function summarize(
	snapshot: EdgeSnapshot,
	upstreamByModule: Readonly<Record<string, number>>,
): RunSummary {
	const wanted = snapshot.modules.filter((module) => module.wanted);
	const idle = wanted.filter((module) => module.status !== 'running');
	const problems = idle.map(({ name, status, description }) =>
		`${name} is ${status}. ${shorten(description)}`.trimEnd(),
	);
	const { deployment } = snapshot;
	if (deployment === undefined) problems.push('The agent has not reported a deployment.');
	else if (deployment.code !== 200) {
		problems.push(`The deployment ended with ${deployment.code}: ${deployment.description}`);
	}
	if (snapshot.upstream === 0) problems.push('No message has arrived in IoT Hub.');
	return {
		succeeded: problems.length === 0,
		seconds: Math.round(snapshot.uptime / 1000),
		modulesRunning: wanted.length - idle.length,
		modulesWanted: wanted.length,
		messagesRouted: snapshot.routed,
		messagesUpstream: snapshot.upstream,
		upstreamByModule,
		problems,
	};
}

/** The summary as lines. */
export function formatSummary(summary: RunSummary): string[] {
	const { modulesRunning, modulesWanted, messagesRouted, messagesUpstream, seconds } = summary;
	const senders = Object.entries(summary.upstreamByModule)
		.map(([name, count]) => `${count} from ${name}`)
		.join(', ');
	return [
		`After ${formatDuration(seconds * 1000)}:`,
		`  modules running     ${modulesRunning} of ${modulesWanted}`,
		`  messages routed     ${messagesRouted}`,
		`  messages upstream   ${messagesUpstream}${senders === '' ? '' : ` (${senders})`}`,
		...summary.problems.map((problem) => `  problem: ${problem}`),
	];
}
