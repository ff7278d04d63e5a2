import type { HttpClusterClient } from '../../cluster/http-cluster-client.ts';
import { policySettings } from '../../edge-agent/policy-settings.ts';
import { type Clock, systemClock } from '../../runtime/clock.ts';
import { checkRights, neededRights } from '../check/agent-rights.ts';
import {
	checkApiServer,
	checkClock,
	checkNamespace,
	checkStorage,
} from '../check/cluster-checks.ts';
import { checkDevice } from '../check/device-checks.ts';
import type { Finding } from '../check/finding.ts';
import { checkHub, checkProvisioning } from '../check/hub-reachability.ts';
import {
	agentVariables,
	checkAgent,
	checkCertificates,
	hubAuthorities,
	installation,
} from '../check/installation-checks.ts';
import { checkIssuerKeys } from '../check/issuer-key-check.ts';
import { agentSources, checkSources } from '../check/source-checks.ts';
import { connectToEdge, type EdgeOptions } from '../edge-cluster.ts';
import { exitCode } from '../exit-code.ts';
import type { OutputForm } from '../output-form.ts';
import { plainText } from '../plain-text.ts';
import { plural } from '../problem-list.ts';
import type { Style, Terminal } from '../terminal.ts';

const styles: Readonly<Record<Finding['result'], Style>> = {
	ok: 'green',
	warning: 'yellow',
	error: 'red',
	skipped: 'dim',
};

/** Checks an installation, as `iotedge check` does. @returns 1 when a check has found an error */
export async function check(
	options: EdgeOptions & { readonly output: OutputForm },
	terminal: Terminal,
): Promise<number> {
	const client = await connectToEdge(options);
	const findings: Finding[] = [];
	for await (const finding of findingsOf(client, options.namespace, systemClock)) {
		findings.push(finding);
		if (options.output === 'text') terminal.write(`${lineOf(finding, terminal)}\n`);
	}
	if (options.output === 'json') terminal.write(`${JSON.stringify(findings, null, 2)}\n`);
	const count = (result: Finding['result']) =>
		findings.filter((finding) => finding.result === result).length;
	const errors = count('error');
	terminal.note(`${plural(errors, 'error')}, ${plural(count('warning'), 'warning')}\n`);
	return errors > 0 ? exitCode.failed : exitCode.ok;
}

/** Every check, one after the other; without an API server only the first. */
export async function* findingsOf(
	client: HttpClusterClient,
	namespace: string,
	clock: Clock,
): AsyncGenerator<Finding> {
	const server = await checkApiServer(client);
	yield server;
	if (server.result === 'error') return;
	yield checkClock(client, () => clock.now());
	yield checkNamespace(client, namespace);
	const variables = await agentVariables(client, namespace);
	yield checkStorage(client, variables[policySettings.storageClassName.env]);
	const sources = await agentSources(client, namespace);
	const rights = await neededRights(sources.includes('edge-deployment'));
	yield checkRights(client, namespace, installation.agent, rights);
	yield checkIssuerKeys(client, namespace, installation.agent);
	yield checkAgent(client, namespace);
	yield checkSources(client, namespace, sources);
	const { findings, hubHostName, dpsHostName } = await checkDevice(client, namespace, clock.now());
	yield* findings;
	yield checkCertificates(client, namespace, clock.now());
	const authorities = await hubAuthorities(client, namespace);
	if (dpsHostName !== undefined) yield* await checkProvisioning(dpsHostName, authorities);
	if (hubHostName !== undefined) yield* await checkHub(hubHostName, authorities);
}

function lineOf({ check: name, result, detail, remedy }: Finding, terminal: Terminal): string {
	const mark = terminal.style(styles[result], result.padEnd(8));
	const line = `${mark}${name}: ${plainText(detail)}`;
	return remedy === undefined || result === 'ok' ? line : `${line}\n        ${plainText(remedy)}`;
}
