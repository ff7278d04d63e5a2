import { twinPlace } from '../../edge-agent/sources/local-deployment.ts';
import { systemClock } from '../../runtime/clock.ts';
import { connectToEdge, type EdgeOptions } from '../edge-cluster.ts';
import { type EdgeStatus, readEdgeStatus } from '../edge-status.ts';
import { exitCode } from '../exit-code.ts';
import type { OutputForm } from '../output-form.ts';
import { plainText } from '../plain-text.ts';
import { formatTable } from '../table.ts';
import type { Terminal } from '../terminal.ts';

/** Shows one page about an edge. @returns 1 when a module or the deployment is not as it should be. */
export async function status(
	options: EdgeOptions & { readonly output: OutputForm },
	terminal: Terminal,
): Promise<number> {
	const client = await connectToEdge(options);
	const found = await readEdgeStatus(client, options.namespace, systemClock.now());
	const text = options.output === 'json' ? JSON.stringify(found, null, 2) : pageOf(found, terminal);
	terminal.write(`${text}\n`);
	return isWell(found) ? exitCode.ok : exitCode.failed;
}

/** Whether everything that is known is as it should be. */
export function isWell({ agent, modules }: EdgeStatus): boolean {
	const applied = agent.code === undefined || agent.code === 200;
	const running = ({ runtimeStatus }: EdgeStatus['modules'][number]) =>
		runtimeStatus === 'running' || runtimeStatus === 'stopped';
	return applied && modules.length > 0 && modules.every(running);
}

function pageOf(status: EdgeStatus, terminal: Terminal): string {
	const { agent, hub, modules, warnings } = status;
	const facts: [string, string][] = [
		['namespace', status.namespace],
		['deployment', deploymentText(agent, terminal)],
		['IoT Hub', connectionText(agent.hubConnected, terminal)],
		['edge hub', hubText(hub)],
		['agent', plainText(agent.leader ?? 'unknown')],
	];
	const lines = facts.map(([name, value]) => `${`${name}:`.padEnd(12)}${value}`);
	const rows = modules.map(({ name, runtimeStatus, readyReplicas, replicas, ...module }) => [
		name,
		terminal.style(runtimeStatus === 'running' ? 'green' : 'yellow', runtimeStatus),
		`${readyReplicas}/${replicas}`,
		String(module.restartCount),
		plainText(module.statusDescription),
	]);
	lines.push('', ...formatTable(['MODULE', 'STATUS', 'READY', 'RESTARTS', 'DESCRIPTION'], rows));
	if (warnings.length > 0) lines.push('', 'Warnings of the last hour:');
	for (const { time, reason, object, message, count } of warnings) {
		const times = count > 1 ? ` (${count} times)` : '';
		lines.push(`  ${time} ${reason} ${object}${times}`, `    ${plainText(message)}`);
	}
	return lines.join('\n');
}

function deploymentText(
	{ deploymentVersion, source, code }: EdgeStatus['agent'],
	terminal: Terminal,
): string {
	if (deploymentVersion === undefined && code === undefined) return 'unknown';
	const shown = code === undefined ? '' : `, code ${code}`;
	const text = plainText(`${versionText(deploymentVersion, source)}${shown}`);
	return code === undefined || code === 200 ? text : terminal.style('yellow', text);
}

/** The version of a deployment that is not IoT Hub's stands with its source. */
function versionText(version: number | undefined, source = twinPlace): string {
	return source === twinPlace ? `version ${version ?? 'unknown'}` : source;
}

function connectionText(connected: boolean | undefined, terminal: Terminal): string {
	if (connected === undefined) return 'unknown';
	return connected ? 'connected' : terminal.style('yellow', 'not connected');
}

function hubText({ connectedClients, queuedMessages }: EdgeStatus['hub']): string {
	if (connectedClients === undefined) return 'unknown';
	return `${connectedClients} clients, ${queuedMessages ?? 0} messages waiting`;
}
